"""One map a layer: what both towers would say if they stopped early, on maps that stay in place."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.axes import check_axes
from workbench.calling import check_options, verb
from workbench.data import Pairs
from workbench.data.pairs_input import PairsLike, as_pairs, notes_of
from workbench.errors import BadInputError, Cancelled
from workbench.keeping import Form, Kept
from workbench.models.given import Named, as_encoder
from workbench.projection.project_vectors import project
from workbench.projection.projection_result import Projection
from workbench.projection.stopping import StoppedModel, StoppedRef, blocks_of, check_alike
from workbench.results import Embeddings, Event, OnEvent, Provenance, ShouldStop

__all__ = ["LayerMaps", "project_layers"]

Encode = Callable[[Any], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class LayerMaps(Kept):
    """Maps of the same rows, from the first layer to the last.

    Attributes:
        maps: one `Projection` a layer.
        names: which blocks had run, in words, one a map.
    """

    _form: ClassVar[Form] = Form("layers", "maps of layers", "workbench.projection.open_layers")

    maps: tuple[Projection, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, place: int) -> Projection:
        return self.maps[place]

    def __iter__(self) -> Iterator[Projection]:
        return iter(self.maps)

    def __repr__(self) -> str:
        return f"LayerMaps({len(self)} maps of {len(self.maps[0]):,} points: {', '.join(self.names)})"


@verb
def project_layers(
    model: Named,
    pairs: PairsLike,
    *,
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
    **options: Any,
) -> LayerMaps:
    """A map for each layer: the blocks after it are passed over, the tower's own head reads what is there.

    The head was trained for the last layer, so an early map shows what the head can read there, not
    all that the layer knows. Towers of different depth walk side by side in shares of their depth.
    Every map starts from that of the layer after it, so that a point moves only where the space did.
    A sentence or a picture is placed on each with the model stopped at that layer.

    Args:
        model: a loaded model whose towers are stacks of equal blocks (transformers), or its name.
        pairs: of `data.load`, or pictures in any form that `data.from_pictures` takes.
        batch_size: items a forward pass.
        on_event, should_stop: hears each layer and each round of a map; asked before each batch and round.
        options: as for `project`.

    Returns:
        `LayerMaps`, from the first layer to the last.

    Raises:
        UnsupportedError: a tower is no such stack, or its blocks hand on other shapes (ConvNeXt, Swin).
        BadInputError: there are no pairs.
        Cancelled: `should_stop` returned true.

    Source: nostalgebraist 2020, "the logit lens", with a joint embedding in place of the vocabulary.

    Example:
        >>> from workbench import data
        >>> from workbench.projection import project_layers
        >>> layers = project_layers("shapes-clip", data.load("shapes", n=4), method="pca")
        >>> len(layers) == len(layers.names), layers[0].points.shape
        (True, (8, 2))
    """
    check_options(project, options, of="project_layers")
    # What is a model of some kind but cannot embed is refused for its towers, by `blocks_of`.
    model, given = model if hasattr(model, "card") else as_encoder(model), pairs
    pairs = as_pairs(given)
    if not len(pairs):
        raise BadInputError("There is nothing to map: `pairs` is empty. Load or select at least one.")
    depths = [len(blocks_of(model, side)) for side in ("image", "text")]
    stops = _stops(*depths)
    spaces = []
    known: list[dict[int, NDArray[np.float32]]] = [{}, {}]
    things = ([pairs.picture(item) for item in range(len(pairs))], list(pairs.texts))
    whole = StoppedModel(model, (depths[0], depths[1]))
    check_alike(model, "image", lambda: whole.encode_images(things[0][:1]))
    check_alike(model, "text", lambda: whole.encode_texts(things[1][:1]))
    for done, stop in enumerate(stops):
        half = StoppedModel(model, stop)
        encoders: tuple[Encode, Encode] = (half.encode_images, half.encode_texts)
        for side, encode in enumerate(encoders):
            if stop[side] not in known[side]:
                known[side][stop[side]] = _encoded(encode, things[side], batch_size, should_stop)
        vectors = (known[0][stop[0]], known[1][stop[1]])
        spaces.append(_space(model, pairs, vectors, stop, notes_of(given, pairs), is_last=stop == stops[-1]))
        if on_event is not None:
            on_event(Event("layers", done + 1, len(stops)))
    maps: list[Projection] = []
    for space in reversed(spaces):
        start = maps[-1] if maps else None
        maps.append(project(space, start=start, on_event=on_event, should_stop=should_stop, **options))
    names = tuple(f"image {a} of {depths[0]}, text {b} of {depths[1]}" for a, b in stops)
    return LayerMaps(tuple(reversed(maps)), names)


def _stops(image: int, text: int) -> list[tuple[int, int]]:
    """After how many blocks each tower stops, one step a block of the deeper one; never before the first."""
    depth = max(image, text)
    return [
        (max(1, round(step * image / depth)), max(1, round(step * text / depth)))
        for step in range(1, depth + 1)
    ]


def _encoded(
    encode: Encode, things: Sequence[Any], size: int, stop: ShouldStop | None
) -> NDArray[np.float32]:
    """Not through `embed`: its store keeps vectors by the weights, and these are of half a model."""
    parts = []
    for first in range(0, len(things), size):
        if stop is not None and stop():
            raise Cancelled("The maps of the layers were cancelled; nothing is kept.")
        parts.append(encode(things[first : first + size]))
    vectors = np.concatenate(parts)
    check_axes("vectors", vectors, "item feature", item=len(things))
    return vectors


def _space(
    model: Any,
    pairs: Pairs,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]],
    kept: tuple[int, int],
    notes: tuple[str, ...],
    *,
    is_last: bool,
) -> Embeddings:
    # Only the last layer's space is the model's own; the others name the blocks that made them.
    settings = {"scale": model.scale, "bias": model.bias, "rule": model.rule}
    weights = model.weights_hash
    live: Callable[[], Any] = weakref.ref(model)
    if not is_last:
        weights, live = StoppedModel(model, kept).weights_hash, StoppedRef(model, kept)
        settings["blocks"] = kept
    provenance = Provenance(
        "project_layers", model.card.name, weights, pairs.fingerprint, settings, notes=notes
    )
    return Embeddings(*vectors, tuple(pairs.texts), pairs.labels, provenance, pairs, live)
