"""The dual encoders of transformers: CLIP, SigLIP, SigLIP 2, MetaCLIP 2, ALIGN, Chinese-CLIP, AltCLIP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image, fromarray
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from workbench.errors import BadWeightsError, UnsupportedError
from workbench.models.adapters.pieces import token_view, vocabulary_digest
from workbench.models.adapters.tower import Blueprint, TwoTower, as_rgb
from workbench.models.base import ModelCard, TokenView
from workbench.models.weights import files_digest, read_json, reading, too_little
from workbench.results import Rule

__all__ = ["FAMILIES", "TransformersEncoder", "as_embedding", "load_transformers"]


@dataclass(frozen=True)
class _Family:
    """What differs between families and cannot be read from a configuration.

    Attributes:
        padded: pad to `limit` as in training, and give the text tower no mask.
        limit: tokens of a text where the processor of the library fixes it, else None.
    """

    name: str
    rule: Rule = "softmax"
    padded: bool = False
    limit: int | None = None


_VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)

FAMILIES: Mapping[str, _Family] = {
    "clip": _Family("CLIP"),
    "metaclip_2": _Family("MetaCLIP 2"),
    # SigLIP reads the padding: a shorter row gives another vector (mteb#1424, facet#145).
    "siglip": _Family("SigLIP", "sigmoid", padded=True),
    "siglip2": _Family("SigLIP 2 NaFlex", "sigmoid", padded=True),
    "align": _Family("ALIGN", limit=64),
    "chinese_clip": _Family("Chinese-CLIP"),
    "altclip": _Family("AltCLIP"),
}
"""Families by `model_type` of config.json."""


class TransformersEncoder(TwoTower):
    """A transformers model with its own image processor and tokeniser."""

    def __init__(
        self,
        model: nn.Module,
        blueprint: Blueprint,
        *,
        family: _Family,
        tokeniser: Any,
        image_processor: Any,
        lower: bool,
        limit: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(model, blueprint, device=device, dtype=dtype)
        self.tokeniser, self.image_processor = tokeniser, image_processor
        self._family, self._lower, self._limit = family, lower, limit

    def pixels(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """`pixel_values`: item x channel x row x col; NaFlex: item x patch x value, with mask and shapes."""
        inputs = self.image_processor(images=[as_rgb(p) for p in pictures], return_tensors="pt")
        moved = {name: value.to(self.device) for name, value in inputs.items()}
        moved["pixel_values"] = moved["pixel_values"].to(self.dtype)
        return moved

    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """`input_ids` and what else the family's text tower reads, item x token."""
        padding = "max_length" if self._family.padded or self._family.limit else "longest"
        inputs = self.tokeniser(
            [self._cleaned(text) for text in texts],
            padding=padding,
            truncation=True,
            max_length=self._limit,
            return_tensors="pt",
        )
        wanted = ("input_ids",) if self._family.padded else ("input_ids", "attention_mask", "token_type_ids")
        return {name: inputs[name].to(self.device) for name in wanted if name in inputs}

    def image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        return as_embedding(self.model.get_image_features(**inputs))  # type: ignore[operator]

    def text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        return as_embedding(self.model.get_text_features(**inputs))  # type: ignore[operator]

    def patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The last layer's tokens, item x token x feature, a class token first where there is one."""
        out = self.model.get_image_features(**inputs)  # type: ignore[operator]
        tokens = out.last_hidden_state
        if tokens.ndim != 3:
            name = type(self.image_tower).__name__
            raise UnsupportedError(f"the image tower ({name}) has maps of features, not patch tokens")
        return tokens

    @property
    def image_tower(self) -> nn.Module:
        """`model.vision_model`."""
        return self.model.vision_model  # type: ignore[return-value]

    @property
    def text_tower(self) -> nn.Module:
        """`model.text_model`."""
        return self.model.text_model  # type: ignore[return-value]

    def tokens(self, text: str) -> TokenView:
        """How the text is cut into tokens, and whether its end was lost."""
        return token_view(self.tokeniser, self._cleaned(text), self._limit)

    def preprocess_view(self, picture: Image) -> Image:
        """The very pixels that are rescaled and normalised next; NaFlex patches are laid out again."""
        plain = {"do_rescale": False, "do_normalize": False}
        if hasattr(self.image_processor, "include_top"):
            plain["include_top"] = False  # EfficientNet's (ALIGN) second normalisation
        out = self.image_processor(images=[as_rgb(picture)], return_tensors="pt", **plain)
        pixels = out["pixel_values"][0].float()
        if "spatial_shapes" in out:
            pixels = _laid_out(pixels, out["spatial_shapes"][0])
        return fromarray(pixels.permute(1, 2, 0).round().clamp(0, 255).byte().numpy())

    def _cleaned(self, text: str) -> str:
        return text.lower() if self._lower else text


def as_embedding(output: Any) -> Tensor:
    """The vectors in what `get_*_features` returned: a tensor up to transformers 4, an object from 5 on."""
    if isinstance(output, Tensor):
        return output
    pooled = getattr(output, "pooler_output", None)
    if pooled is None or pooled.ndim != 2:
        raise UnsupportedError(f"{type(output).__name__} holds no pooled vector, one for each item")
    return pooled


