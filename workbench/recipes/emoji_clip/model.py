"""The architecture of `emoji-clip`, and its export as a folder that open_clip loads by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from workbench.recipes.emoji_clip.batches import IMAGE
from workbench.recipes.emoji_clip.tokenizer import CONTEXT, save

__all__ = [
    "PatchDropout",
    "build",
    "config",
    "contrastive_loss",
    "embed_pair",
    "export",
    "stored",
    "write_folder",
]

WIDTH = 192
MEAN = STD = (0.5, 0.5, 0.5)


def config(vocabulary: int) -> dict[str, Any]:
    """open_clip's `model_cfg`: two plain transformers of width 192 into 192 features."""
    return {
        "embed_dim": WIDTH,
        "vision_cfg": {"image_size": IMAGE, "layers": 6, "width": WIDTH, "head_width": 32, "patch_size": 8},
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": vocabulary,
            "width": WIDTH,
            "heads": 6,
            "layers": 4,
            "hf_tokenizer_name": "tokenizer",
        },
    }


def build(vocabulary: int, *, patch_dropout: float = 0.0) -> nn.Module:
    """An untrained model; `patch_dropout` is the share of patches each training picture loses (FLIP)."""
    chosen = config(vocabulary)
    chosen["vision_cfg"]["patch_dropout"] = patch_dropout
    text = {key: value for key, value in chosen["text_cfg"].items() if key != "hf_tokenizer_name"}
    model = open_clip.CLIP(chosen["embed_dim"], chosen["vision_cfg"], text)
    if patch_dropout:
        model.visual.patch_dropout = PatchDropout(patch_dropout)
    return model


class PatchDropout(nn.Module):
    """Each picture keeps a random share of its patches, and the class token (FLIP).

    open_clip's own draws on the CPU, and a GPU would wait for it at every step.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, tokens: Tensor) -> Tensor:
        """item x token x feature, the class token first."""
        if not self.training:
            return tokens
        items, patches = tokens.shape[0], tokens.shape[1] - 1
        keys = torch.randn(items, patches, device=tokens.device)
        kept = 1 + keys.topk(max(1, int(patches * (1 - self.share))), dim=1).indices
        kept = torch.cat([kept.new_zeros(items, 1), kept], dim=1)
        return tokens.gather(1, kept[:, :, None].expand(-1, -1, tokens.shape[2]))


def embed_pair(model: Any, pictures: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors of pictures in 0..1 and of token ids shorter than the full context, batch x feature."""
    mean, std = (torch.tensor(value, device=pictures.device).view(1, 3, 1, 1) for value in (MEAN, STD))
    image = model.encode_image((pictures - mean) / std, normalize=True)
    length = text.shape[1]
    hidden = model.token_embedding(text) + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    pooled = hidden[torch.arange(len(text), device=text.device), text.argmax(dim=1)]
    return image, functional.normalize(pooled @ model.text_projection, dim=-1)


def contrastive_loss(image: Tensor, text: Tensor, log_scale: Tensor) -> Tensor:
    """Symmetric cross-entropy over the batch.

    Source: CLIP, Radford et al. 2021, figure 3.
    """
    logits = log_scale.exp() * image.float() @ text.float().T
    target = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def export(state: dict[str, Tensor], tokenizer: Tokenizer, folder: Path) -> None:
    """Write configuration, tokeniser and half-precision weights to `folder`."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in state.items()
    }
    # The scale stays exact: it multiplies every logit.
    weights["logit_scale"] = state["logit_scale"].float().cpu()
    write_folder(folder, tokenizer, config(tokenizer.get_vocab_size()), weights, mean=MEAN, std=STD)


def write_folder(
    folder: Path,
    tokenizer: Tokenizer,
    model_cfg: dict[str, Any],
    weights: dict[str, Tensor],
    *,
    mean: Sequence[float],
    std: Sequence[float],
) -> None:
    """A folder as open_clip loads it; pictures are fitted into the square, on white."""
    save(tokenizer, folder)
    preprocess = {
        "mean": mean,
        "std": std,
        "interpolation": "bicubic",
        "resize_mode": "longest",
        "fill_color": 255,
    }
    written = {"model_cfg": model_cfg, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    file = folder / "open_clip_model.safetensors"
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)  # it is written for its owner alone, and would be installed so


def stored(folder: Path) -> dict[str, Tensor]:
    """The weights of a model folder, in single precision: what training can go on from."""
    loaded = load_file(folder / "open_clip_model.safetensors")
    return {name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
