"""The `easy-vqa` data: questions about drawn pictures, by someone else: fusion has real work to do on it."""

from __future__ import annotations

import json
from functools import cache, partial
from importlib import util
from pathlib import Path
from typing import Literal

from workbench.data.dataset_cards import card
from workbench.data.pairs import Pairs, Source, content_key
from workbench.data.pictures import open_picture
from workbench.errors import UnavailableError

__all__ = ["load_easy_vqa"]

_PARTS: tuple[Literal["train", "test"], ...] = ("train", "test")
_QUESTION_ALONE = 0.670
"""Right answers on the test questions when each question gets its most frequent answer in training."""
_AUTHOR = (
    "The author reports 99.5 % for a convolutional network trained on twice as many pictures, "
    "which he generated anew (easy-VQA-keras, README)."
)


def load_easy_vqa() -> Pairs:
    """48,248 questions (texts) about 5,000 pictures of one shape each, with their answers as labels.

    A picture has about ten questions and appears once for each. Columns: `split` ("train" or "test",
    the author's own: 4,000 and 1,000 pictures), `image_id` (numbered within its split), `kind`
    ("yes/no", "shape" or "colour").

    Raises:
        UnavailableError: the package `easy-vqa` is not installed.
    """
    folder = _folder()
    rows = [(part, *row) for part in _PARTS for row in _questions(folder, part)]
    sources = {(part, image): _source(folder, part, image) for part, _, _, image in rows}
    about = card("easy-vqa")
    return Pairs(
        name="easy-vqa",
        sources=tuple(sources[part, image] for part, _, _, image in rows),
        texts=tuple(question for _, question, _, _ in rows),
        labels=tuple(answer for _, _, answer, _ in rows),
        columns={
            "split": tuple(part for part, *_ in rows),
            "image_id": tuple(image for *_, image in rows),
            "kind": tuple(_kind(answer) for _, _, answer, _ in rows),
        },
        credit=about.credit,
        licence=about.licence,
        notes=(_AUTHOR,),
        code="data.load('easy-vqa')",
        facts={"text_accuracy": _QUESTION_ALONE, "author_accuracy": 0.995},
    )


def _folder() -> Path:
    spec = util.find_spec("easy_vqa")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "The pictures and questions come with easy-vqa, which is not installed: pip install easy-vqa."
        )
    return Path(spec.origin).parent / "data"


def _questions(folder: Path, part: str) -> list[tuple[str, str, int]]:
    """(question, answer, picture number) of one part, in the author's order."""
    return [tuple(row) for row in json.loads((folder / part / "questions.json").read_text("utf-8"))]


def _source(folder: Path, part: str, image: int) -> Source:
    # The key is read from the disk once, and not for each of a picture's ten questions.
    path = folder / part / "images" / f"{image}.png"
    return Source(partial(open_picture, path), partial(_key, path))


@cache
def _key(path: Path) -> str:
    return content_key(path.read_bytes())


def _kind(answer: str) -> str:
    if answer in ("yes", "no"):
        return "yes/no"
    return "shape" if answer in ("circle", "rectangle", "triangle") else "colour"