def load_transformers(
    folder: Path,
    weights: Sequence[Path],
    card: ModelCard,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> TransformersEncoder:
    """A folder as `save_pretrained` writes it: model, image processor and tokeniser.

    Raises:
        UnsupportedError: a model of another kind than the families here, or one that needs its own code.
        BadWeightsError: the weights are damaged, unsafe, or of another architecture.
    """
    config = read_json(folder / "config.json")
    family = _family(folder, config)
    options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    model = _model(folder, weights, card, options)
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        # transformers 5 would build an empty tokeniser here and say nothing.
        raise BadWeightsError(
            f"{folder} has no usable tokeniser: none of {', '.join(_VOCABULARIES)}. "
            "Save the model's processor into the folder too: processor.save_pretrained(folder)."
        )
    tokeniser = _part(AutoTokenizer, folder, "tokeniser", options)
    processor = _part(AutoImageProcessor, folder, "image processor", options)
    # SigLIP 2 at a fixed size has the class of SigLIP and Gemma's tokeniser; it was trained on lower case.
    second = any(name in type(tokeniser).__name__ for name in ("Gemma", "Siglip2"))
    lower = family.padded and (second or config["model_type"] == "siglip2")
    limit = _limit(model.config.text_config, tokeniser, family)
    size = getattr(model.config.vision_config, "image_size", None)
    scale, bias = _scale(model)
    volatile = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")
    blueprint = Blueprint(
        card=replace(
            card,
            library="transformers",
            family="SigLIP 2" if second and config["model_type"] == "siglip" else family.name,
            source="on this machine",
            image_size=(size, size) if isinstance(size, int) else None,
            text_length=limit,
        ),
        rule=family.rule,
        scale=scale,
        bias=bias,
        weights=files_digest(weights),
        architecture=["transformers", {k: v for k, v in config.items() if k not in volatile}],
        tokeniser=[vocabulary_digest(tokeniser), limit, lower],
        preprocessing=["transformers", type(processor).__name__, processor.to_dict()],
    )
    return TransformersEncoder(
        model,
        blueprint,
        family=family,
        tokeniser=tokeniser,
        image_processor=processor,
        lower=lower,
        limit=limit,
        device=device,
        dtype=dtype,
    )


def _family(folder: Path, config: Mapping[str, Any]) -> _Family:
    kind = str(config.get("model_type"))
    if "auto_map" in config:
        raise UnsupportedError(
            f"{folder} brings its own code ({config['auto_map']}), which is never run here. "
            "Load a model whose architecture is part of transformers."
        )
    if kind not in FAMILIES:
        known = ", ".join(f"{family.name} ({name})" for name, family in FAMILIES.items())
        raise UnsupportedError(
            f"{folder} holds a transformers model of type {kind!r}, not a dual encoder known here. "
            f"Known: {known}."
        )
    return FAMILIES[kind]


def _model(folder: Path, weights: Sequence[Path], card: ModelCard, options: Mapping[str, Any]) -> Any:
    safe = weights[0].suffix == ".safetensors"
    with reading(weights, f"the configuration in {folder} ({card.name})"):
        # float32 first: the scale of the logits is read before any rounding.
        model, report = AutoModel.from_pretrained(
            folder, use_safetensors=safe, dtype=torch.float32, output_loading_info=True, **options
        )
    missing = {*report["missing_keys"], *(entry[0] for entry in report.get("mismatched_keys", ()))}
    if missing:
        raise too_little(weights, f"the configuration in {folder}", missing)
    return model


def _part(loader: Any, folder: Path, what: str, options: Mapping[str, Any]) -> Any:
    try:
        return loader.from_pretrained(folder, **options)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as problem:
        raise BadWeightsError(
            f"{folder} has no usable {what}: {str(problem).splitlines()[0]} "
            "Save the model's processor into the folder too: processor.save_pretrained(folder)."
        ) from problem


def _limit(text_config: Any, tokeniser: Any, family: _Family) -> int:
    """Tokens of a text, start and end included."""
    positions = text_config.max_position_embeddings
    if "roberta" in text_config.model_type or text_config.model_type == "altclip_text_model":
        positions -= text_config.pad_token_id + 1  # RoBERTa counts positions from behind the padding index
    return min(positions, tokeniser.model_max_length, family.limit or positions)


def _scale(model: Any) -> tuple[float, float]:
    if hasattr(model, "temperature"):
        return 1 / model.temperature.item(), 0.0  # ALIGN divides
    bias = model.logit_bias.item() if hasattr(model, "logit_bias") else 0.0
    return model.logit_scale.exp().item(), bias


def _laid_out(patches: Tensor, shape: Tensor) -> Tensor:
    """channel x row x col from (patch, row-major) x (row, col, channel within the patch)."""
    rows, cols = (int(n) for n in shape)
    side = round((patches.shape[1] / 3) ** 0.5)
    grid = patches[: rows * cols].reshape(rows, cols, side, side, 3)
    return grid.permute(4, 0, 2, 1, 3).reshape(3, rows * side, cols * side)
