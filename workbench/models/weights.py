"""Weights files: opened safely, told apart by content, and refused with a reason that helps."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench._repr import one_line
from workbench.errors import BadWeightsError
from workbench.runtime import is_out_of_memory

__all__ = [
    "PICKLE_SUFFIXES",
    "Stamp",
    "check_pickle",
    "check_safetensors",
    "file_sha256",
    "files_digest",
    "find_weights",
    "read_json",
    "reading",
    "stamp",
    "too_little",
]

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")

# open_clip's names first, then the ones that transformers writes.
_USUAL_NAMES = (
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
)
_INDEX_NAMES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")

Stamp = tuple[tuple[str, int, int], ...]
"""Path, time of change in ns and size in bytes of every file a model was made from."""


def stamp(files: Iterable[Path]) -> Stamp:
    """What tells, without reading the files, whether they are still the same."""
    found = [(file, file.stat()) for file in sorted(files)]
    return tuple((str(file), status.st_mtime_ns, status.st_size) for file, status in found)


def files_digest(files: Iterable[Path]) -> str:
    """A hexadecimal digest of the contents of `files`; read again only when a file has changed."""
    return _digest_of(stamp(files))


@lru_cache(maxsize=64)
def _digest_of(stamped: Stamp) -> str:
    total = hashlib.sha256()
    for path, _, _ in stamped:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def find_weights(folder: Path) -> tuple[Path, ...]:
    """The weights in a folder, safetensors before pickles; every part of them if they are sharded.

    Raises:
        BadWeightsError: there are none, or parts named in the index are missing.
    """
    for name in _USUAL_NAMES[:2] + _INDEX_NAMES[:1] + _USUAL_NAMES[2:] + _INDEX_NAMES[1:]:
        if (folder / name).is_file():
            return _shards(folder / name) if name in _INDEX_NAMES else (folder / name,)
    others = [file for file in sorted(folder.iterdir()) if file.suffix in (".safetensors", *PICKLE_SUFFIXES)]
    others.sort(key=lambda file: file.suffix != ".safetensors")
    if others:
        return (others[0],)
    raise BadWeightsError(
        f"{folder} holds a configuration but no weights; expected {_USUAL_NAMES[0]} or {_USUAL_NAMES[1]} "
        "beside it. Copy or save the weights there."
    )


def _shards(index: Path) -> tuple[Path, ...]:
    parts = tuple(
        index.parent / name for name in sorted(set(read_json(index).get("weight_map", {}).values()))
    )
    missing = [part.name for part in parts if not part.is_file()]
    if missing or not parts:
        raise BadWeightsError(
            f"{index} names {len(parts)} parts of the weights, of which {len(missing)} are missing, first "
            f"{missing[0] if missing else 'all'}. Copy the folder again, or finish the download."
        )
    return parts


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BadWeightsError: the file is not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BadWeightsError(
            f"{path} cannot be read as JSON: {problem}. Copy or save it again."
        ) from problem
    if not isinstance(content, dict):
        raise BadWeightsError(f"{path} holds a JSON {type(content).__name__}; expected an object.")
    return content


def file_sha256(file: Path) -> str:
    """The sha256 of one file, as its publisher states it; read again only when the file has changed."""
    return _sha256_of(stamp((file,)))


@lru_cache(maxsize=64)
def _sha256_of(stamped: Stamp) -> str:
    with open(stamped[0][0], "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_safetensors(path: Path) -> None:
    """Open the header of a safetensors file, which also compares its length with what it promises."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            count = len(list(file.keys()))
    except (SafetensorError, OSError, ValueError) as problem:
        raise BadWeightsError(
            f"{path} is not a complete safetensors file ({path.stat().st_size:,} bytes): {problem}. "
            "The copy or download probably stopped early; fetch it again."
        ) from problem
    if not count:
        raise BadWeightsError(f"{path} is a safetensors file without a single tensor. Save the model again.")


def check_pickle(path: Path) -> None:
    """Open a pickle with torch's restricted reader, which builds tensors and runs nothing.

    Raises:
        BadWeightsError: it asks for anything but tensors and plain values, or is damaged.
    """
    import torch

    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        unsafe = re.search(r"(?:GLOBAL|global|Global) (?:was )?`?([\w.]+)", str(problem))
        if unsafe and "invalid load key" not in str(problem):
            raise BadWeightsError(
                f"{path} is refused: its pickle wants to run {unsafe[1]!r}, and a weights file needs only "
                "tensors. If you trust where it comes from, save its state dict as safetensors there."
            ) from None
        raise _corrupt(path, problem) from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as problem:
        if is_out_of_memory(problem):
            raise
        raise _corrupt(path, problem) from None


@contextmanager
def reading(files: Sequence[Path], expected: str) -> Iterator[None]:
    """Whatever a library raises while it loads `files` becomes a `BadWeightsError` that names them."""
    for file in files:
        if file.suffix == ".safetensors":
            check_safetensors(file)
        elif file.suffix in PICKLE_SUFFIXES:
            check_pickle(file)
    named = ", ".join(str(file) for file in files)
    try:
        with _without_bars():
            yield
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as problem:
        if is_out_of_memory(problem):
            raise
        raise BadWeightsError(
            f"The weights in {named} do not fit {expected}: {_mismatch(str(problem))}. "
            "Give the architecture that they were trained with, or the weights of this one."
        ) from problem


@contextmanager
def _without_bars() -> Iterator[None]:
    """No progress bar of transformers below a notebook's cell: it says nothing that an `Event` does not."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def too_little(files: Sequence[Path], expected: str, missing: Iterable[str]) -> BadWeightsError:
    """The error for weights that lack tensors of the model."""
    named, keys = ", ".join(str(file) for file in files), sorted(missing)
    return BadWeightsError(
        f"The weights in {named} do not fit {expected}: {len(keys)} tensors are missing or of another shape, "
        f"first {', '.join(keys[:4])}. Give the folder the configuration that its weights were trained with."
    )


def _mismatch(message: str) -> str:
    """The heart of torch's load_state_dict message: its first keys instead of all of them."""
    parts = []
    for kind, label in (("Missing", "missing"), ("Unexpected", "not part of it")):
        found = re.search(kind + r" key\(s\) in state_dict: (.*)", message)
        if found:
            keys = re.findall(r'"([^"]+)"', found[1])
            parts.append(f"{label}: {', '.join(keys[:4])} ({len(keys)} in all)")
    sizes = re.findall(
        r"size mismatch for ([\w.]+): .*?shape torch\.Size\(\[(.*?)\]\).*?torch\.Size\(\[(.*?)\]\)", message
    )
    if sizes:
        name, given, wanted = sizes[0]
        parts.append(f"{name} is {given} and should be {wanted} ({len(sizes)} sizes differ)")
    return "; ".join(parts) or one_line(message, most=300)


def _corrupt(path: Path, problem: Exception) -> BadWeightsError:
    return BadWeightsError(
        f"{path} is not a readable weights file ({path.stat().st_size:,} bytes): "
        f"{one_line(str(problem) or type(problem).__name__, most=200)}. "
        "Fetch or save it again; safetensors is best."
    )
