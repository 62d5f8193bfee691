"""Image towers: any timm or transformers network, as pooled features and as cells of a grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from workbench.errors import BadWeightsError, UnsupportedError
from workbench.models.adapters.joined.efficientnet_lite import timm_names
from workbench.models.adapters.joined.looks import Looking, build_look
from workbench.models.adapters.joined.places import checked, find
from workbench.models.tensors import read_checkpoint
from workbench.models.weights import find_weights, in_memory, reading
from workbench.results import OnEvent

__all__ = ["PictureTower", "load_picture_tower"]


class PictureTower(nn.Module, ABC):
    """One image network.

    Attributes:
        network: the library's own module. feature: length of its features.
        classes: outputs of its own classifier, None if it has none.
        files: the weights it was made from.
    """

    network: nn.Module
    feature: int
    classes: int | None = None

    def __init__(self, look: Looking, files: tuple[Path, ...]) -> None:
        super().__init__()
        self.look, self.files = look, files

    @abstractmethod
    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features, item x feature, and those of the grid's cells, item x cell x feature."""

    def probabilities(self, cells: Tensor) -> Tensor:
        """What the network's own classifier says of each cell, averaged: item x class.

        A small object fills few cells: asked cell by cell, the classifier is sure of it there, where on the
        pooled features the ground around it has the majority.

        Raises:
            UnsupportedError: the network has no classifier.
        """
        raise UnsupportedError(f"{type(self.network).__name__} has no classifier")


class TimmTower(PictureTower):
    """A network of timm: maps of features, or tokens behind a class token and registers."""

    def __init__(self, network: nn.Module, look: Looking, files: tuple[Path, ...]) -> None:
        super().__init__(look, files)
        self.network = network
        head: Any = network.get_classifier()  # type: ignore[operator]
        self.classes = head.out_features if isinstance(head, nn.Linear) else None
        self.feature = int(getattr(network, "head_hidden_size", None) or network.num_features)  # type: ignore[arg-type]

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features and cells."""
        out = self.network.forward_features(pixels)  # type: ignore[operator]
        pooled = self.network.forward_head(out, pre_logits=True)  # type: ignore[operator]
        if out.ndim == 4:
            # timm says nothing of the order of axes; the length of a feature tells it.
            cells = out.flatten(2).transpose(1, 2) if out.shape[1] == self.feature else out.flatten(1, 2)
        else:
            cells = out[:, int(getattr(self.network, "num_prefix_tokens", 0)) :]
        return pooled, cells

    def probabilities(self, cells: Tensor) -> Tensor:
        """item x class."""
        if self.classes is None:
            return super().probabilities(cells)
        head: Any = self.network.get_classifier()  # type: ignore[operator]
        return head(cells).float().softmax(dim=-1).mean(dim=1)


class TransformersTower(PictureTower):
    """An image network of transformers: ViT, DeiT, DINOv2, ConvNeXt, the image half of a CLIP."""

    def __init__(self, network: nn.Module, look: Looking, files: tuple[Path, ...]) -> None:
        super().__init__(look, files)
        self.network = network
        config: Any = network.config
        sizes = getattr(config, "hidden_sizes", None)
        self.feature = int(sizes[-1] if sizes else config.hidden_size)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features and cells."""
        out = self.network(pixel_values=pixels)
        tokens = out.last_hidden_state
        if tokens.ndim == 4:
            cells = tokens.flatten(2).transpose(1, 2)
            return cells.mean(dim=1), cells
        cells = tokens[:, tokens.shape[1] - self._patches(pixels, tokens.shape[1]) :]
        # The class token where there is one: not every pooler was trained.
        return (tokens[:, 0] if cells.shape[1] < tokens.shape[1] else cells.mean(dim=1)), cells

    def _patches(self, pixels: Tensor, tokens: int) -> int:
        """How many of the tokens are patches: class token and registers come before them."""
        patch = getattr(self.network.config, "patch_size", None)
        if not isinstance(patch, int):
            return tokens
        return (pixels.shape[-2] // patch) * (pixels.shape[-1] // patch)


def load_picture_tower(
    settings: Mapping[str, Any], beside: Path, *, name: str, on_event: OnEvent | None = None
) -> PictureTower:
    """The image tower that `joined_config.json` describes, with its weights.

    Raises:
        UnavailableError, BadWeightsError: its files are not here, or not the right ones.
    """
    look = build_look(settings, name)
    place = find(str(settings.get("weights", "")), beside, name=name, on_event=on_event)
    library = settings.get("library")
    files = find_weights(place, library=str(library)) if place.is_dir() else (place,)
    for file in files:
        checked(file, settings.get("sha256") if len(files) == 1 else None, name=name)
    if library == "timm":
        with reading(files, f"timm's {settings.get('architecture')}"):
            return TimmTower(_timm(settings, files), look, tuple(files))
    if library == "transformers" and place.is_dir():
        from transformers import AutoModel

        with reading(files, f"the image tower in {place}"):
            network: Any = in_memory(
                AutoModel.from_pretrained(str(place), trust_remote_code=False, local_files_only=True)
            )
        return TransformersTower(getattr(network, "vision_model", network), look, tuple(files))
    raise BadWeightsError(
        f"{name}: the image tower's library is {library!r}; expected 'timm', or 'transformers' with a folder."
    )


def _timm(settings: Mapping[str, Any], files: Sequence[Path]) -> nn.Module:
    import timm

    architecture = str(settings.get("architecture"))
    state = read_checkpoint(files).tensors
    if settings.get("names") == "efficientnet-lite":
        state = timm_names(state, architecture)
    network = timm.create_model(architecture, pretrained=False, **settings.get("options", {}))
    network.load_state_dict(state, strict=True)
    return network
