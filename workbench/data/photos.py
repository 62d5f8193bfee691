"""Photographs inside the wheels of scikit-image and scikit-learn: real pictures without a network."""

from __future__ import annotations

from importlib import util
from pathlib import Path

from workbench.data.dataset_cards import card
from workbench.data.emoji import file_source
from workbench.data.pairs import Pairs
from workbench.errors import UnavailableError

__all__ = ["load_photos"]

_PICTURES = {  # file: caption, what a person would call it, author; as the packages' own notes tell
    "astronaut.png": ("a portrait of an astronaut with the American flag", "astronaut", "NASA"),
    "chelsea.png": ("a close-up of a cat's face", "cat", "Stéfan van der Walt"),
    "coffee.png": ("a cup of coffee on a saucer", "cup of coffee", "Rachel Michetti"),
    "rocket.jpg": ("a rocket standing on a launch pad", "rocket", "SpaceX"),
    "hubble_deep_field.jpg": ("galaxies in the night sky", "galaxy", "NASA"),
    "camera.png": ("a man with a camera on a tripod", "camera on a tripod", "Lav Varshney"),
    "coins.png": ("old coins in rows", "old coins", "Brooklyn Museum"),
    "page.png": ("a page of printed text", "printed page", "scikit-image"),
    "horse.png": ("the black silhouette of a horse", "horse", "Andreas Preuss (marauder)"),
    "brick.png": ("a brick wall", "brick wall", "CC0Textures"),
    "grass.png": ("a lawn of grass", "grass", "linolafett"),
    "motorcycle_left.png": (
        "a red motorcycle in a garage",
        "motorcycle",
        "D. Scharstein and others, Middlebury Stereo",
    ),
    "text.png": ("a sheet of handwriting", "handwriting", "Wikipedia, public domain"),
    "china.jpg": ("a temple above a lake", "temple", "danielbuechele, CC BY 2.0"),
    "flower.jpg": ("an orange flower", "flower", "vultilion, CC BY 2.0"),
}
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}  # package: where its pictures lie


def load_photos() -> Pairs:
    """The photographs that are in the installed wheels, with captions and labels of our own.

    Raises:
        UnavailableError: scikit-image is not installed.
    """
    folders = _folders()
    if "skimage" not in folders:
        raise UnavailableError(
            "The photographs come with scikit-image, which is not installed: pip install scikit-image."
        )
    files = [
        (folder / name, *told)
        for name, told in _PICTURES.items()
        for folder in folders.values()
        if (folder / name).is_file()
    ]
    about = card("photos")
    return Pairs(
        name="photos",
        sources=tuple(file_source(path) for path, *_ in files),
        texts=tuple(caption for _, caption, _, _ in files),
        labels=tuple(label for _, _, label, _ in files),
        columns={
            "file": tuple(path.name for path, *_ in files),
            "author": tuple(author for *_, author in files),
        },
        credit=about.credit,
        licence=about.licence,
        code="data.load('photos')",
    )


def _folders() -> dict[str, Path]:
    """Where the installed packages keep their pictures; nothing is imported."""
    specs = {name: util.find_spec(name) for name in _FOLDERS}
    return {
        name: Path(spec.origin).parent / _FOLDERS[name]
        for name, spec in specs.items()
        if spec is not None and spec.origin is not None
    }
