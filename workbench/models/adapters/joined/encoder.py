"""`JoinedEncoder`: an image tower, a text tower and a head as one dual encoder, and its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from workbench.errors import BadWeightsError
from workbench.models.adapters.joined.heads import Head, build_head
from workbench.models.adapters.joined.picture_towers import PictureTower, load_picture_tower
from workbench.models.adapters.joined.text_towers import TextTower, load_text_tower
from workbench.models.adapters.pieces import token_view, vocabulary_digest
from workbench.models.adapters.tower import Blueprint, TwoTower
from workbench.models.base import Advice, ModelCard, TokenView
from workbench.models.weights import files_digest, read_json, reading
from workbench.results import OnEvent

__all__ = [
    "CONFIG",
    "HEAD",
    "JoinedEncoder",
    "JoinedModel",
    "load_joined",
    "load_towers",
    "save_joined",
    "tower_files",
]

CONFIG, HEAD = "joined_config.json", "head.safetensors"


class JoinedModel(nn.Module):
    """The three parts in one module: `picture`, `text`, `head`."""

    def __init__(self, picture: PictureTower, text: TextTower, head: Head) -> None:
        super().__init__()
        self.picture, self.text, self.head = picture, text, head

    def encode_image(self, pixels: Tensor) -> Tensor:
        """item x joint."""
        pooled, cells = self.picture(pixels)
        classes = self.picture.probabilities(cells) if self.head.needs_classes else None
        return self.head.image(pooled, classes)

    def encode_text(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x joint."""
        return self.head.text(self.text(inputs))


class JoinedEncoder(TwoTower):
    """Any image tower and any text tower behind the `DualEncoder` protocol."""

    model: JoinedModel

    def pixels(self, pictures: Sequence[Image]) -> dict[str, Tensor]:
        """`pixel_values`: item x channel x row x col."""
        return {"pixel_values": self.model.picture.look.pixels(pictures).to(self.device, self.dtype)}

    def words(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """The text tower's inputs, item x token."""
        return {name: value.to(self.device) for name, value in self.model.text.words(texts).items()}

    def _image_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x joint."""
        return self.model.encode_image(inputs["pixel_values"])

    def _text_features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """item x joint."""
        return self.model.encode_text(inputs)

    def _patch_tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The cells of the image tower's last map, row by row: item x cell x feature."""
        return self.model.picture(inputs["pixel_values"])[1]

    @property
    def image_tower(self) -> nn.Module:
        """The image library's own module."""
        return self.model.picture.network

    @property
    def text_tower(self) -> nn.Module:
        """The text library's own module."""
        return self.model.text.network

    def tokens(self, text: str) -> TokenView:
        """How the text is cut into tokens, and whether its end was lost."""
        return token_view(self.model.text.tokeniser, text, self.model.text.limit)

    def preprocess_view(self, picture: Image) -> Image:
        """The picture as the image tower sees it, before normalisation."""
        return self.model.picture.look.view(picture)


def load_joined(
    folder: Path,
    card: ModelCard,
    *,
    on_event: OnEvent | None = None,
    device: torch.device,
    dtype: torch.dtype,
) -> JoinedEncoder:
    """The joined model in a folder; its towers are found where `joined_config.json` says.

    Raises:
        UnavailableError: a tower's package is not installed, or its repository not on this machine.
        BadWeightsError: a file is missing, damaged, or not the one that the head was trained with.
    """
    config = read_config(folder)
    picture, text = load_towers(config, folder, name=card.name, on_event=on_event)
    weights = folder / config["head"].get("file", HEAD)
    if not weights.is_file():
        raise BadWeightsError(
            f"{folder} has no {weights.name}: the head is missing. Train it, or copy it there."
        )
    with reading((weights,), f"a head of method {config['head']['method']!r} for these towers"):
        head = build_head(config["head"], picture.feature, text.feature, picture.classes)
        _fill(head, load_file(weights))
    return joined(JoinedModel(picture, text, head), config, card, weights, device=device, dtype=dtype)


def joined(
    model: JoinedModel,
    config: Mapping[str, Any],
    card: ModelCard,
    head: Path | None,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> JoinedEncoder:
    """The encoder of three parts that are ready. `head` is the file of the head, None before it is saved."""
    files = (*model.picture.files, *model.text.files, *((head,) if head else ()))
    text, look = model.text, model.picture.look
    blueprint = Blueprint(
        card=replace(
            card,
            library="joined",
            family={"conse": "ConSE", "linear": "LiT", "mixture": "ConSE + LiT"}[config["head"]["method"]],
            source=card.source if card.source == "shipped" else "on this machine",
            image_size=(look.height, look.width),
            text_length=text.limit,
        ),
        rule="softmax",
        scale=float(config.get("scale", 20.0)),
        bias=0.0,
        weights=files_digest(files),
        architecture=["joined", json.loads(json.dumps(config))],
        tokeniser=[vocabulary_digest(text.tokeniser), text.limit, text.pooling],
        preprocessing=["joined", dict(look.settings)],
        notes=(*config.get("notes", ()), *config["image"].get("notes", ())),
        advice=_advice(config),
    )
    return JoinedEncoder(model, blueprint, device=device, dtype=dtype)


def load_towers(
    config: Mapping[str, Any], beside: Path, *, name: str, on_event: OnEvent | None = None
) -> tuple[PictureTower, TextTower]:
    """Both towers with their weights, before any head."""
    picture = load_picture_tower(config["image"], beside, name=name, on_event=on_event)
    return picture, load_text_tower(config["text"], beside, name=name, on_event=on_event)


def tower_files(folder: Path) -> list[Path]:
    """Files of towers that `joined_config.json` names by path; those of packages and hubs do not change."""
    config, found = read_config(folder), []
    for part in ("image", "text"):
        place = Path(str(config[part].get("weights", "package:"))).expanduser()
        path = folder / place  # an absolute place stays as it is
        if path.is_dir():
            found += [file for file in path.iterdir() if file.is_file()]
        elif path.is_file():
            found.append(path)
    return found


def save_joined(folder: Path, config: Mapping[str, Any], head: Head) -> None:
    """Write `joined_config.json` and `head.safetensors`; the towers are not copied."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous().cpu() for name, value in head.state_dict().items()}, folder / HEAD)
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_config(folder: Path) -> dict[str, Any]:
    """`joined_config.json` with its three parts.

    Raises:
        BadWeightsError: it is not JSON, or a part is missing.
    """
    config = read_json(folder / CONFIG)
    for part in ("image", "text", "head"):
        if not isinstance(config.get(part), dict):
            raise BadWeightsError(
                f"{folder / CONFIG} does not describe its {part!r}; expected an object with the keys image, "
                "text, head."
            )
    return config


def _advice(config: Mapping[str, Any]) -> Advice | None:
    said = config.get("advice")
    if said is None:
        return None
    more = {name: said[name] for name in ("labels", "growth", "measured_to") if name in said}
    return Advice(tuple(said["templates"]), said["measure"], said["threshold"], **more)


def _fill(head: Head, state: Mapping[str, Tensor]) -> None:
    """A file of a mixture serves a head of one part too: its own part is taken."""
    own = set(head.state_dict())
    part = next((p for p in ("conse.", "linear.") if all(p + key in state for key in own)), "")
    found = (
        {key: state[part + key].float() for key in own} if part else {k: v.float() for k, v in state.items()}
    )
    head.load_state_dict(found, strict=True)
