"""Decision regions that ship: every stop of the slider and every fusion, trained once.

`workbench.recipes.planes` made them, `planes.json` names them, `TASK.npz` holds them. A plane is kept as it
was computed, in half precision, and only for the very settings it was trained with; everything else is
trained when it is asked for.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.fusion.design import Design
from workbench.portable import Portable

__all__ = ["PLANE_DESIGN", "PLANE_SIZE", "PLANE_STEPS", "KeptPlane", "kept_planes", "write_planes"]

PLANE_DESIGN = Design(width=16, depth=3)
"""The size of every fusion on the plane, unless another is asked for."""
PLANE_STEPS = 400
"""Most steps of training of a fusion on the plane, unless others are asked for."""
PLANE_SIZE = 48
"""Points along each axis of a plane, unless others are asked for."""
_FORMAT = "image-text-workbench planes 1"


@dataclass(frozen=True, eq=False)
class KeptPlane(Portable):
    """What a fusion decided over one plane, as it ships.

    Shapes:
        probability: row x col, of the answer 1
        history: step x 2, training step and loss; NaN after the last

    Attributes:
        accuracy: on fresh points, 0 to 1.
    """

    probability: NDArray[np.float32]
    history: NDArray[np.float32]
    accuracy: float


@verb
def kept_planes(task: str, *, steps: int, size: int, design: Design) -> Mapping[tuple[str, int], KeptPlane]:
    """The planes that ship for a task: they were trained once, and only for one choice of settings.

    Args:
        task: name of a task on the plane, of `plane_tasks()`.
        steps: most steps of training.
        size: points along each axis.
        design: the size of the fusions.

    Returns:
        (fusion, seed) to its `KeptPlane`; nothing if other settings are asked for, or no such task ships.

    Raises:
        BadInputError: what ships is damaged.

    Example:
        >>> from workbench.fusion import PLANE_DESIGN, PLANE_SIZE, PLANE_STEPS, kept_planes
        >>> kept = kept_planes("xor", steps=PLANE_STEPS, size=PLANE_SIZE, design=PLANE_DESIGN)
        >>> kept["mean-logits", 0].probability.shape
        (48, 48)
    """
    if (steps, size, design) != (PLANE_STEPS, PLANE_SIZE, PLANE_DESIGN):
        return {}
    return _read(task)


def write_planes(folder: Path, planes: Mapping[str, Mapping[tuple[str, int], KeptPlane]], note: str) -> None:
    """Write what ships: one file of arrays a task, and what is in them."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = {}
    for task, found in planes.items():
        held = io.BytesIO()
        arrays = {
            "probability": np.stack([one.probability for one in found.values()]).astype(np.float16),
            "history": np.stack([one.history for one in found.values()]).astype(np.float32),
            "accuracy": np.array([one.accuracy for one in found.values()], np.float32),
        }
        np.savez_compressed(held, **arrays)  # type: ignore[arg-type]
        raw = held.getvalue()
        (folder / f"{task}.npz").write_bytes(raw)
        tasks[task] = {"sha256": hashlib.sha256(raw).hexdigest(), "planes": [list(key) for key in found]}
    said = {
        "format": _FORMAT, "steps": PLANE_STEPS, "size": PLANE_SIZE, "design": asdict(PLANE_DESIGN),
        "note": note, "tasks": tasks,
    }  # fmt: skip
    (folder / "planes.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")


@cache
def _read(task: str) -> Mapping[tuple[str, int], KeptPlane]:
    folder = resources.files("workbench.fusion") / "kept" / "planes"
    listed = folder / "planes.json"
    said = json.loads(listed.read_text("utf-8")) if listed.is_file() else {}
    if task not in said.get("tasks", {}):
        return {}
    about, raw = said["tasks"][task], (folder / f"{task}.npz").read_bytes()
    if said.get("format") != _FORMAT or hashlib.sha256(raw).hexdigest() != about["sha256"]:
        raise BadInputError(
            f"The kept planes of {task!r} are damaged or of another version. Install the package again, or "
            "train them: regions(..., kept=False)."
        )
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        probability = arrays["probability"].astype(np.float32)
        history, accuracy = arrays["history"], arrays["accuracy"]
    keys: Sequence[tuple[str, int]] = [(str(name), int(seed)) for name, seed in about["planes"]]
    return {
        key: KeptPlane(probability[place], history[place], float(accuracy[place]))
        for place, key in enumerate(keys)
    }
