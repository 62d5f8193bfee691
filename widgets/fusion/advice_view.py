"""An answer of `advise` as plain data for the screen."""

from __future__ import annotations

from typing import Any

from widgets.fusion.report_view import number
from workbench.fusion import Advice, Option

__all__ = ["advice_view"]


def advice_view(advice: Advice) -> dict[str, Any]:
    """The advised fusion with its reasons, every other with what speaks against it, and what to do next."""
    chosen = next((one for one in advice.options if one.name == advice.choice), None)
    return {
        "choice": advice.choice,
        "title": "" if chosen is None else chosen.card.title,
        "kind": "" if chosen is None else chosen.card.kind,
        "where": "" if chosen is None else chosen.card.where,
        "reasons": [{"text": one.text, "source": one.source} for one in advice.reasons],
        "options": [_row(one) for one in advice.options],
        "modalities": list(advice.options[0].missing) if advice.options else [],
        "try_first": list(advice.try_first),
        "gaps": advice.plan.p_missing_train,
        "evidence": advice.evidence,
        "notes": list(advice.notes),
    }


def _row(one: Option) -> dict[str, Any]:
    return {
        "fusion": one.name, "title": one.card.title, "where": one.card.where, "kind": one.card.kind,
        "quality": [number(value) for value in one.quality], "behind": [number(value) for value in
        one.behind], "tied": one.tied, "missing": [number(value) for value in one.missing.values()],
        "parameters": one.parameters, "seconds": number(one.seconds, 1), "excluded": one.excluded,
    }  # fmt: skip
