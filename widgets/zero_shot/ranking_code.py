"""Copy as Python: a cell that shows the board again as it stands, in a kernel that knows nothing yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.results import Ranking, Rule

__all__ = ["as_python"]


def as_python(ranking: Ranking, choices: Mapping[str, Any], *, own_rule: Rule | None = None) -> str:
    """Load the same model and pictures, score them the same way, show them with the same choices.

    Args:
        choices: traits of the board that differ from what `show(ranking)` would set, by name.
        own_rule: the rule of the model, which `classify` takes by itself.
    """
    settings = _settings(ranking, own_rule)
    verbs = "classify, rescore" if settings else "classify"
    pairs = ranking.pairs.code if ranking.pairs is not None else "pairs"
    lines = [
        "from workbench import data, models",
        f"from workbench.zeroshot import {verbs}",
        "from widgets import show",
        "",
        f"model = models.load({ranking.provenance.model!r})",
        f"pairs = {pairs}",
        f"labels = {_listed(ranking.labels)}",
        f"templates = {_listed(ranking.templates)}",
        "ranking = classify(model, pairs, labels, templates=templates)",
    ]
    if settings:
        lines.append(_call("ranking = rescore", "ranking", settings))
    return "\n".join([*lines, _call("board = show", "ranking", choices), "board"]) + "\n"


def _settings(ranking: Ranking, own_rule: Rule | None) -> dict[str, Any]:
    """What `classify` would not have chosen by itself."""
    usual = {"active": [True] * len(ranking.templates), "temperature": 1.0, "ensemble": "embedding"}
    now = {
        "active": [bool(on) for on in ranking.active],
        "temperature": ranking.temperature,
        "ensemble": ranking.ensemble,
    }
    changed = {name: value for name, value in now.items() if value != usual[name]}
    return changed if ranking.rule == own_rule else changed | {"rule": ranking.rule}


def _call(verb: str, subject: str, options: Mapping[str, Any]) -> str:
    parts = [subject, *(f"{name}={value!r}" for name, value in options.items())]
    short = f"{verb}({', '.join(parts)})"
    if len(short) <= 90:
        return short
    return f"{verb}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _listed(texts: Sequence[str]) -> str:
    """A list literal, one text a line once it would be long. `repr` quotes whatever a user typed."""
    short = repr(list(texts))
    if len(short) <= 80:
        return short
    return "[\n" + "".join(f"    {text!r},\n" for text in texts) + "]"
