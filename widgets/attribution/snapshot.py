"""The attribution board as a static page, and the code that makes it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from widgets.attribution.view import overlay, peak, word_picture
from widgets.snapshot import Snapshot, contact_sheet, picture_table
from workbench.attribution import Faithfulness, Heatmap

__all__ = ["as_python", "board_snapshot"]

_HEADER = ("method", "lowest", "highest", "scores beside random maps", "cost")


def board_snapshot(
    maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness], *, shared: bool, code: str
) -> Snapshot:
    """Every map over its picture, a table of ranges and scores, all values, and where they come from."""
    pictures = [_drawn(heatmap, peak(maps if shared else [heatmap])) for heatmap in maps]
    rows = [
        (
            heatmap.title + (" (flat)" if heatmap.flat else ""),
            *(f"{value:.3g}" for value in heatmap.limits),
            _scored(scores.get(heatmap.method)),
            str(heatmap.cost),
        )
        for heatmap in maps
    ]
    first = maps[0]
    caption = f"{first.target} = {first.score:.3f}, explained to {first.provenance.model}"
    scale = "one scale for all maps" if shared else "each map by its own largest value"
    notes = [
        f"Orange speaks for it, blue against it; {scale}. Full colour is the largest size, no colour is 0.",
        getattr(first.pair, "credit", ""),
    ]
    arrays: dict[str, NDArray] = {}
    for heatmap in maps:
        for name in ("image", "text", "pairs"):
            if getattr(heatmap, name) is not None:
                arrays[f"{heatmap.method}.{name}"] = getattr(heatmap, name)
    if first.picture is not None:
        arrays["picture"] = np.asarray(first.picture)
    told: dict[str, Any] = {
        "maps": [heatmap.provenance.to_dict() for heatmap in maps],
        "scores": {name: _plain(found) for name, found in scores.items()},
        "code": code,
    }
    return Snapshot(
        caption,
        picture_table(caption, _HEADER, rows, pictures, notes=notes),
        contact_sheet(pictures, [(row[0], row[3]) for row in rows], columns=5),
        arrays,
        told,
    )


def _drawn(heatmap: Heatmap, limit: float) -> Image.Image:
    return word_picture(heatmap, limit) if heatmap.image is None else overlay(heatmap, limit)


def as_python(
    maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness], measures: Mapping[str, Sequence[str]]
) -> str:
    """A cell that loads the same model and pair, and makes the same maps and scores."""
    first = maps[0]
    target = first.target
    if target.kind == "output":
        return _whole_as_python(maps)
    names = [target.text, *target.against]
    said = repr(names[0]) if target.kind == "similarity" else repr(tuple(names))
    uses = "attribute, faithfulness" if scores else "attribute"
    lines = ["from workbench import data, models", f"from workbench.attribution import {uses}"]
    if target.kind in ("logit", "probability"):
        others = f", {list(target.texts)!r}" if target.kind == "probability" else ""
        lines[-1] += f", {target.kind}"
        said = f"{target.kind}({target.text!r}{others})"
    lines += [
        "",
        f"model = models.load({first.provenance.model!r})",
        f"pair = {getattr(first.pair, 'code', 'pair')}",
        f"methods = {[heatmap.method for heatmap in maps]!r}",
        f"maps = attribute(model, pair, method=methods, target={said}, seed={first.provenance.seed or 0})",
    ]
    lines += [
        f"faithfulness(maps[{name!r}], measures={tuple(measures[name])!r})"
        for name in scores
        if name in measures
    ]
    return "\n".join(lines) + "\n"


def _scored(found: Faithfulness | None) -> str:
    if found is None:
        return ""
    return "; ".join(f"{name} {m.value:.3f} ({m.random:.3f})" for name, m in found.measures.items())


def _plain(found: Faithfulness) -> dict[str, Any]:
    return {
        "protocol": vars(found.protocol),
        "measures": {name: vars(measure) for name, measure in found.measures.items()},
        "skipped": dict(found.skipped),
        "cost": vars(found.cost),
    }


def _whole_as_python(maps: Sequence[Heatmap]) -> str:
    """The same for a model of transformers, which came with tensors of its own."""
    first = maps[0]
    asked = first.provenance.parameters.get("target", {})
    given = ", ".join(f"{name}={asked[name]!r}" for name in ("index", "place", "name") if asked.get(name))
    seed = first.provenance.seed or 0
    return "\n".join(
        [
            "from workbench.attribution import attribute, output",
            "",
            f"# model: the {first.provenance.model} explained; inputs: the tensors that its processor gave",
            f"methods = {[heatmap.method for heatmap in maps]!r}",
            f"maps = attribute(model, inputs, method=methods, target=output({given}), seed={seed})",
        ]
    )
