"""What is peculiar to families of models, as data: the mechanics ask here and name no family themselves.

A new family that puts its tokens in another order, or calls its gates or its inputs otherwise, is a row or a
word here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from workbench.attention.token_layout import Pooling

__all__ = [
    "BEHIND_PATCHES",
    "CROSSES",
    "FAMILIES",
    "GATE",
    "IN_DECODER",
    "LINE_ENDS",
    "PACKED",
    "PICTURE_TOKENS",
    "PLACED",
    "POOLINGS",
    "SOUND_TOKENS",
    "TEXTS",
    "Family",
    "family_of",
]


@dataclass(frozen=True)
class Family:
    """What cannot be told from how a model is built.

    Attributes:
        patches_first: words and patches share a sequence, and the patches stand before the words.
        reads_first: of such a sequence the first token is read out, a class token.
        shuffles: its patches are drawn in a random order, all of them.
        own_sizes: pictures are read in their own sizes, side by side in one sequence, whatever was padded.
        marks_last: a tower's class token stands behind its patches.
        whole_last: of a picture that is cut into tiles, the one that shows all of it stands behind them.
    """

    patches_first: bool = False
    reads_first: bool = True
    shuffles: bool = False
    own_sizes: bool = False
    marks_last: bool = False
    whole_last: bool = False


FAMILIES: Mapping[str, Family] = {
    "flava": Family(patches_first=True),
    "git": Family(patches_first=True, reads_first=False),
    "vilt": Family(shuffles=True),
    "pixtral": Family(own_sizes=True),
    "aya_vision": Family(whole_last=True),
    "idefics": Family(whole_last=True),
    "internvl": Family(whole_last=True),
    "lfm2_vl": Family(whole_last=True),
    "llama4": Family(marks_last=True, whole_last=True),
    "smolvlm": Family(whole_last=True),
}
"""How `model_type` begins, as a part's configuration says it -> what is peculiar to the family."""

# Inputs, by the names that processors give them -----------------------------------------------

TEXTS = ("input_ids", "inputs_embeds", "text", "decoder_input_ids", "decoder_inputs_embeds")
PACKED = (
    "image_grid_thw",
    "video_grid_thw",
    "grid_thw",
    "spatial_shapes",
    "target_sizes",
    "image_position_ids",
)
"""Inputs that say how the pictures of packed patches lie."""
PLACED = ("image_embeds_position_mask", "image_patches_indices")
"""Inputs that say at which places of the text a picture is read: 1, or the number of a patch."""

# Settings that say which token of the text stands for something else ---------------------------

PICTURE_TOKENS = ("image_token_id", "image_token_index", "image_patch_id")
SOUND_TOKENS = ("audio_token_id", "audio_token_index")

# Parameters ------------------------------------------------------------------------------------

BEHIND_PATCHES = ("detection_tokens", "group_token")
"""Learned tokens behind patches: what a detector finds (YOLOS), by what patches are grouped (GroupViT)."""
LINE_ENDS = "image_newline"
"""The learned token at the end of each row of a picture made of tiles (LLaVA-NeXT)."""
GATE = re.compile(r"(alpha|gate).*attn|attn.*(alpha|gate)")
"""The gate of a block's cross-attention (Flamingo, Idefics), not that of its feed-forward part."""

# Modules, by where they stand in a model --------------------------------------------------------

CROSSES = re.compile(r"cross|visual_attention|encoder_?attn|encoder_(decoder_)?attention|enc_?dec", re.I)
"""Attention inside a block that asks another sequence."""
IN_DECODER = re.compile(r"(^|\.)(text_)?decoder(\.|$)")

# What image towers say of themselves -------------------------------------------------------------

POOLINGS: Mapping[str, Pooling] = {"tok": "token", "token": "token", "avg": "mean", "map": "attention"}
"""`global_pool` of timm and `pool_type` of open_clip -> `TokenLayout.pooling`."""


def family_of(root: nn.Module) -> Family:
    """What is peculiar to a model, or to any part of it."""
    kinds = dict.fromkeys(
        str(getattr(getattr(part, "config", None), "model_type", "")) for part in root.modules()
    )
    return next((one for kind in kinds for name, one in FAMILIES.items() if kind.startswith(name)), Family())
