"""Which modality does the work: Shapley values, interaction, EMAP, gradients, information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workbench.fusion.comparison.dataset import Batch, Bundle, gather
from workbench.fusion.comparison.pid import cluster, decompose
from workbench.fusion.comparison.report_parts import Pid
from workbench.fusion.ensemble import Replicas

__all__ = ["coalition_values", "coalitions", "emap", "gradients", "information", "interaction", "shapley"]

_DRAWS = 3  # other items that a removed modality is taken from
_PAIRS = 4096  # combinations a step
_GRADIENT_ITEMS = 256
_CLUSTERS = 6


def coalitions(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every subset of the modalities, from none to all, in a fixed order."""
    return tuple(chosen for size in range(len(names) + 1) for chosen in combinations(names, size))


def coalition_values(
    replicas: Replicas, inputs: Batch, truth: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float64]:
    """seed x coalition: accuracy with the coalition's modalities kept and each other one from other items.

    What is removed is drawn from the test items themselves, so that it stays in distribution; the draws
    are the same for every fusion.
    """
    names = tuple(inputs)
    items, device = len(truth), next(iter(inputs.values()))[0].device
    random = np.random.default_rng([seed, 23])
    draws = {name: [random.permutation(items) for _ in range(_DRAWS)] for name in names}
    label = torch.from_numpy(truth).to(device)
    out = []
    for kept in coalitions(names):
        right = np.zeros(replicas.count)
        rounds = _DRAWS if len(kept) < len(names) else 1
        for turn in range(rounds):
            rows = {name: np.arange(items) if name in kept else draws[name][turn] for name in names}
            right += (
                (_logits(replicas, inputs, rows).argmax(dim=-1) == label).float().mean(dim=1).cpu().numpy()
            )
        out.append(right / rounds)
    return np.stack(out, axis=1)


def shapley(values: NDArray, names: Sequence[str]) -> NDArray[np.float64]:
    """... x modality: each modality's mean gain over every order of joining. They sum to all - none.

    `values` is ... x coalition, in the order of `coalitions(names)`.
    """
    order = {frozenset(chosen): place for place, chosen in enumerate(coalitions(names))}
    count = len(names)
    out = np.zeros((*values.shape[:-1], count))
    for place, name in enumerate(names):
        for chosen, where in order.items():
            if name in chosen:
                continue
            weight = factorial(len(chosen)) * factorial(count - len(chosen) - 1) / factorial(count)
            out[..., place] += weight * (values[..., order[chosen | {name}]] - values[..., where])
    return out


def interaction(values: NDArray, names: Sequence[str]) -> NDArray[np.float64]:
    """value(all) - sum of each alone + (modalities - 1) x value(none): above 0 together, below 0 the same.

    XOR has +1/2 and a copy -1/2, with equal Shapley values: the two belong on one figure.
    """
    alone = values[..., 1 : len(names) + 1].sum(axis=-1)
    return values[..., -1] - alone + (len(names) - 1) * values[..., 0]


