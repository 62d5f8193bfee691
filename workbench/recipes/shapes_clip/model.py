"""The architecture of `shapes-clip`: `emoji-clip`'s, narrower, and its export as a folder for open_clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import open_clip
from tokenizers import Tokenizer
from torch import Tensor, nn

from workbench.recipes.emoji_clip.model import write_folder
from workbench.recipes.emoji_clip.tokenizer import CONTEXT

__all__ = ["IMAGE", "build", "config", "export"]

IMAGE = 64  # pixels, rows and columns of the model's input
WIDTH = 128
_NORMAL = (0.5, 0.5, 0.5)


def config(vocabulary: int) -> dict[str, Any]:
    """open_clip's `model_cfg`: two plain transformers of width 128 into 128 features."""
    return {
        "embed_dim": WIDTH,
        "vision_cfg": {"image_size": IMAGE, "layers": 4, "width": WIDTH, "head_width": 32, "patch_size": 8},
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": vocabulary,
            "width": WIDTH,
            "heads": 4,
            "layers": 2,
            "hf_tokenizer_name": "tokenizer",
        },
    }


def build(vocabulary: int) -> nn.Module:
    """An untrained model."""
    chosen = config(vocabulary)
    text = {key: value for key, value in chosen["text_cfg"].items() if key != "hf_tokenizer_name"}
    return open_clip.CLIP(chosen["embed_dim"], chosen["vision_cfg"], text)


def export(state: dict[str, Tensor], tokenizer: Tokenizer, folder: Path) -> None:
    """Write configuration, tokeniser and weights (float32: it is a small model) to `folder`."""
    weights = {name: value.contiguous() for name, value in state.items()}
    write_folder(folder, tokenizer, config(tokenizer.get_vocab_size()), weights, mean=_NORMAL, std=_NORMAL)
