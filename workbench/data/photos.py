"""Photographs that come inside scikit-image's wheel, so that real pictures are there without a network."""

from __future__ import annotations

from importlib import util
from pathlib import Path

from workbench.data.cards import card
from workbench.data.emoji import file_source
from workbench.data.pairs import Pairs
from workbench.errors import UnavailableError

__all__ = ["load_photos"]

_PICTURES = {  # file: caption, author; scikit-image tells the authors in the docstrings of `skimage.data`
    "astronaut.png": ("a portrait of an astronaut with the American flag", "NASA"),
    "chelsea.png": ("a close-up of a cat's face", "Stéfan van der Walt"),
    "coffee.png": ("a cup of coffee on a saucer", "Rachel Michetti"),
    "rocket.jpg": ("a rocket standing on a launch pad", "SpaceX"),
    "hubble_deep_field.jpg": ("galaxies in the night sky", "NASA"),
    "camera.png": ("a man with a camera on a tripod", "Lav Varshney"),
    "coins.png": ("old coins in rows", "Brooklyn Museum"),
    "page.png": ("a page of printed text", "scikit-image"),
    "horse.png": ("the black silhouette of a horse", "Andreas Preuss (marauder)"),
    "brick.png": ("a brick wall", "CC0Textures"),
    "grass.png": ("a lawn of grass", "linolafett"),
    "motorcycle_left.png": ("a red motorcycle in a garage", "D. Scharstein and others, Middlebury Stereo"),
}


def load_photos() -> Pairs:
    """The photographs that are in the installed wheel, with captions of our own.

    Raises:
        UnavailableError: scikit-image is not installed.
    """
    spec = util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "The photographs come with scikit-image, which is not installed: pip install scikit-image."
        )
    folder = Path(spec.origin).parent / "data"
    files = [(folder / name, *told) for name, told in _PICTURES.items() if (folder / name).is_file()]
    about = card("photos")
    return Pairs(
        name="photos",
        sources=tuple(file_source(path) for path, _, _ in files),
        texts=tuple(caption for _, caption, _ in files),
        columns={
            "file": tuple(path.name for path, _, _ in files),
            "author": tuple(author for _, _, author in files),
        },
        credit=about.credit,
        licence=about.licence,
        code="data.load('photos')",
    )
