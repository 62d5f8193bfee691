"""Fusions that may not be compared: those that break their own class, and those a plan cannot train."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.fusion.design import Fusion, Plan
from workbench.fusion.theory.prove import prove
from workbench.fusion.theory.verdicts import verdict

__all__ = ["refusals"]


def refusals(fusions: Sequence[Fusion], plan: Plan) -> dict[str, str]:
    """Name to reason. A fusion of the user's own is proved first, once a process (some seconds)."""
    out = {}
    for one in fusions:
        if plan.training != "joint" and not one.card.experts:
            out[one.name] = (
                f"{one.name} has no experts of its own, so it cannot be trained apart; use training='joint'."
            )
            continue
        reason = _reason(one)
        if reason:
            out[one.name] = reason
    return out


def _reason(one: Fusion) -> str:
    if verdict(one) is None:
        prove([one])  # remembers
    return verdict(one) or ""
