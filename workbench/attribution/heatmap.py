"""The results of the room: a map over patches and words, several of them, and the score of one."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from workbench.attention.token_layout import is_mark
from workbench.attribution.targets import Target
from workbench.axes import check_axes, frozen
from workbench.errors import BadInputError, UnknownNameError, did_you_mean
from workbench.formatting import html_table, one_line, plural
from workbench.keeping import Form, Kept
from workbench.results import Provenance

__all__ = ["MAPS", "Attributions", "Cost", "Heatmap", "is_flat"]

MAPS = Form("maps", "attribution maps", "workbench.attribution.open_maps")
"""One map and several are kept alike."""


@dataclass(frozen=True)
class Cost:
    """What a result took: passes of one item through a tower (or a whole model), and seconds.

    Attributes:
        forwards: passes forward.
        backwards: passes back, for gradients.
        seconds: wall-clock time.
    """

    forwards: int = 0
    backwards: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [plural(self.forwards, "forward")]
        if self.backwards:
            parts.append(plural(self.backwards, "backward"))
        return f"{', '.join(parts)}, {self.seconds:.2g} s"


@dataclass(frozen=True, eq=False)
class Heatmap(Kept):
    """How much each patch, and each word, counts for one number. Values are raw: nothing is rescaled.

    Shapes:
        image: row x col of the patch grid (maps of convolutions: of their grid), or None
        text: token, one for each of `tokens`, or None; special tokens included
        pairs: token x row x col, what a word and a patch add together, beyond what each adds alone; only of
            second-order methods, else None
        picture: row x col x channel, uint8: the picture as the model sees it
        box: (top, left, bottom, right) of the patch grid in `picture`, in pixels

    Attributes:
        method, title: its name for `attribute`, and for a human.
        target, score: the scalar explained, and its value for this pair.
        tokens: readable tokens of the explained text, special ones included; () without a text.
        layer: the one layer read, or None.
        start_layer: the first of several layers read, or None.
        signed: whether negative values mean "speaks against", as the method's card says; else no value is
            below 0.
        notes: what the reader must know (a map that is flat, a tower without words, ...).
        cost: forwards and backwards taken.
        pair: the pair explained; None for a model given its own tensors, and after saving.
        provenance: model, digest of its weights, pair, options and seed.
        live: a weak reference to the model; `model` follows it.
        credit: to be shown wherever `picture` is shown; that of `pair` unless another is given.
    """

    _form: ClassVar[Form] = MAPS
    _left: ClassVar[tuple[str, ...]] = ("pair", "live")

    method: str
    title: str
    target: Target
    score: float
    image: NDArray[np.float32] | None = None
    text: NDArray[np.float32] | None = None
    pairs: NDArray[np.float32] | None = None
    tokens: tuple[str, ...] = ()
    picture: NDArray[np.uint8] | None = field(default=None, repr=False)
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    layer: int | None = None
    start_layer: int | None = None
    signed: bool = True
    notes: tuple[str, ...] = ()
    cost: Cost = field(default_factory=Cost)
    pair: Any = field(default=None, repr=False)
    provenance: Provenance = field(default_factory=lambda: Provenance("attribute"))
    live: weakref.ref[Any] | None = field(default=None, repr=False)
    credit: str = ""

    def __post_init__(self) -> None:
        if self.image is None and self.text is None:
            raise BadInputError("A Heatmap needs values of patches, of words, or of both; got neither.")
        if self.image is not None:
            check_axes("image", self.image, "row col")
        if self.text is not None:
            check_axes("text", self.text, "token", token=len(self.tokens))
        if self.pairs is not None:
            grid = np.shape(self.image) if self.image is not None else ()
            sizes = dict(zip(("row", "col"), grid, strict=False))
            check_axes("pairs", self.pairs, "token row col", token=len(self.tokens), **sizes)
        for name in ("image", "text", "pairs"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name)))
                if not np.isfinite(getattr(self, name)).all():
                    raise BadInputError(f"{name} of a Heatmap holds values that are not finite numbers.")
        if self.picture is not None:
            check_axes("picture", self.picture, "row col channel", channel=3)
            object.__setattr__(self, "picture", frozen(self.picture, np.uint8))
            if self.box == (0, 0, 0, 0):
                object.__setattr__(self, "box", (0, 0, *self.picture.shape[:2]))
        object.__setattr__(self, "credit", self.credit or getattr(self.pair, "credit", ""))

    @property
    def model(self) -> Any | None:
        """The model that was explained, while somebody still holds it; else None."""
        return self.live() if self.live is not None else None

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the image map, None where there is none."""
        return None if self.image is None else (self.image.shape[0], self.image.shape[1])

    @property
    def flat(self) -> bool:
        """Whether the image map (the text map, where there is no other) says nothing: all values equal."""
        values = self.image if self.image is not None else self.text
        assert values is not None  # __post_init__ refused the other case
        return is_flat(values)

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value of the image map (of the text map where there is no other)."""
        values = self.image if self.image is not None else self.text
        assert values is not None
        return float(values.min()), float(values.max())

    @property
    def words(self) -> tuple[int, ...]:
        """Indices in `tokens` of those that are words and no special token such as `<start>`."""
        return tuple(place for place, token in enumerate(self.tokens) if not is_mark(token))

    def best_patch(self) -> tuple[int, int]:
        """Row and column of the largest value; the first of equals.

        Raises:
            BadInputError: the map has no picture side.
        """
        if self.image is None:
            raise BadInputError(f"{self.title} gave no map of the picture, only of the text.")
        row, col = np.unravel_index(int(np.argmax(self.image)), self.image.shape)
        return int(row), int(col)

    def of_words(self, places: Sequence[int]) -> Heatmap:
        """The part of a second-order map that belongs to these tokens: a map of the picture for a word.

        Args:
            places: indices in `tokens`.

        Raises:
            BadInputError: the method is first-order, so its image map is one for all words; or no such token.
        """
        pairs = self._second_order()
        wrong = [place for place in places if not 0 <= place < len(self.tokens)]
        if wrong or not len(places):
            raise BadInputError(
                f"places is {list(places)!r}; expected at least one of 0 to {len(self.tokens) - 1}."
            )
        chosen = pairs[list(places)]
        told = " ".join(self.tokens[place] for place in places)
        note = f"the part of {told!r}"
        text = np.zeros(len(self.tokens), np.float32)
        text[list(places)] = chosen.sum(axis=(1, 2))
        return replace(self, image=chosen.sum(axis=0), text=text, pairs=None, notes=(*self.notes, note))

    def of_patches(self, patches: Sequence[tuple[int, int]]) -> Heatmap:
        """The part of a second-order map that belongs to these patches: the words for a place.

        Args:
            patches: (row, col) of each, from 0.

        Raises:
            BadInputError: the method is first-order, or a patch lies outside.
        """
        pairs = self._second_order()
        rows, cols = pairs.shape[1:]
        if not len(patches) or any(not (0 <= r < rows and 0 <= c < cols) for r, c in patches):
            raise BadInputError(
                f"patches is {one_line(repr(list(patches)))}; expected (row, col) within {rows} x {cols}."
            )
        picked = tuple(np.array(list(patches)).T)
        image = np.zeros((rows, cols), np.float32)
        image[picked] = pairs[:, picked[0], picked[1]].sum(axis=0)
        text = pairs[:, picked[0], picked[1]].sum(axis=1)
        note = f"the part of {plural(len(patches), 'patch', 'patches')}"
        return replace(self, image=image, text=text, pairs=None, notes=(*self.notes, note))

    def _second_order(self) -> NDArray[np.float32]:
        if self.pairs is None:
            raise BadInputError(
                f"{self.title} is first-order: its map is one for all words together. For the part of a "
                "single word take method='interactions', or explain that word alone with target='...'."
            )
        return self.pairs

    def __repr__(self) -> str:
        parts = []
        if self.image is not None:
            parts.append(f"{self.image.shape[0]} x {self.image.shape[1]} patches")
        if self.text is not None:
            parts.append(plural(len(self.tokens), "token"))
        low, high = self.limits
        flat = ", flat" if self.flat else ""
        return (
            f"Heatmap({self.title}, {', '.join(parts)}, {self.target} = {self.score:.3f}, "
            f"values {low:.3g} to {high:.3g}{flat})"
        )

    def _repr_html_(self) -> str:
        text = self.text if self.text is not None else np.full(len(self.tokens), np.nan)
        rows = [(one_line(token), f"{value:+.4f}") for token, value in zip(self.tokens, text, strict=True)]
        return html_table(f"{self!r} — {self.cost}", ("token", "value"), rows[:24])


@dataclass(frozen=True, eq=False)
class Attributions(Kept, Sequence[Heatmap]):
    """Several methods on one pair and one target, and the reason of each that does not apply.

    Attributes:
        maps: one `Heatmap` a method, in the order asked for.
        refused: method -> why it gave no map: this model, or these options, are nothing for it.
    """

    _form: ClassVar[Form] = MAPS

    maps: tuple[Heatmap, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "maps", tuple(self.maps))
        object.__setattr__(self, "refused", MappingProxyType(dict(self.refused)))

    def __len__(self) -> int:
        return len(self.maps)

    @overload
    def __getitem__(self, index: int | str) -> Heatmap: ...
    @overload
    def __getitem__(self, index: slice) -> Attributions: ...
    def __getitem__(self, index: int | str | slice) -> Heatmap | Attributions:
        """By place, by name of the method, or a slice."""
        if isinstance(index, slice):
            return Attributions(self.maps[index], self.refused)
        if not isinstance(index, str):
            return self.maps[index]
        for found in self.maps:
            if found.method == index:
                return found
        if index in self.refused:
            raise UnknownNameError(f"{index!r} does not apply here: {self.refused[index]}")
        names = [found.method for found in self.maps]
        raise UnknownNameError(
            f"There is no map of method {index!r}; there are {', '.join(names)}.{did_you_mean(index, names)}"
        )

    def __iter__(self) -> Iterator[Heatmap]:
        return iter(self.maps)

    @property
    def methods(self) -> tuple[str, ...]:
        """The method of each map."""
        return tuple(found.method for found in self.maps)

    def __repr__(self) -> str:
        refused = f", {plural(len(self.refused), 'method')} refused" if self.refused else ""
        target = f" of {self.maps[0].target}" if self.maps else ""
        return f"Attributions({plural(len(self), 'map')}{target}{refused})"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, ...]] = [
            (
                found.title,
                *(f"{value:.3g}" for value in found.limits),
                "yes" if found.flat else "",
                str(found.cost),
            )
            for found in self.maps
        ]
        rows += [(method, "", "", "", reason) for method, reason in self.refused.items()]
        return html_table(repr(self), ("method", "lowest", "highest", "flat", "cost, or why not"), rows)


def is_flat(values: NDArray[Any]) -> bool:
    """Whether a map says nothing: all its values are equal, to a millionth of the largest."""
    return bool(np.ptp(values) <= 1e-6 * max(np.abs(values).max(), 1e-30))
