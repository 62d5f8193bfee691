"""Every dual encoder of open_clip: CLIP, CustomTextCLIP, CoCa, with ViT, ResNet, timm or HF towers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL.Image import Image
from torch import Tensor, nn
from torchvision.transforms import Compose, Normalize
from torchvision.transforms.functional import to_pil_image

from workbench.errors import BadWeightsError, UnsupportedError
from workbench.models.adapters.languages import speak
from workbench.models.adapters.open_clip_weights import load_weights
from workbench.models.adapters.pieces import readable_bytes, token_view, tokenised, vocabulary_digest
from workbench.models.adapters.tower import Blueprint, Fit, TwoTower, as_rgb, thick_enough
from workbench.models.base import ModelCard, TokenView
from workbench.models.options import AS_IT_SAYS, Options
from workbench.models.weights import files_digest, read_json

__all__ = ["OpenClipEncoder", "OpenClipFiles", "load_folder", "load_open_clip", "tag_preprocessing"]


@dataclass(frozen=True)
class OpenClipFiles:
    """Everything `load_open_clip` needs, already on this machine.

    Attributes:
        architecture: the model part of an open_clip configuration.
        weights: one file.
        preprocessing: fields of open_clip's `PreprocessCfg`; what is absent keeps its default.
        tokeniser: folder of a transformers tokeniser, None for open_clip's own BPE.
        text_config: folder with the configuration of a transformers text tower, None if it has none.
    """

    architecture: Mapping[str, Any]
    weights: Path
    preprocessing: Mapping[str, Any]
    tokeniser: Path | None = None
    text_config: Path | None = None


class OpenClipEncoder(TwoTower):
    """An open_clip model with its own preprocessing and tokeniser."""

    web_text = "made plain"

    def __init__(
        self,
        model: nn.Module,
        blueprint: Blueprint,
        *,
        tokeniser: Any,
        transform: Compose,
        fit: Fit,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.tokeniser, self.transform, self._fit = tokeniser, transform, fit
        super().__init__(model, blueprint, device=device, dtype=dtype)
        steps = transform.transforms
        self._before_normalising = Compose([step for step in steps if not isinstance(step, Normalize)])

    def pixels(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """`pixel_values`: item x channel x row x col."""
        stacked = torch.stack([self.transform(self._ready(picture)) for picture in pictures])
        return {"pixel_values": stacked.to(self.device, self.dtype)}

    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """`input_ids`: item x token, padded to the length the text tower was trained with."""
        return {"input_ids": tokenised(self.tokeniser, list(texts)).to(self.device)}

    def _image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        return self.model.encode_image(inputs["pixel_values"])  # type: ignore[operator]

    def _text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x feature."""
        return self.model.encode_text(inputs["input_ids"])  # type: ignore[operator]

    def _patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The last layer's patch tokens, item x patch x feature."""
        tower: Any = self.image_tower
        if not hasattr(tower, "forward_intermediates"):
            raise UnsupportedError(f"the image tower ({type(tower).__name__}) does not give them out")
        try:
            out = tower.forward_intermediates(
                inputs["pixel_values"], indices=1, intermediates_only=True, output_fmt="NLC"
            )
        except AssertionError:
            # Convolutional towers only know maps of row x col.
            trunk = type(getattr(tower, "trunk", tower)).__name__
            raise UnsupportedError(
                f"the image tower ({trunk}) has maps of features, not patch tokens"
            ) from None
        return out["image_intermediates"][-1]

    @property
    def image_tower(self) -> nn.Module:
        """`model.visual`."""
        return self.model.visual  # type: ignore[return-value]

    @property
    def text_tower(self) -> nn.Module:
        """`model.text`, or the transformer of a model that keeps its text parts at the top."""
        return getattr(self.model, "text", None) or self.model.transformer  # type: ignore[return-value]

    def tokens(self, text: str) -> TokenView:
        """How the text is cut into tokens, and whether its end was lost."""
        limit = self.tokeniser.context_length
        if isinstance(self.tokeniser, HFTokenizer):
            cleaned = self.tokeniser.clean_fn(text)
            return token_view(self.tokeniser.tokenizer, cleaned, limit)
        ids = self.tokeniser.encode(text)
        names = [self.tokeniser.decoder[i] for i in ids[: limit - 2]]
        start, end = (self.tokeniser.decoder[i] for i in self.tokeniser.all_special_ids[:2])
        pieces = (start, *(readable_bytes(name) for name in names), end)
        return TokenView(pieces, limit, len(ids) + 2 > limit)

    def preprocess_view(self, picture: Image) -> Image:
        """The very pixels that are normalised next."""
        return to_pil_image(self._before_normalising(self._ready(picture)))

    def _ready(self, picture: Image) -> Image:
        return thick_enough(as_rgb(picture), max(self.card.image_size or (224,)), self._fit)

    def _reading(self) -> Any:
        return id(self.tokeniser), self.tokeniser.context_length, id(self.transform)

    def _readers(self) -> Any:
        inner = getattr(self.tokeniser, "tokenizer", None)
        words = type(self.tokeniser).__name__ if inner is None else vocabulary_digest(inner)
        return [words, self.tokeniser.context_length, re.sub(r" at 0x\w+", "", repr(self.transform))]


