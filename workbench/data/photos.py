"""Photographs that come inside scikit-image's wheel, so that real pictures are there without a network."""

from __future__ import annotations

from importlib import util
from pathlib import Path

from workbench.data.cards import card
from workbench.data.emoji import file_source
from workbench.data.pairs import Pairs
from workbench.errors import UnavailableError

__all__ = ["load_photos"]

_CAPTIONS = {
    "astronaut.png": "a portrait of an astronaut with the American flag",
    "chelsea.png": "a close-up of a cat's face",
    "coffee.png": "a cup of coffee on a saucer",
    "rocket.jpg": "a rocket standing on a launch pad",
    "hubble_deep_field.jpg": "galaxies in the night sky",
    "camera.png": "a man with a camera on a tripod",
    "coins.png": "old coins in rows",
    "page.png": "a page of printed text",
    "horse.png": "the black silhouette of a horse",
    "brick.png": "a brick wall",
    "grass.png": "a lawn of grass",
    "motorcycle_left.png": "a red motorcycle in a garage",
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
    files = [(folder / name, caption) for name, caption in _CAPTIONS.items() if (folder / name).is_file()]
    about = card("photos")
    return Pairs(
        name="photos",
        sources=tuple(file_source(path) for path, _ in files),
        texts=tuple(caption for _, caption in files),
        columns={"file": tuple(path.name for path, _ in files)},
        credit=about.credit,
        licence=about.licence,
        code="data.load('photos')",
    )
