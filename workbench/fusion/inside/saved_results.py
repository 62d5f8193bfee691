"""Planes and proofs that were saved, opened again."""

from __future__ import annotations

from pathlib import Path

from workbench.calling import verb
from workbench.fusion.design import Design
from workbench.fusion.inside.look_and_regions import Regions
from workbench.fusion.theory.proof import Proof, ProofRow
from workbench.keeping import opened
from workbench.results import Provenance

__all__ = ["open_proof", "open_regions"]


@verb
def open_regions(folder: str | Path) -> Regions:
    """The planes that `regions(...).save(folder)` wrote.

    Raises:
        BadInputError: nothing whole is there.
    """
    found: Regions = opened(folder, Regions._form, Regions, (Design, Provenance))
    return found


@verb
def open_proof(folder: str | Path) -> Proof:
    """The rows that `prove(...).save(folder)` wrote.

    Raises:
        BadInputError: nothing whole is there.
    """
    found: Proof = opened(folder, Proof._form, Proof, (ProofRow, Provenance))
    return found