def load_folder(
    folder: Path,
    weights: Path,
    card: ModelCard,
    *,
    tokeniser: Path | None,
    text_config: Path | None,
    notes: tuple[str, ...] = (),
    options: Options = AS_IT_SAYS,
    device: torch.device,
    dtype: torch.dtype,
) -> OpenClipEncoder:
    """A folder in open_clip's `local-dir:` form: open_clip_config.json and weights."""
    config = read_json(folder / "open_clip_config.json")
    if not isinstance(config.get("model_cfg"), dict):
        raise BadWeightsError(
            f"{folder / 'open_clip_config.json'} has no 'model_cfg'; expected the file that open_clip writes."
        )
    files = OpenClipFiles(
        config["model_cfg"], weights, config.get("preprocess_cfg", {}), tokeniser, text_config
    )
    return load_open_clip(files, card, notes=notes, options=options, device=device, dtype=dtype)


def load_open_clip(
    files: OpenClipFiles,
    card: ModelCard,
    *,
    notes: tuple[str, ...],
    options: Options = AS_IT_SAYS,
    device: torch.device,
    dtype: torch.dtype,
) -> OpenClipEncoder:
    """A model built from its configuration, with its weights read strictly.

    Raises:
        BadWeightsError: the weights are damaged, unsafe or of another architecture.
    """
    built = load_weights(files.architecture, files.weights, files.text_config, options, name=card.name)
    model, text_cfg = built.model, built.architecture.get("text_cfg", {})
    size = getattr(model.visual, "image_size", None)
    cfg = PreprocessCfg(**{**_known(files.preprocessing), **({"size": size} if size else {})})
    tokeniser = _tokeniser(text_cfg, files.tokeniser)
    spoken = speak(getattr(tokeniser, "tokenizer", None), options.language)
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    biased = getattr(model, "logit_bias", None) is not None
    blueprint = Blueprint(
        card=replace(
            card,
            library="open_clip",
            family=card.family if card.family != "unknown" else _family(model, biased),
            source=card.source if card.source == "shipped" else "on this machine",
            image_size=(height, width) if height else None,
            text_length=tokeniser.context_length,
        ),
        rule="sigmoid" if biased else "softmax",
        scale=model.logit_scale.exp().item(),
        bias=model.logit_bias.item() if biased else 0.0,
        weights=files_digest((files.weights,)),
        architecture=["open_clip", json.loads(json.dumps(built.architecture))],
        tokeniser=_identity(tokeniser, text_cfg, files.tokeniser),
        preprocessing=["open_clip", vars(cfg)],
        notes=(*notes, *built.notes, *spoken),
    )
    transform = image_transform_v2(cfg, is_train=False)
    fits: dict[str, Fit] = {"squash": "squash", "longest": "longest"}
    return OpenClipEncoder(
        model,
        blueprint,
        tokeniser=tokeniser,
        transform=transform,
        fit=fits.get(cfg.resize_mode, "shortest"),
        device=device,
        dtype=dtype,
    )


def tag_preprocessing(architecture: str) -> tuple[dict[str, Any], str]:
    """Preprocessing for weights of `architecture` that come without any, and a note on where it is from.

    In open_clip it belongs to the pretrained tag, not to the architecture. Where all tags agree,
    theirs is taken; else CLIP's default.
    """
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    found = [_known(open_clip.get_pretrained_cfg(architecture, tag)) for tag in tags]
    if found and all(cfg == found[0] for cfg in found):
        return found[0], (
            f"The weights file says nothing about preprocessing; that of open_clip's {len(tags)} own "
            f"{'tag' if len(tags) == 1 else 'tags'} of {architecture} was taken."
        )
    reason = f"open_clip's {len(tags)} tags of it disagree" if tags else "open_clip has no tag of it"
    return {}, (
        f"The weights file says nothing about preprocessing, and {reason}; CLIP's default was guessed "
        "(shortest side, centre crop, CLIP's mean and deviation). "
        "A folder with open_clip_config.json says it surely."
    )


def _known(cfg: Mapping[str, Any]) -> dict[str, Any]:
    names = PreprocessCfg.__dataclass_fields__
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in cfg.items()
        if name in names and value is not None
    }


def _tokeniser(text_cfg: Mapping[str, Any], folder: Path | None) -> Any:
    length = text_cfg.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH)
    options = dict(text_cfg.get("tokenizer_kwargs") or {})
    if folder is None:
        return SimpleTokenizer(context_length=length, **options)
    return HFTokenizer(
        str(folder),
        context_length=length,
        tokenizer_mode=text_cfg.get("tokenizer_mode"),
        **{**options, "trust_remote_code": False, "local_files_only": True},
    )


def _identity(tokeniser: Any, text_cfg: Mapping[str, Any], folder: Path | None) -> list[Any]:
    options = [tokeniser.context_length, text_cfg.get("tokenizer_kwargs"), text_cfg.get("tokenizer_mode")]
    if folder is None:
        return ["SimpleTokenizer", *options]
    return [type(tokeniser.tokenizer).__name__, vocabulary_digest(tokeniser.tokenizer), *options]


def _family(model: nn.Module, biased: bool) -> str:
    return "CoCa" if isinstance(model, open_clip.CoCa) else "SigLIP" if biased else "CLIP"
