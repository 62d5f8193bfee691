"""The dual encoders of transformers: CLIP, SigLIP, SigLIP 2, MetaCLIP 2, ALIGN, Chinese-CLIP, AltCLIP, and
any image tower with any text tower (VisionTextDualEncoder)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from PIL.Image import Image, fromarray
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoTokenizer

from workbench.errors import BadWeightsError, UnsupportedError
from workbench.formatting import one_line
from workbench.models.adapters.languages import speak
from workbench.models.adapters.pieces import token_view, tokenised, vocabulary_digest
from workbench.models.adapters.tower import Blueprint, TwoTower, as_rgb, thick_enough
from workbench.models.adapters.transformers_parts import (
    fit_processor,
    has_no_capitals,
    is_second_siglip,
    mark_end,
    missing_vocabulary,
)
from workbench.models.adapters.transformers_weights import load_weights, put_on
from workbench.models.base import ModelCard, TokenView
from workbench.models.claims import check_picture_sizes
from workbench.models.cleaning import made_plain
from workbench.models.natives import check_own_code, successor
from workbench.models.options import AS_IT_SAYS, Options
from workbench.models.texts import VOCABULARIES, has_vocabulary
from workbench.models.weights import files_digest, read_json
from workbench.results import Rule

__all__ = [
    "FAMILIES",
    "TransformersEncoder",
    "as_embedding",
    "load_transformers",
    "part_of",
    "tokeniser_of",
]


@dataclass(frozen=True)
class _Family:
    """What differs between families and cannot be read from a configuration.

    Attributes:
        padded: pad to `limit` as in training, and give the text tower no mask.
        limit: tokens of a text where the processor of the library fixes it, else None.
        web_text: see `TwoTower`. CLIPs were trained on plain texts, which the library does not make of them.
    """

    name: str
    rule: Rule = "softmax"
    padded: bool = False
    limit: int | None = None
    web_text: Literal["made plain", "as it stands", ""] = ""


FAMILIES: Mapping[str, _Family] = {
    "clip": _Family("CLIP", web_text="made plain"),
    "metaclip_2": _Family("MetaCLIP 2", web_text="made plain"),
    # SigLIP reads the padding: a shorter row gives another vector (mteb#1424, facet#145).
    "siglip": _Family("SigLIP", "sigmoid", padded=True, web_text="as it stands"),
    "siglip2": _Family("SigLIP 2 NaFlex", "sigmoid", padded=True, web_text="as it stands"),
    "align": _Family("ALIGN", limit=64),
    "chinese_clip": _Family("Chinese-CLIP"),
    "altclip": _Family("AltCLIP"),
    "vision-text-dual-encoder": _Family("VisionTextDualEncoder"),
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
        self.tokeniser, self.image_processor = tokeniser, image_processor
        self._family, self._lower, self._limit = family, lower, limit
        self.web_text = family.web_text
        super().__init__(model, blueprint, device=device, dtype=dtype)

    def pixels(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """`pixel_values`: item x channel x row x col; NaFlex: item x patch x value, with mask and shapes."""
        inputs = self.image_processor(images=[self._ready(p) for p in pictures], return_tensors="pt")
        moved = {name: value.to(self.device) for name, value in inputs.items()}
        moved["pixel_values"] = moved["pixel_values"].to(self.dtype)
        return moved

    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """`input_ids` and what else the family's text tower reads, item x token."""
        padding = "max_length" if self._family.padded or self._family.limit else "longest"
        inputs = tokenised(
            self.tokeniser,
            [self._cleaned(text) for text in texts],
            padding=padding,
            truncation=True,
            max_length=self._limit,
            return_tensors="pt",
        )
        wanted = ("input_ids",) if self._family.padded else ("input_ids", "attention_mask", "token_type_ids")
        return {name: inputs[name].to(self.device) for name in wanted if name in inputs}

    def _image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        return as_embedding(self.model.get_image_features(**inputs))  # type: ignore[operator]

    def _text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        return as_embedding(self.model.get_text_features(**inputs))  # type: ignore[operator]

    def _patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
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
        out = self.image_processor(images=[self._ready(picture)], return_tensors="pt", **plain)
        pixels = out["pixel_values"][0].float()
        if "spatial_shapes" in out:
            pixels = _laid_out(pixels, out["spatial_shapes"][0])
        return fromarray(pixels.permute(1, 2, 0).round().clamp(0, 255).byte().numpy())

    def _reading(self) -> Any:
        tokeniser = self.tokeniser
        return id(tokeniser), len(tokeniser), self._limit, self._lower, self.image_processor.to_dict()

    def _readers(self) -> Any:
        return [vocabulary_digest(self.tokeniser), self._limit, self._lower, self.image_processor.to_dict()]

    def _ready(self, picture: Image) -> Image:
        """Only where it is fitted by its shorter side can a picture be too thin for these processors."""
        size = getattr(self.image_processor, "size", None) or {}
        side = size.get("shortest_edge") if hasattr(size, "get") else None
        return thick_enough(as_rgb(picture), int(side), "shortest") if side else as_rgb(picture)

    def _cleaned(self, text: str) -> str:
        plain = made_plain(text) if self.web_text == "made plain" else text
        return plain.lower() if self._lower else plain


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
    adapter: Path | None = None,
    notes: tuple[str, ...] = (),
    options: Options = AS_IT_SAYS,
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
    filled = load_weights(folder, weights, options, name=card.name)
    changes = () if adapter is None else put_on(filled.model, adapter)
    model, biased = filled.model, filled.bias is not None
    tokeniser = tokeniser_of(folder)
    processor = part_of(AutoImageProcessor, folder, "image processor")
    check_picture_sizes(processor.to_dict(), where=folder / "preprocessor_config.json")
    fit_processor(processor, options)
    marked, spoken = mark_end(model, tokeniser), speak(tokeniser, options.language)
    second = family.padded and is_second_siglip(tokeniser)
    lower = family.padded and (second or has_no_capitals(tokeniser))
    limit = _limit(model.config.text_config, tokeniser, family)
    scale, bias = _scale(model, filled.bias)
    volatile = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")
    described = {key: value for key, value in config.items() if key not in volatile}
    adapted = adapter is None and getattr(model, "_hf_peft_config_loaded", False)
    beside = ("The adapter that lies beside its weights is applied.",) if adapted else ()
    blueprint = Blueprint(
        card=_card(card, model.config, family, second, limit),
        rule="sigmoid" if biased else family.rule,
        scale=scale,
        bias=bias,
        weights=files_digest((*weights, *changes)),
        architecture=["transformers", described, *([vars(options)] if options.asked else [])],
        tokeniser=[vocabulary_digest(tokeniser), limit, lower, *_beyond(family, marked)],
        preprocessing=["transformers", type(processor).__name__, processor.to_dict()],
        notes=(*notes, *filled.notes, *marked, *spoken, *beside),
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


def _card(card: ModelCard, config: Any, family: _Family, second: bool, limit: int) -> ModelCard:
    size = getattr(config.vision_config, "image_size", None)
    return replace(
        card,
        library="transformers",
        family="SigLIP 2" if second and config.model_type == "siglip" else family.name,
        source="on this machine",
        image_size=(size, size) if isinstance(size, int) else None,
        text_length=limit,
    )


def _beyond(family: _Family, marked: Sequence[str]) -> list[str]:
    """What is done to a text beyond what the library does: its vectors are others than the library's."""
    return [word for word, done in (("plain", family.web_text == "made plain"), ("end", marked)) if done]


def _family(folder: Path, config: Mapping[str, Any]) -> _Family:
    kind = str(config.get("model_type"))
    check_own_code(folder, config)
    if kind not in FAMILIES:
        known = ", ".join(f"{family.name} ({name})" for name, family in FAMILIES.items())
        raise UnsupportedError(
            f"{folder} holds a transformers model of type {kind!r} that neither writes nor is a dual encoder "
            f"known here. Known: {known}.{successor(folder, config)}"
        )
    return FAMILIES[kind]


def tokeniser_of(folder: Path) -> Any:
    """The tokeniser in a folder.

    Raises:
        BadWeightsError: it has none, or a damaged one.
    """
    if not has_vocabulary(folder):
        # transformers 5 would build an empty tokeniser here and say nothing.
        raise BadWeightsError(
            f"{folder} has no usable tokeniser: none of {', '.join(VOCABULARIES)}. "
            "Save the model's processor into the folder too: processor.save_pretrained(folder)."
        )
    return part_of(AutoTokenizer, folder, "tokeniser")


def part_of(loader: Any, folder: Path, what: str) -> Any:
    """A part of a processor, by one of the library's automatic loaders.

    Raises:
        BadWeightsError: it is missing or damaged.
    """
    try:
        return loader.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as problem:  # a damaged vocabulary or setting: libraries raise what they come upon
        lacks = missing_vocabulary(folder) if what == "tokeniser" else ""
        raise BadWeightsError(
            f"{folder} has no usable {what}: {lacks or _first_line(problem)} "
            "Save the model's processor into the folder too: processor.save_pretrained(folder)."
        ) from problem


def _first_line(problem: Exception) -> str:
    return one_line((str(problem).splitlines() or [type(problem).__name__])[0], most=300)


def _limit(text_config: Any, tokeniser: Any, family: _Family) -> int:
    """Tokens of a text, start and end included."""
    positions = text_config.max_position_embeddings
    if "roberta" in text_config.model_type or text_config.model_type == "altclip_text_model":
        positions -= text_config.pad_token_id + 1  # RoBERTa counts positions from behind the padding index
    return min(positions, tokeniser.model_max_length, family.limit or positions)


def _scale(model: Any, bias: float | None) -> tuple[float, float]:
    if hasattr(model, "temperature"):
        return 1 / model.temperature.item(), 0.0  # ALIGN divides
    if bias is None:
        bias = model.logit_bias.item() if hasattr(model, "logit_bias") else 0.0
    return model.logit_scale.exp().item(), bias


def _laid_out(patches: Tensor, shape: Tensor) -> Tensor:
    """channel x row x col from (patch, row-major) x (row, col, channel within the patch)."""
    rows, cols = (int(n) for n in shape)
    side = round((patches.shape[1] / 3) ** 0.5)
    grid = patches[: rows * cols].reshape(rows, cols, side, side, 3)
    return grid.permute(4, 0, 2, 1, 3).reshape(3, rows * side, cols * side)
