"""Patches and words of a dual encoder compared: every token read alone by its tower's own head."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workbench.capture import Trace
from workbench.errors import UnsupportedError

__all__ = ["token_cosines", "token_vectors"]


def token_cosines(model: Any, trace: Trace) -> NDArray[np.float32]:
    """Cosine of each text token with each patch, both read alone by the head of their tower.

    No attention joins the two towers of a CLIP; this is the nearest thing to one. It is no attention: the
    head was trained to read whole pictures and texts, and a patch's last state holds much of the picture.

    Returns:
        text token x row x col.

    Raises:
        UnsupportedError: the model has no two towers of attention, or no patches.

    Source: dense readings of CLIP, Zhou et al. 2022 (MaskCLIP), here with the whole head.
    """
    picture = trace.group("image")
    if not picture or not trace.group("text") or picture[-1].query.grid is None:
        raise UnsupportedError(
            "Cosines of patches and words need a model with an image tower of patches and a text tower; "
            f"this trace holds {', '.join(site.name for site in trace.sites[:6])}."
        )
    image, text = (
        functional.normalize(token_vectors(model, trace, side), dim=-1) for side in ("image", "text")
    )
    layout, words = picture[-1].query, trace.group("text")[-1].query
    places = torch.arange(words.first_word, words.first_word + len(words.words))
    cosines = text[places] @ image[torch.from_numpy(layout.patches)].T
    return cosines.float().cpu().numpy().reshape(len(places), *layout.grid)  # type: ignore[misc]


def token_vectors(model: Any, trace: Trace, side: str) -> Tensor:
    """token x feature: what the tower would say if its last block gave this token's state at every place.

    So the token that the head reads gives the model's own vector, whichever way the head reads.

    Raises:
        UnsupportedError: the head mixes items, so that tokens cannot be read apart.
    """
    path = trace.group(side)[-1].path
    found = list(re.finditer(r"\.\d+(?=\.|$)", path))
    block = model.model.get_submodule(path[: found[-1].end()] if found else path)
    count = trace.group(side)[-1].query.count
    handle = block.register_forward_hook(_each_token_everywhere())
    try:
        with torch.no_grad():
            vectors = _read(model, trace, side)
    except (RuntimeError, IndexError) as problem:
        raise UnsupportedError(
            f"The {side} head of {model.card.name} does not read tokens one by one ({problem}); there are no "
            "cosines of patches and words for it."
        ) from problem
    finally:
        handle.remove()
    if len(vectors) != count:
        raise UnsupportedError(
            f"The {side} head of {model.card.name} gave {len(vectors)} vectors for {count} tokens, so they "
            "cannot be read apart."
        )
    return vectors


def _read(model: Any, trace: Trace, side: str) -> Tensor:
    pair = trace.pair
    picture, text = pair if isinstance(pair, tuple) else (pair.picture, pair.text)
    if side == "image":
        return model.image_features(model.pixels([picture]))
    return model.text_features(model.words([text]))


def _each_token_everywhere() -> Callable[[nn.Module, Any, Any], Any]:
    """A hook: 1 x token x width -> token x token x width, item k holding token k at every place.

    Only in this thread: whoever runs the same model meanwhile in another gets what the model says.
    """
    mine = threading.get_ident()

    def spread_out(_: nn.Module, __: Any, output: Any) -> Any:
        return _spread(output) if threading.get_ident() == mine else output

    return spread_out


def _spread(output: Any) -> Any:
    states = output[0] if isinstance(output, tuple) else output
    spread = states[0][:, None].expand(-1, states.shape[1], -1).contiguous()
    return (spread, *output[1:]) if isinstance(output, tuple) else spread
