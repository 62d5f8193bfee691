"""A report in a folder: what took twenty minutes to measure outlives the kernel that measured it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.keeping import Packing, written

if TYPE_CHECKING:
    from workbench.fusion.comparison.report import FusionReport

__all__ = ["save_report"]

_HALVED = ("probability", "fused", "weights")


def save_report(report: FusionReport, folder: str | Path, *, half: bool = False) -> Path:
    """Write a report into a new folder and give its path. The examples themselves are not written.

    Args:
        half: answers to single items, fused vectors and weights in half precision, which is half the size.
            Quality and everything else that is a figure stays as it was measured.

    Raises:
        BadInputError: the folder is there and not empty, so that nothing is written over.
    """
    packing = Packing()
    said = packing.pack(report)  # without the examples, which are the reader's own, and how a fusion is built
    if half:
        for name in _arrays_in([said["FusionReport"][field] for field in _HALVED]):
            if packing.arrays[name].dtype == np.float32:
                packing.arrays[name] = packing.arrays[name].astype(np.float16)
    return written(folder, report._form, said, packing)


def _arrays_in(said: Any) -> Iterator[str]:
    """Names of the arrays in what `Packing` gave."""
    if isinstance(said, list):
        for one in said:
            yield from _arrays_in(one)
    elif isinstance(said, dict):
        for what, held in said.items():
            yield from ([held] if what == "array" else _arrays_in(held))
