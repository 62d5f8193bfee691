"""Words and pictures placed on a map by hand, live, by their true neighbours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.atlas.gallery import row_vector
from workbench import data
from workbench.embedding import embed_pictures, embed_texts
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.models import DualEncoder
from workbench.projection import Placement, Projection, place
from workbench.zeroshot import composed_vector, parse_query

__all__ = ["Found", "find_picture", "find_words"]


@dataclass(frozen=True, eq=False)
class Found:
    """What was placed: in words, its unit vector (feature), and where it lies with which true neighbours.

    `anew(projection, model)` finds the same in another space. Of a picture `content` is its file's bytes.
    """

    said: str
    vector: NDArray[np.float32]
    placement: Placement
    modality: str
    anew: Callable[[Projection, DualEncoder], Found]
    content: bytes = b""

    @property
    def file(self) -> str:
        """Where the bytes of a picture stand once they are kept, below the notebook's folder."""
        words = (
            re.sub(r"[^A-Za-z0-9]+", "-", self.said.rpartition(".")[0] or self.said)[:40].strip("-").lower()
        )
        return f"pictures/{words or 'picture'}-{hashlib.sha256(self.content).hexdigest()[:8]}.image"

    def keep(self) -> None:
        """Write the bytes of a picture down, so that code can read them again.

        Raises:
            BadInputError: they cannot be written there.
        """
        file = Path(self.file)
        if not self.content or file.is_file():
            return
        try:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(self.content)
        except OSError as problem:
            raise BadInputError(
                f"The picture that was placed cannot be kept as {str(file)!r}: {problem.strerror}. "
                "Start the notebook in a folder where you may write."
            ) from problem

    @property
    def point(self) -> tuple[float, float]:
        """Where it lies on the map."""
        x, y = self.placement.points[0].tolist()
        return x, y

    @property
    def mark(self) -> dict[str, Any]:
        """The star that the front end draws."""
        x, y = self.point
        return {"x": x, "y": y, "text": self.said, "near": self.placement.index[0].tolist()}

    def on(self, projection: Projection) -> Found:
        """The same on another map of the same space."""
        placement = place(projection, self.vector[None], modality=self.modality)
        return replace(self, placement=placement)


def find_words(projection: Projection, model: DualEncoder, query: str) -> Found:
    """Words, or a sum such as `#12 + snow - night`, placed on the map.

    Raises:
        BadInputError: a number that the map does not have, or parts that cancel each other out.
    """
    terms = parse_query(query)

    far = next((term.number for term in terms if (term.number or 0) >= len(projection)), None)
    if far is not None:
        raise BadInputError(f"Point #{far} was asked for; the map has {len(projection)}, from 0.")
    texts = [term.words for term in terms if term.number is None]
    words = iter(embed_texts(model, texts)) if texts else iter(())
    parts = [next(words) if term.number is None else row_vector(projection, term.number) for term in terms]
    vector = composed_vector(terms, np.stack(parts))
    first = terms[0].number
    modality = "image" if first is not None and projection.modality[first] == 0 else "text"
    return _found(projection, vector, one_line(query), modality, partial(find_words, query=query))


def find_picture(projection: Projection, model: DualEncoder, content: bytes, name: str) -> Found:
    """A picture given as the bytes of a file, placed on the map.

    Raises:
        BadPictureError: it cannot be read.
    """
    pairs = data.from_pictures([content], texts=[name])
    anew = partial(find_picture, content=content, name=name)
    found = _found(projection, embed_pictures(model, pairs)[0], one_line(name), "image", anew)
    return replace(found, content=content)


def _found(
    projection: Projection,
    vector: NDArray[np.float32],
    said: str,
    modality: str,
    anew: Callable[[Projection, DualEncoder], Found],
) -> Found:
    held = modality if modality in projection.modalities else projection.modalities[0]
    return Found(said, vector, place(projection, vector[None], modality=held), held, anew)
