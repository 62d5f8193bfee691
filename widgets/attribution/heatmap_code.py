"""Copy as Python: the code whose result is what stands on the attribution board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from widgets.attribution.heatmap_view import measures_for
from workbench import data
from workbench.attribution import METHODS, Faithfulness, Heatmap, Target, registered_methods

__all__ = ["FOLDER", "as_python"]

FOLDER = "pictures"
"""Where a picture goes that was never a file, beside the notebook."""

_UNNAMED = "the tokens have no names"


def as_python(
    maps: Sequence[Heatmap],
    scores: Mapping[str, Faithfulness],
    choices: Mapping[str, Any],
    *,
    write: bool = False,
) -> str:
    """A cell that loads the same model and pair, makes the same maps and scores, and shows them again.

    Args:
        choices: the board's traits that differ from what a new board has.
        write: write a picture that was never a file into `FOLDER`, so that the code can open it.
    """
    whole = maps[0].target.kind == "output"
    made, foreign = (
        [one for one in maps if one.method in METHODS],
        [one.method for one in maps if one.method not in METHODS],
    )
    lines = _imports(maps, scores, len(list(_runs(made))) > 1)
    lines += ["", *(_given_whole(maps) if whole else _given(maps[0], write))]
    lines += [
        f"# {name!r} is a method of your own: register_method(card, function) must have run in this kernel."
        for name in dict.fromkeys(one.method for one in made)
        if name in registered_methods()
    ]
    lines += _attributed(made, whole)
    for name in foreign:
        lines.append(
            f"# {name!r} is a map that attribute() did not make: add that Heatmap to `maps` yourself."
        )
    kept = [name for name in scores if name not in foreign]
    if kept:
        lines += [
            f"measures = {measures_for(maps[0])!r}",
            f"scores = [faithfulness(maps[name], measures=measures) for name in {kept!r}]",
        ]
    shown = {name: value for name, value in choices.items() if name != "focus" or value not in foreign}
    told = [*(["scores=scores"] if kept else []), *(f"{name}={value!r}" for name, value in shown.items())]
    return "\n".join([*lines, f"show({', '.join(['maps', *told])})"]) + "\n"


def _imports(maps: Sequence[Heatmap], scores: Mapping[str, Faithfulness], several: bool) -> list[str]:
    kind = maps[0].target.kind
    used = ["attribute"]
    if several:
        used.append("Attributions")
    if scores:
        used.append("faithfulness")
    if kind in ("logit", "probability", "output"):
        used.append(kind)
    lines = ["from widgets import show"]
    if kind != "output":
        lines.append("from workbench import data, models")
    return [*lines, f"from workbench.attribution import {', '.join(sorted(used, key=str.lower))}"]


def _given(first: Heatmap, write: bool) -> list[str]:
    """The model and the pair; what was made by hand can only be named."""
    lines = [f"model = models.load({first.provenance.model!r})"] if first.provenance.model else []
    if first.pair is None:
        return [*lines, "# `pair` is the picture with its text that was explained; it must be at hand."]
    return [*lines, f"pair = {_pair(first.pair, write)}"]


def _pair(pair: Any, write: bool) -> str:
    code = str(getattr(pair, "code", "pair"))
    if "from_pictures(pictures" not in code:
        return code
    kept = data.keep(data.from_pictures([pair.picture], texts=[pair.text or "picture"]), FOLDER, write=write)
    return f"{kept.code}[0]"


def _given_whole(maps: Sequence[Heatmap]) -> list[str]:
    """A model of transformers came with tensors of its own."""
    return [
        f"# Two things must be at hand: `model`, the {maps[0].provenance.model} that was explained, and",
        "# `inputs`, the tensors that its processor gave.",
    ]


def _attributed(maps: Sequence[Heatmap], whole: bool) -> list[str]:
    """One call for all methods that were asked for alike."""
    calls = [_call(run, whole) for run in _runs(maps)]
    if not calls:
        return ["maps = []"]
    if len(calls) == 1:
        return [f"maps = {calls[0]}"]
    return ["maps = Attributions(", "    [", *(f"        *{call}," for call in calls), "    ]", ")"]


def _runs(maps: Sequence[Heatmap]) -> Iterator[list[Heatmap]]:
    def asked(heatmap: Heatmap) -> str:
        return repr((heatmap.provenance.parameters.get("asked", {}), heatmap.provenance.seed or 0))

    return (list(run) for _, run in groupby(maps, key=asked))


def _call(maps: Sequence[Heatmap], whole: bool) -> str:
    first = maps[0]
    methods = [heatmap.method for heatmap in maps]
    options = dict(first.provenance.parameters.get("asked", {})) | {"seed": first.provenance.seed or 0}
    told = ", ".join(f"{name}={value!r}" for name, value in options.items())
    if not whole:
        return f"attribute(model, pair, method={methods!r}, target={_target(first.target)}, {told})"
    asked = first.provenance.parameters.get("target", {})
    given = ", ".join(
        f"{name}={asked[name]!r}" for name in ("index", "place", "name") if asked.get(name) not in (None, "")
    )
    words = next((one.tokens for one in maps if one.tokens), ())
    if words and not any(note.startswith(_UNNAMED) for one in maps for note in one.notes):
        told = f"words={list(words)!r}, {told}"
    return f"attribute(model, inputs, method={methods!r}, target=output({given}), {told})"


def _target(target: Target) -> str:
    if target.kind == "similarity":
        return repr(target.text)
    if target.kind == "contrast":
        return repr((target.text, *target.against))
    others = f", {list(target.texts)!r}" if target.kind == "probability" else ""
    return f"{target.kind}({target.text!r}{others})"
