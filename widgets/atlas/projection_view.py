"""What the atlas shows beside its points, as plain data: a projection and the user's choices in, JSON out.

Pure functions. The front end draws exactly this and computes no figure of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widgets.atlas.cards import KINDS
from widgets.atlas.colour import Colouring, by_figure, by_label, by_modality
from widgets.atlas.figures import FIGURES, Figure
from widgets.atlas.labels import chosen_items, label_names
from widgets.format import spaced
from workbench.formatting import one_line, plural
from workbench.projection import Projection, known_stability

__all__ = [
    "HELP",
    "MEANINGS",
    "Choices",
    "atlas_view",
    "colour_options",
    "colouring",
    "filter_marks",
    "kinds_key",
    "landmarks",
    "measure_rows",
    "said",
    "worst_links",
]

HELP = (
    "Point at the map to see a picture or text; click to keep it here with its nearest neighbours in the "
    "model's space. Shift-drag draws a lasso; what it takes is atlas.selected in the next cell."
)
MEANINGS = {
    "preservation": "Share of a point's true neighbours, those in the model's space, that the map shows near",
    "false": "Share of a point's neighbours on the map that are far away in the model's space",
    "missing": "Share of a point's true neighbours that the map has torn far apart",
    "trustworthiness": "1 if no neighbour on the map is a stranger; it flatters, so read the rows above too",
    "continuity": "1 if no true neighbour was torn away",
    "stability": "Share of a point's neighbours on the map that maps of other seeds show too",
    "hubness": "How unevenly neighbour lists are shared out: hubs stand in very many, whoever asks",
    "orphans": "Anti-hubs stand in nobody's neighbour list: no search finds them",
    "cross_modal": "Share of a point's true neighbours that are of the other kind; two islands have none",
    "gap": "Distance between the mean picture and the mean text",
    "margin": "Cosine with the picture's own label minus that with the best other label",
    "zero_shot": "Share of the pictures whose own label is nearest",
    "loss": "What training minimised, at the temperature of the slider",
}
"""What the rows of the measures panel mean, by key; recall speaks for itself."""

# Of many points a sample is ranked: its size stands on the screen.
_SAMPLED = ("trustworthiness", "continuity")
_LANDMARKS = 40  # labels written on the map; more would be a list
_FEWEST = 4  # points a landmark stands for


@dataclass(frozen=True)
class Choices:
    """What the user has set, beside the projection itself."""

    colour: str = "label"
    labels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    only: bool = False
    temperature: float = 0.07
    shift: float = 0.0
    layer: int = 0
    selected: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    focus: int = -1
    query: str = ""
    links: str = "none"
    gallery: str = "pictures"
    page: int = 0
    tool: str = "pan"
    words: bool = True
    pictures: bool = True
    camera: tuple[float, ...] = ()
    wheel: str = "click"


def atlas_view(
    projection: Projection,
    choices: Choices,
    shown: Colouring,
    *,
    figures: Mapping[str, Figure] | None,
    measures: dict[str, Any],
    layers: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything the front end draws but the arrays, the gallery, the placed points and the code."""
    both = len(projection.modalities) == 2
    live = projection.model is not None
    return {
        "title": projection.provenance.model or projection.embeddings.provenance.model or "embedding map",
        "said": said(projection),
        "offset": len(projection.embeddings) if both else 0,
        "pictures": projection.pairs is not None and "image" in projection.modalities,
        "words": bool(projection.embeddings.texts),
        "palette": list(shown.palette),
        "legend": shown.legend | {"kinds": kinds_key(projection)},
        "said_selection": _said_selection(choices),
        "landmarks": landmarks(projection, shown) if choices.colour == "label" else [],
        "measures": measures,
        "colours": colour_options(projection, figures),
        "redraw": projection.method not in ("given", "pca") and known_stability(projection) is None,
        "sliders": {"shift": _why_no_shift(projection), "temperature": "" if both else _ONE_KIND},
        "live": live,
        "dead": "" if live else "needs the model: show(projection, model=model)",
        "layers": list(layers),
        "notes": [*projection.notes, *(projection.pairs.notes if projection.pairs is not None else ())],
        "credit": projection.pairs.credit if projection.pairs is not None else "",
        "help": HELP,
    }


def said(projection: Projection) -> str:
    """One line: how many points, who drew them, with which seed, from which graph."""
    kinds = {"image": "pictures", "text": "texts"}
    counts = [f"{len(projection.rows(name)):,} {kinds[name]}" for name in projection.modalities]
    parts = [" and ".join(counts), projection.reducer, projection.mode]
    if projection.mode == "shifted":
        parts[-1] = f"gap closed by {projection.shift:g}"
    if projection.seed is not None:
        parts.append(f"seed {projection.seed}")
    graph = projection.neighbours
    if projection.space.metric == "euclidean":
        parts.append("Euclidean distances")
    if not graph.exact:
        parts.append(f"neighbours: recall {graph.recall:.3f} on {plural(graph.recall_sample, 'row')}")
    placed = len(projection) - int(np.count_nonzero(projection.fitted))
    if placed:
        parts.append(f"{placed:,} placed on a map of the others")
    return " · ".join(parts)


def colouring(projection: Projection, colour: str, figures: Mapping[str, Figure] | None) -> Colouring:
    """The colouring asked for; while its figures are not known yet, every point is neutral."""
    if colour == "label" and projection.labels is not None:
        return by_label(projection.labels)
    if figures and colour in figures:
        return by_figure(figures[colour])
    if colour in FIGURES and figures is None:
        empty = np.full(len(projection), np.nan, np.float32)
        return by_figure(Figure(colour, FIGURES[colour][0] + " (being computed)", "", "", empty))
    return by_modality(projection.modality)


