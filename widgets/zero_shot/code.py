"""Copy as Python: the code whose result is what stands on the board."""

from __future__ import annotations

from collections.abc import Sequence

from widgets.zero_shot.view import Choices
from workbench.results import Ranking

__all__ = ["as_python"]


def as_python(ranking: Ranking, choices: Choices, *, selected: Sequence[int] = ()) -> str:
    """A cell that loads the same model and pictures, and scores them the same way."""
    lines = [
        "from workbench import data, models",
        "from workbench.zeroshot import classify, reject_cost, rescore"
        if _rejects(ranking, choices)
        else "from workbench.zeroshot import classify, rescore",
        "",
        f"model = models.load({ranking.provenance.model!r})",
        f"pairs = {ranking.pairs.code}",
        f"labels = {_listed(ranking.labels)}",
        f"templates = {_listed(ranking.templates)}",
        "ranking = classify(model, pairs, labels, templates=templates)",
        "ranking = rescore(",
        "    ranking,",
        f"    active={[bool(on) for on in ranking.active]},",
        f"    temperature={ranking.temperature!r},",
        f"    rule={ranking.rule!r},",
        f"    ensemble={ranking.ensemble!r},",
        ")",
    ]
    if _rejects(ranking, choices):
        lines.append(f"cost = reject_cost(ranking, {choices.threshold!r}, measure={choices.measure!r})")
    if selected:
        lines.append(f"chosen = pairs[{sorted(selected)!r}]")
    return "\n".join(lines) + "\n"


def _rejects(ranking: Ranking, choices: Choices) -> bool:
    return choices.threshold is not None and ranking.truth is not None


def _listed(texts: Sequence[str]) -> str:
    """A list literal, one text a line once it would be long. `repr` quotes whatever a user typed."""
    short = repr(list(texts))
    if len(short) <= 80:
        return short
    return "[\n" + "".join(f"    {text!r},\n" for text in texts) + "]"
