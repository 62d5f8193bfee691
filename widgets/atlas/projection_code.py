"""Copy as Python: code that shows the atlas again with everything that was chosen on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from widgets.atlas.layers import Maps
from widgets.atlas.projection_view import Choices
from widgets.atlas.search import Found
from widgets.atlas.selection import as_text, rows_of
from widgets.atlas.validation import own_temperature
from workbench.projection import Projection, changed_settings

__all__ = ["as_python", "settings", "source"]

_LISTED = 500  # selected numbers written out; more are packed into a line of letters
_SHOWN = "# `{}` is what was passed to show(); how to make it again is not known here"


def as_python(maps: Maps, choices: Choices, found: Found | None = None) -> list[str]:
    """The lines of a cell that shows the same in a fresh kernel."""
    lines, shown = source(maps.given, maps.names)
    now = maps.of(choices.layer)
    return [*lines, "", f"atlas = show({shown})", *settings(now, choices, found), "atlas"]


def source(given: Sequence[Projection], names: Sequence[str]) -> tuple[list[str], str]:
    """Lines that make the maps, and what to hand to show()."""
    first = given[0]
    layers = len(given) > 1 and all(one.embeddings.provenance.verb == "project_layers" for one in given)
    if layers and first.pairs is not None:
        lines = _loaded(first, "project_layers")
        call = ", ".join(["model", "pairs", *_options(given[-1])])
        return [*lines, f"layers = project_layers({call})"], "layers"
    named = f", names={list(names)!r}" if len(given) > 1 else ""
    word = "projection" if len(given) == 1 else "projections"
    if len({one.embeddings.provenance.data for one in given}) > 1 or not all(map(_can_be_made, given)):
        return ["from widgets import show", "", _SHOWN.format(word)], f"{word}{named}"
    encoders = list(dict.fromkeys(one.embeddings.provenance.model for one in given))
    lines = _loaded(first, "project", encoders)
    own = ["space"] if len(encoders) == 1 else [f"spaces[{place}]" for place in range(len(encoders))]
    of = dict(zip(encoders, own, strict=True))
    made = [f"project({', '.join([of[one.embeddings.provenance.model], *_options(one)])})" for one in given]
    if len(given) == 1:
        return [*lines, f"projection = {made[0]}"], "projection"
    return [*lines, f"projections = [{', '.join(made)}]"], f"projections{named}"


def settings(projection: Projection, choices: Choices, found: Found | None, of: str = "atlas") -> list[str]:
    """A line for everything that is not as it starts, in an order in which nothing undoes another."""
    start = Choices(
        temperature=own_temperature(projection.embeddings, projection.model),
        shift=projection.shift,
        colour="label" if projection.labels is not None else "modality",
    )
    order = (
        "layer", "shift", "temperature", "colour", "labels", "kinds", "only", "links", "tool", "wheel",
        "words", "pictures", "query",
    )  # fmt: skip
    lines = [_set(of, name, getattr(choices, name)) for name in order if _differs(choices, start, name)]
    if found is not None and found.content:
        lines.append(f"{of}.place(Path({found.file!r}).read_bytes(), {found.said!r})")
        lines.insert(0, "from pathlib import Path")
    lines += _selection(projection, choices, of)
    late = ("focus", "gallery", "page", "camera")  # a selection turns the list to its first page
    return lines + [_set(of, name, getattr(choices, name)) for name in late if _differs(choices, start, name)]


def _differs(choices: Choices, start: Choices, name: str) -> bool:
    return bool(getattr(choices, name) != getattr(start, name))


def _set(of: str, name: str, value: Any) -> str:
    return f"{of}.{name} = {list(value) if isinstance(value, tuple) else value!r}"


def _can_be_made(projection: Projection) -> bool:
    known = projection.embeddings.provenance
    return projection.method != "given" and projection.pairs is not None and bool(known.model)


def _loaded(projection: Projection, verb: str, encoders: Sequence[str] = ()) -> list[str]:
    """Models, pairs and, for `project`, their vectors; models have names, since maps hold them weakly."""
    pairs: Any = projection.pairs
    model = projection.embeddings.provenance.model
    loaded = [f"model = models.load({model!r})", f"pairs = {pairs.code}"]
    if verb == "project":
        loaded.append("space = embed(model, pairs)")
    if len(encoders) > 1:
        loaded[0] = f"encoders = [models.load(name) for name in {list(encoders)!r}]"
        loaded[2] = "spaces = [embed(encoder, pairs) for encoder in encoders]"
    imported = ["from workbench.embedding import embed"] if verb == "project" else []
    return [
        "from workbench import data, models",
        *imported,
        f"from workbench.projection import {verb}",
        "from widgets import show",
        "",
        *loaded,
    ]


def _options(projection: Projection) -> list[str]:
    options = [f"method={projection.method!r}", f"mode={projection.mode!r}"]
    if projection.mode == "shifted":
        options.append(f"shift={projection.shift!r}")
    if projection.seed is not None:
        options.append(f"seed={projection.seed!r}")
    return options + [f"{name}={value!r}" for name, value in changed_settings(projection).items()]


def _selection(projection: Projection, choices: Choices, of: str) -> list[str]:
    """By items where all their points are selected, else by points."""
    rows, items = choices.rows, choices.selected
    if not len(rows):
        return []
    whole = np.array_equal(rows, rows_of(items, projection.item))
    if whole and len(items) <= _LISTED:
        return [f"{of}.selected = {items.tolist()!r}"]
    if len(rows) <= _LISTED:
        return [f"{of}.selected_rows = {rows.tolist()!r}"]
    packed = as_text(rows, len(projection))
    return [
        "from widgets.atlas.selection import from_text",
        f"{of}.selected_rows = from_text({packed!r})  # {len(rows):,} points",
    ]
