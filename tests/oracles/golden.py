"""Weights that any program can make again, for numbers that the authors' own programs have printed.

Three repositories were run outside this project, once, on these weights and on one picture and text; what
they gave is kept in `golden.npz`. Nothing of theirs is here.

- `relevance_*`: Transformer-MM-Explainability, `interpret` of its CLIP notebook, in double precision: in single it
  differs from itself by 1e-5 from one kind of CPU to the next.
- `legrad`: LeGrad 1.1 on open_clip 2.23.0, the last version that it reads rightly.
- `eclip_*`: Grad-Eclip, `grad_eclip` and `grad_eclip_text`.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

__all__ = ["GOLDEN", "TEXT", "fill", "heads_of", "picture", "plain_output"]

GOLDEN = Path(__file__).with_name("golden.npz")
TEXT = "two small red birds on wire"  # six tokens: with start and end they fill a context of eight


def heads_of(heads: int) -> dict[str, dict]:
    """The configuration of a tiny CLIP with that many heads in both towers."""
    vision = {"image_size": 32, "layers": 3, "width": 64 * heads, "head_width": 64, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 49408, "width": 16 * heads, "heads": heads, "layers": 3}
    return {"vision": vision, "text": text}


def fill(model: nn.Module) -> None:
    """Weights from the names of the parameters: NumPy's generator gives the same for ever."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            drawn = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(value.shape))
            if "ln_" in name and name.endswith("weight"):
                drawn = 1 + 0.1 * drawn
            elif name.endswith("logit_scale"):
                drawn = np.zeros(())  # the score is the cosine itself
            else:
                drawn = drawn * (2.0 / np.sqrt(value.shape[-1]) if value.ndim > 1 else 0.1)
            value.copy_(torch.from_numpy(np.asarray(drawn)))


def plain_output(model: nn.Module) -> None:
    """Output projections that change nothing: Grad-Eclip puts queries and keys through them, and we do not."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("out_proj.weight"):
                value.copy_(torch.eye(len(value)))
            elif name.endswith("out_proj.bias"):
                value.zero_()


def picture() -> Image.Image:
    """32 x 32 pixels of coarse noise."""
    noise = np.random.default_rng(11).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((32, 32), Image.Resampling.NEAREST)
