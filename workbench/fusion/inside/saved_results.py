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

    Args:
        folder: what `save` was given.

    Returns:
        The `Regions` as they were, number for number.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.fusion import open_regions, regions
        >>> open_regions(regions(["mean-logits"], "xor").save("planes")).fusions
        ('mean-logits',)
    """
    found: Regions = opened(folder, Regions._form, Regions, (Design, Provenance))
    return found


@verb
def open_proof(folder: str | Path) -> Proof:
    """The rows that `prove(...).save(folder)` wrote.

    Args:
        folder: what `save` was given.

    Returns:
        The `Proof` as it was, number for number.

    Raises:
        BadInputError: nothing whole is there.

    Example:
        >>> from workbench.fusion import Proof, ProofRow, open_proof
        >>> row = ProofRow("mean-logits", "additive", "xor", "AUROC", 0.5, 0.45, 0.55, "chance", True)
        >>> open_proof(Proof((row,), seconds=1.0).save("proof")).tasks
        ('xor',)
    """
    found: Proof = opened(folder, Proof._form, Proof, (ProofRow, Provenance))
    return found