def colour_options(projection: Projection, figures: Mapping[str, Figure] | None) -> list[dict[str, str]]:
    """What can be coloured by, and of the rest why not."""
    options = [
        {"value": "label", "text": "label", "why": "" if projection.labels is not None else "there are none"},
        {"value": "modality", "text": "picture or text", "why": ""},
    ]
    for key, (name, *_) in FIGURES.items():
        if figures is None:
            options.append({"value": key, "text": name, "why": "being computed"})
        elif key in figures:
            options.append({"value": key, "text": name, "why": ""})
    known = {option["value"] for option in options}
    extra = [key for key in figures or () if key not in known]
    return options + [{"value": key, "text": key, "why": ""} for key in extra]


def filter_marks(
    projection: Projection, labels: Sequence[str], kinds: Sequence[str] = ()
) -> NDArray[np.uint8] | None:
    """row: 2 where the legend's filter leaves a point out; None without one."""
    kept = np.ones(len(projection), bool)
    if labels and projection.labels is not None:
        named = chosen_items(projection.embeddings.labels or (), labels)
        kept &= named[projection.item]
    if kinds:
        kept &= np.isin(projection.modality, [KINDS.index(kind) for kind in kinds])
    return None if kept.all() else np.where(kept, 0, 2).astype(np.uint8)


def kinds_key(projection: Projection) -> list[dict[str, Any]]:
    """Which shape is a picture and which a text, and how many there are of each."""
    count = np.bincount(projection.modality, minlength=2)
    shapes = zip(KINDS, ("disc", "diamond"), count.tolist(), strict=True)
    return [{"kind": kind, "shape": shape, "count": number} for kind, shape, number in shapes if number]


def landmarks(projection: Projection, shown: Colouring) -> list[dict[str, Any]]:
    """The labels at the point of theirs that is nearest to their median, for pictures and texts apart.

    Where both are on the map, those of the texts say so: a label that stands there twice would puzzle.
    """
    labels = projection.embeddings.labels
    if labels is None:
        return []
    names, inverse = label_names(labels)
    if len(names) > _LANDMARKS:
        return []
    found = []
    both = len(projection.modalities) == 2
    for code in np.unique(projection.modality):
        of = " (texts)" if both and code else ""
        for place, name in enumerate(names):
            rows = np.flatnonzero((projection.modality == code) & (inverse[projection.item] == place))
            if len(rows) >= _FEWEST:
                x, y = _middle(projection.points[rows])
                found.append(
                    {"text": one_line(name, most=28) + of, "label": name, "kind": KINDS[code], "x": x, "y": y}
                    | {"count": len(rows)}
                )
    return sorted(found, key=lambda mark: -mark["count"])


def worst_links(projection: Projection, most: int) -> NDArray[np.uint32]:
    """Row numbers of the pairs whose picture and text are least alike: picture, text, picture, text, …"""
    image, text = projection.embeddings.image, projection.embeddings.text
    if image is None or text is None:
        return np.zeros(0, np.uint32)
    cosine = np.einsum("if,if->i", image, text)
    worst = np.argsort(cosine, kind="stable")[:most]
    return np.stack([worst, worst + len(image)], axis=1).astype(np.uint32).reshape(-1)


def measure_rows(
    everything: Sequence[Any] | None, chosen: Sequence[Any] | None, count: int
) -> dict[str, Any]:
    """The measures panel: every figure for all points and for the selection, with what stands beside it."""
    if everything is None:
        return {"caption": "The figures are being computed.", "selection": None, "rows": []}
    if not everything:
        return {
            "caption": "No neighbours are known: there is nothing to measure.",
            "selection": None,
            "rows": [],
        }
    names = {row.key: row.name for row in everything}
    # Of a selection hubness is another figure under the same key: its first word says of what ("16.0 lists").
    of_chosen = {
        row.key: spaced(row.shown if row.name == names.get(row.key) else f"{row.shown} {row.name.split()[0]}")
        for row in chosen or ()
    }
    rows = [
        {
            "name": row.name,
            "all": spaced(row.shown),
            "selection": of_chosen.get(row.key, "–"),
            "baseline": spaced(f"{row.twin}, {row.sample}" if row.key in _SAMPLED else row.twin),
            "help": ". ".join(part for part in (MEANINGS.get(row.key, ""), f"from {row.sample}") if part),
        }
        for row in everything
    ]
    named = plural(count, "point") if count and chosen is not None else None
    return {"caption": "Point at a row to read what it means.", "selection": named, "rows": rows}


_ONE_KIND = "λ and τ need pictures and texts on one map."


def _said_selection(choices: Choices) -> str:
    """ "237 pairs (457 points) selected": a lasso takes points, `selected` holds their pairs."""
    if not len(choices.rows):
        return ""
    return f"{plural(len(choices.selected), 'pair')} ({plural(len(choices.rows), 'point')}) selected"


def _why_no_shift(projection: Projection) -> str:
    if len(projection.modalities) < 2:
        return _ONE_KIND
    if projection.method == "given":
        return "λ needs a map that project() drew; this one was given."
    return ""


def _middle(points: NDArray[np.float32]) -> tuple[float, float]:
    apart = ((points - np.median(points, axis=0)) ** 2).sum(axis=1)
    x, y = points[int(apart.argmin())].tolist()
    return x, y
