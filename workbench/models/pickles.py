"""Pickled weights, opened by torch's restricted reader, which builds tensors and runs nothing."""

from __future__ import annotations

import pickle
import re
import threading
from pathlib import Path
from typing import Any

from workbench.errors import BadWeightsError
from workbench.formatting import one_line
from workbench.runtime import is_out_of_memory

__all__ = ["PICKLE_SUFFIXES", "read_pickle"]

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")

_DAMAGE = (
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OSError,
)
_allowing = threading.Lock()  # torch keeps one list of allowed classes for the whole process


def read_pickle(path: Path) -> Any:
    """What is in a pickle, by torch's restricted reader, which builds tensors and runs nothing.

    Beside tensors and plain values it takes NumPy's numbers and a trainer's options: an optimizer's
    learning rate is a NumPy number wherever a schedule has set it.

    Raises:
        BadWeightsError: it asks for anything else, or is damaged.
    """
    import torch

    try:
        with _allowing, torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        unsafe = re.search(r"(?:GLOBAL|global|Global) (?:was )?`?([\w.]+)", str(problem))
        if unsafe and "invalid load key" not in str(problem):
            raise BadWeightsError(
                f"{path} is refused: its pickle wants to run {unsafe[1]!r}, and a weights file needs only "
                "tensors. If you trust where it comes from, save its state dict as safetensors there."
            ) from None
        raise _corrupt(path, problem) from None
    except _DAMAGE as problem:
        if is_out_of_memory(problem):
            raise
        raise _corrupt(path, problem) from None


def _harmless() -> list[Any]:
    """Classes that only hold values, beside those that torch takes by itself.

    NumPy moved its functions from `numpy.core` to `numpy._core`; files of both kinds are about.
    """
    import argparse

    import numpy as np
    import torch

    kinds = [kind for name in np.dtypes.__all__ if isinstance(kind := getattr(np.dtypes, name), type)]
    numbers = [kind for kind in kinds if kind not in (np.dtypes.ObjectDType, np.dtypes.VoidDType)]
    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]
    moved = [(scalar, f"numpy.{home}.multiarray.scalar") for home in ("core", "_core")]
    known = torch.serialization.get_safe_globals()  # what the user allowed stays allowed behind us
    return [one for one in (*moved, np.dtype, *numbers, argparse.Namespace) if one not in known]


def _corrupt(path: Path, problem: Exception) -> BadWeightsError:
    return BadWeightsError(
        f"{path} is not a readable weights file ({path.stat().st_size:,} bytes): "
        f"{one_line(str(problem) or type(problem).__name__, most=200)}. Fetch or save it again; safetensors "
        "is best."
    )
