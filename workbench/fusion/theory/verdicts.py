"""What was found of a fusion's claims, remembered for the process: which fusion a verdict belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from workbench.errors import BadInputError, UnknownNameError
from workbench.formatting import plural
from workbench.fusion.design import Fusion
from workbench.fusion.registry import card
from workbench.fusion.theory.proof import Proof
from workbench.runtime import seeded
from workbench.values import sentences_of

__all__ = ["names_of", "remember", "verdict"]

_known: dict[tuple[Any, ...], tuple[str, Any]] = {}
"""Name and what builds it to: why it is refused ("" if it was proved), and what builds it, held."""
_lock = Lock()


def names_of(fusions: Sequence[str | Fusion], verb: str) -> list[str]:
    """Their names.

    Raises:
        BadInputError: not a list of names and `Fusion`s, or an empty one.
    """
    if isinstance(fusions, str | Fusion):
        said = fusions if isinstance(fusions, str) else fusions.name
        raise BadInputError(f"{verb} got the single fusion {said!r}; expected a list: [{said!r}].")
    fusions = sentences_of(fusions, what="fusions")
    strange = [one for one in fusions if not isinstance(one, str | Fusion)]
    if strange:
        raise BadInputError(
            f"{verb} got {strange[0]!r} among the fusions; expected names, such as 'low-rank', or `Fusion`s."
        )
    if not len(fusions):
        raise BadInputError(f"There are no fusions to {verb}: the list is empty. Give at least one name.")
    return [one if isinstance(one, str) else one.name for one in fusions]


def remember(fusions: Sequence[Fusion], proof: Proof) -> None:
    """Keep what a proof found, so that `compare` refuses what failed."""
    with _lock:
        for one in fusions:
            if one.name in proof.fusions:
                key, held = _key(one)
                _known[key] = _said(one.name, proof), held


def verdict(one: Fusion) -> str | None:
    """Why a fusion is refused, "" if it was proved or is shipped, None if nothing is known of it yet."""
    key, _ = _key(one)
    if key in _known:
        return _known[key][0]
    return "" if _shipped(one) else None


def _said(name: str, proof: Proof) -> str:
    failures = [row for row in proof.failures if row.fusion == name]
    if not failures:
        return ""
    first = failures[0]
    return (
        f"{name} breaks its own class in {plural(len(failures), 'check')}, first {first.task}: "
        f"{first.measure} is {first.measured:.3g}, theory says {first.theory}. "
        f"See prove(['{name}']).failures."
    )


def _shipped(one: Fusion) -> bool:
    """Built by this package: the test suite proves those."""
    builds = getattr(one.build, "func", one.build)  # a partial says that it lives in functools
    if not getattr(builds, "__module__", "").startswith("workbench.fusion."):
        return False
    try:
        return one.card == card(one.name, depth=int(one.options.get("depth", 2)))
    except UnknownNameError:  # one of ours under a name and a card of the user's own
        return False


def _key(one: Fusion) -> tuple[tuple[Any, ...], Any]:
    """What a verdict belongs to (the function that builds, the class it builds now), and both, to be held.

    They are compared as objects, not by name: a cell that is run again, mended or newly broken, makes new
    ones of the same name, and is proved again. Held, so that no later object gets their number.
    """
    if _shipped(one):
        return (one.name,), None
    from workbench.fusion.theory.structure import DESIGN, SPEC

    with seeded(0):
        made = type(one.build(SPEC, DESIGN))
    return (one.name, id(one.build), id(made)), (one.build, made)
