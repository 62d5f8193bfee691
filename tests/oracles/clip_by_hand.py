"""CLIP's towers written out once more, from the weights alone, in float64: nothing of them is shared.

The image tower may be given its attention, so that derivatives by attention come from finite differences,
with no autograd and no hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def weights(model) -> dict[str, Array]:
    """A state dict of torch as float64 arrays."""
    return {name: value.detach().double().numpy() for name, value in model.state_dict().items()}


def softmax(scores: Array) -> Array:
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def norm(x: Array, w: Mapping[str, Array], name: str) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    return (
        centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5) * w[f"{name}.weight"]
        + w[f"{name}.bias"]
    )


def gelu(x: Array) -> Array:
    from scipy.special import erf

    return x * (1 + erf(x / np.sqrt(2))) / 2


class Tower:
    """One tower: `run` gives the vector; `attention`, `values`, `queries`, `keys`, `hidden` what was inside."""

    def __init__(self, w: dict[str, Array], prefix: str, layers: int, heads: int, causal: bool) -> None:
        self.w, self.prefix, self.layers, self.heads, self.causal = w, prefix, layers, heads, causal

    def blocks(
        self, x: Array, given: Mapping[int, Array] | None = None, plus: Mapping[int, Array] | None = None
    ):
        """token x width through all blocks. `given`: layer -> attention to use. `plus`: added to A @ V."""
        w, self.attention, self.hidden = self.w, [], []
        self.queries, self.keys, self.values = [], [], []
        for layer in range(self.layers):
            name = f"{self.prefix}.{layer}"
            inner = norm(x, w, f"{name}.ln_1")
            joined = inner @ w[f"{name}.attn.in_proj_weight"].T + w[f"{name}.attn.in_proj_bias"]
            q, k, v = (
                part.reshape(len(x), self.heads, -1).transpose(1, 0, 2)
                for part in np.split(joined, 3, axis=1)
            )
            if f"{name}.attn.ln_q.weight" in w:  # a tower whose queries and keys are normed, head by head
                q, k = norm(q, w, f"{name}.attn.ln_q"), norm(k, w, f"{name}.attn.ln_k")
            scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
            if self.causal:
                scores = np.where(np.tril(np.ones(scores.shape[1:])) > 0, scores, -np.inf)
            attention = softmax(scores) if given is None or layer not in given else given[layer]
            mixed = (attention @ v).transpose(1, 0, 2).reshape(len(x), -1)
            if plus is not None and layer in plus:
                mixed = mixed + plus[layer]
            x = x + mixed @ w[f"{name}.attn.out_proj.weight"].T + w[f"{name}.attn.out_proj.bias"]
            inner = norm(x, w, f"{name}.ln_2")
            inner = gelu(inner @ w[f"{name}.mlp.c_fc.weight"].T + w[f"{name}.mlp.c_fc.bias"])
            x = x + inner @ w[f"{name}.mlp.c_proj.weight"].T + w[f"{name}.mlp.c_proj.bias"]
            self.attention.append(attention)
            self.hidden.append(x)
            self.queries.append(q)
            self.keys.append(k)
            self.values.append(v)
        return x


class Picture(Tower):
    """The image tower of open_clip's CLIP with a class token."""

    def __init__(self, w: dict[str, Array], layers: int, heads: int) -> None:
        super().__init__(w, "visual.transformer.resblocks", layers, heads, causal=False)

    def run(self, pixels: Array, given: Mapping[int, Array] | None = None, plus=None) -> Array:
        kernel = self.w["visual.conv1.weight"]
        side = kernel.shape[-1]
        rows, cols = pixels.shape[1] // side, pixels.shape[2] // side
        patches = [
            np.tensordot(kernel, pixels[:, r * side : (r + 1) * side, c * side : (c + 1) * side], axes=3)
            for r in range(rows)
            for c in range(cols)
        ]
        x = np.stack([self.w["visual.class_embedding"], *patches]) + self.w["visual.positional_embedding"]
        x = self.blocks(norm(x, self.w, "visual.ln_pre"), given, plus)
        return self.head(x[0])

    def head(self, token: Array) -> Array:
        return norm(token, self.w, "visual.ln_post") @ self.w["visual.proj"]


class Text(Tower):
    """The text tower of open_clip's CLIP."""

    def __init__(self, w: dict[str, Array], layers: int, heads: int) -> None:
        super().__init__(w, "transformer.resblocks", layers, heads, causal=True)

    def run(self, ids: Sequence[int], given: Mapping[int, Array] | None = None, plus=None) -> Array:
        x = self.w["token_embedding.weight"][list(ids)] + self.w["positional_embedding"][: len(ids)]
        x = self.blocks(x, given, plus)
        return norm(x[int(np.argmax(ids))], self.w, "ln_final") @ self.w["text_projection"]


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def slope(function, at: Array, step: float = 1e-6) -> Array:
    """Central differences of a number by every entry of `at`."""
    out = np.zeros_like(at)
    for place in np.ndindex(*at.shape):
        moved = at.copy()
        moved[place] += step
        above = function(moved)
        moved[place] -= 2 * step
        out[place] = (above - function(moved)) / (2 * step)
    return out