def emap(replicas: Replicas, inputs: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(logits, EMAP): of the same items, seed x item x class, both with mean 0 over classes.

    EMAP is the nearest sum of one function a modality: f(a_i) + g(b_i), each the mean of the logits over
    the other modality of all items. It needs every combination of them (items squared passes).

    Source: Hessel & Lee 2020, arXiv 2010.06572, section 3.
    """
    first, second = tuple(inputs)
    items = len(inputs[first][0])
    one, two = (grid.reshape(-1) for grid in np.meshgrid(np.arange(items), np.arange(items), indexing="ij"))
    logits = _logits(replicas, inputs, {first: one, second: two})
    logits = logits - logits.mean(dim=-1, keepdim=True)
    table = logits.unflatten(1, (items, items))
    summed = table.mean(dim=2) + table.mean(dim=1) - table.mean(dim=(1, 2))[:, None]
    own = table.diagonal(dim1=1, dim2=2).transpose(1, 2)
    return own.cpu().numpy(), summed.cpu().numpy()


def gradients(replicas: Replicas, data: Bundle) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(cosine, ratio), one a seed: do the modalities pull shared weights the same way, and which harder?

    cosine: of the gradients of the loss with one modality given, then with the other, on the weights that
    belong to neither's stream; NaN where there are none. ratio: norm of the joint loss's gradient in the
    first modality's stream over the second's; NaN where they have no streams.
    """
    names = tuple(data.spec.features)
    rows = torch.from_numpy(data.rows["train"][:_GRADIENT_ITEMS]).to(data.labels.device)
    label = data.labels[rows].expand(replicas.count, -1)
    whole = gather(data.inputs, rows.expand(replicas.count, -1))
    own = {name: [key for key in replicas.parameters if key.startswith(f"streams.{name}.")] for name in names}
    private = {key for keys in own.values() for key in keys}
    private |= {key for key in replicas.parameters if key.startswith(("heads.", "blocks.")) and private}
    shared = [key for key in replicas.parameters if key not in private]
    nothing = np.full(replicas.count, np.nan)
    ratio = nothing
    if all(own.values()):
        joint = _gradient(replicas, whole, label, [*own[names[0]], *own[names[1]]])
        count = len(own[names[0]])
        ratio = (_norm(joint[:count]) / _norm(joint[count:]).clamp(min=1e-12)).cpu().numpy()
    if not shared:
        return nothing, ratio
    alone = []
    for name in names[:2]:
        only = {
            other: (values, mask if other == name else torch.zeros_like(mask))
            for other, (values, mask) in whole.items()
        }
        alone.append(torch.cat([part.flatten(1) for part in _gradient(replicas, only, label, shared)], dim=1))
    return functional.cosine_similarity(alone[0], alone[1], dim=1).cpu().numpy(), ratio


def information(
    latents: Mapping[str, NDArray[np.int64]] | None,
    data: Bundle,
    rows: NDArray[np.int64],
    answers: Mapping[str, NDArray[np.int64]],
    seed: int = 0,
) -> dict[str, Pid]:
    """Decompositions over the same items: of the label ("data"), and of what each fusion answers.

    With `latents` (what a generator put into each modality) they are exact. Otherwise each modality's
    mean token becomes a discrete value, and the result depends on how; the estimator says so.
    """
    first, second = tuple(data.spec.features)[:2]
    names = (first, second)
    if latents is not None:
        values = {name: np.asarray(latents[name])[rows] for name in names}
        how = "exact, over the generator's own values"
    else:
        found = {name: cluster(_mean_tokens(data.inputs[name], rows), _CLUSTERS, seed) for name in names}
        values = {name: value for name, (value, _) in found.items()}
        how = "; ".join(f"{name}: {said}" for name, (_, said) in found.items())
    labels = data.labels.cpu().numpy()[rows]
    one, two = values[names[0]], values[names[1]]
    out = {"data": decompose(one, two, labels, names=names, permutations=8, seed=seed, estimator=how)}
    for fusion, answer in answers.items():
        out[fusion] = decompose(one, two, answer, names=names, estimator=how)
    return out


def _mean_tokens(pair: tuple[Tensor, Tensor], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    values, mask = (part[torch.from_numpy(rows).to(part.device)] for part in pair)
    share = mask[..., None].to(values.dtype)
    return ((values * share).sum(dim=1) / share.sum(dim=1).clamp(min=1)).double().cpu().numpy()


def _logits(replicas: Replicas, inputs: Batch, rows: Mapping[str, NDArray]) -> Tensor:
    """copy x combination x class: each modality's items by their own row numbers."""
    count = len(next(iter(rows.values())))
    device = next(iter(inputs.values()))[0].device
    parts = []
    for start in range(0, count, _PAIRS):
        batch = {}
        for name, (values, mask) in inputs.items():
            chosen = torch.from_numpy(rows[name][start : start + _PAIRS]).to(device)
            batch[name] = values[chosen], mask[chosen]
        parts.append(replicas.shared(lambda model, same: model(same).logits, batch))
    return torch.cat(parts, dim=1)


def _gradient(replicas: Replicas, batch: Batch, label: Tensor, keys: list[str]) -> list[Tensor]:
    logits = replicas.apply(lambda model, rows: model(rows).logits, batch)
    loss = functional.cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="sum") / label.shape[1]
    found = torch.autograd.grad(loss, [replicas.parameters[key] for key in keys], allow_unused=True)
    return [
        torch.zeros_like(replicas.parameters[key]) if grad is None else grad
        for key, grad in zip(keys, found, strict=True)
    ]


def _norm(parts: list[Tensor]) -> Tensor:
    return torch.stack([part.flatten(1).pow(2).sum(dim=1) for part in parts]).sum(dim=0).sqrt()
