"""A report in a folder: what took twenty minutes to measure outlives the kernel that measured it.

`report.json` holds names and numbers, `arrays.npz` every array, the trained weights among them. Nothing in
them is code: neither file can run anything when it is opened.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.examples import Examples
from workbench.data.pairs import Pairs
from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion.comparison.comparing import examples_of
from workbench.fusion.comparison.parts import Budget, Contributions, Pid, Robustness
from workbench.fusion.comparison.report import FusionReport
from workbench.fusion.design import Design, Fusion, FusionCard, Plan
from workbench.fusion.modules.building import fusion
from workbench.models.base import DualEncoder
from workbench.results import Provenance

__all__ = ["made_by", "open_report", "save_report"]

_FORMAT = "image-text-workbench fusion report 1"
_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Budget, Contributions, Design, FusionCard, FusionReport, Pid, Plan, Provenance, Robustness)
}


_HALVED = ("probability", "fused", "weights")


def save_report(report: FusionReport, folder: str | Path, *, half: bool = False) -> Path:
    """Write a report into a new folder and give its path. The examples themselves are not written.

    Args:
        half: answers to single items, fused vectors and weights in half precision, which is half the size.
            Quality and everything else that is a figure stays as it was measured.

    Raises:
        BadInputError: the folder is there and not empty, so that nothing is written over.
    """
    to = Path(folder).expanduser()
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadInputError(f"{to} is there already and not empty; name a new folder for this report.")
    arrays: dict[str, Any] = {}
    # The data are the reader's own, and how a fusion is built is code.
    said = _packed(replace(report, examples=None, built={}), arrays)
    if half:
        for name in _arrays_in([said["FusionReport"][field] for field in _HALVED]):
            if arrays[name].dtype == np.float32:
                arrays[name] = arrays[name].astype(np.float16)
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    raw = held.getvalue()
    to.mkdir(parents=True, exist_ok=True)
    (to / "arrays.npz").write_bytes(raw)
    # Last, with the digest of the other file: without it, what lies here was not finished.
    whole = {"format": _FORMAT, "arrays": hashlib.sha256(raw).hexdigest(), "report": said}
    (to / "report.json").write_text(json.dumps(whole, allow_nan=False), "utf-8")
    return to


def open_report(
    folder: str | Path,
    data: str | Path | Pairs | Examples | None = None,
    *,
    model: DualEncoder | None = None,
) -> FusionReport:
    """A report that `report.save(folder)` wrote.

    Args:
        data: what `compare` was given, so that examples can be shown and looked into; they are made
            again and must be the same to the last token. None opens the numbers alone.
        model: what `compare` was given, where tokens are its frozen features.

    Raises:
        BadInputError: no report is there, it is damaged, or `data` are not those it was measured on.
    """
    where = Path(folder).expanduser()
    report = _read(where)
    if data is None:
        return report
    examples = examples_of(data, model)
    if examples.fingerprint != report.provenance.data:
        raise BadInputError(
            f"{where} was measured on {report.data!r} with fingerprint {report.provenance.data}; these "
            f"examples have {examples.fingerprint}. Give what compare() was given, or open it without data."
        )
    return replace(report, examples=examples)


def made_by(report: FusionReport, name: str) -> Fusion | None:
    """The fusion itself: held by a live report, or shipped under the very card that a saved one names.

    None for a saved fusion of the user's own, of which only weights and card are left.
    """
    if name in report.built:
        made: Fusion = report.built[name]
        return made
    try:
        shipped = fusion(name, depth=report.plan.design.depth)
    except UnknownNameError:
        return None
    return shipped if shipped.card == report.cards[report.place(name)] else None


def _read(where: Path) -> FusionReport:
    try:
        whole = json.loads((where / "report.json").read_text("utf-8"))
        raw = (where / "arrays.npz").read_bytes()
    except (OSError, ValueError) as problem:
        raise BadInputError(
            f"There is no whole report in {where} ({problem}). Expected a folder that report.save() wrote."
        ) from problem
    if not isinstance(whole, dict) or whole.get("format") != _FORMAT:
        raise BadInputError(f"{where / 'report.json'} is no fusion report that this version can read.")
    if hashlib.sha256(raw).hexdigest() != whole.get("arrays"):
        raise BadInputError(f"{where / 'arrays.npz'} is damaged or of another report. Save the report again.")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            report = _unpacked(whole["report"], arrays)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise BadInputError(f"{where / 'report.json'} was changed since it was saved: {problem}") from problem
    if not isinstance(report, FusionReport):
        raise BadInputError(f"{where / 'report.json'} holds a {type(report).__name__} and no report.")
    return report


def _packed(value: Any, arrays: dict[str, Any]) -> Any:
    """JSON for `value`: what JSON has no word for is an object with one key that says what it is."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": repr(value)}
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_packed(one, arrays) for one in value]}
    if isinstance(value, Mapping):
        return {"map": [[key, _packed(one, arrays)] for key, one in value.items()]}
    if is_dataclass(value) and type(value).__name__ in _KINDS:
        held = {one.name: _packed(getattr(value, one.name), arrays) for one in fields(value)}
        return {type(value).__name__: held}
    raise BadInputError(f"A report that holds a {type(value).__name__} cannot be kept as names and arrays.")


def _arrays_in(said: Any) -> Iterator[str]:
    """Names of the arrays in what `_packed` gave."""
    if isinstance(said, list):
        for one in said:
            yield from _arrays_in(one)
    elif isinstance(said, dict):
        for what, held in said.items():
            yield from ([held] if what == "array" else _arrays_in(held))


def _unpacked(said: Any, arrays: Mapping[str, NDArray]) -> Any:
    if not isinstance(said, dict):
        return said
    ((what, held),) = said.items()
    if what == "number":
        return float(held)
    if what == "array":
        values = arrays[held]
        return values.astype(np.float32) if values.dtype == np.float16 else values
    if what in ("tuple", "list"):
        many = [_unpacked(one, arrays) for one in held]
        return tuple(many) if what == "tuple" else many
    if what == "map":
        return {key: _unpacked(one, arrays) for key, one in held}
    return _KINDS[what](**{name: _unpacked(one, arrays) for name, one in held.items()})
