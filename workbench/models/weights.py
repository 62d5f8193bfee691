"""Weights files: opened safely, told apart by content, and refused with a reason that helps."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadWeightsError, UnavailableError
from workbench.formatting import one_line
from workbench.hooks import stand_in
from workbench.models.pickles import PICKLE_SUFFIXES, read_pickle
from workbench.quiet import no_records
from workbench.runtime import is_out_of_memory, seeded
from workbench.untrusted import parsed

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "Stamp",
    "check_safetensors",
    "check_unread",
    "file_sha256",
    "files_digest",
    "find_weights",
    "fitting",
    "in_memory",
    "is_usual",
    "read_json",
    "reading",
    "stamp",
    "too_little",
]

_ADAPTER, _ADAPTERS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")

# open_clip's names first, then the ones that transformers writes.
_USUAL_NAMES = (
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
)
_INDEX_NAMES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")

_PART = re.compile(r"-\d+-of-(\d+)")  # of weights in several files

Stamp = tuple[tuple[str, int, int, int, int], ...]
"""Path, both times of change in ns, size in bytes and number of every file a model was made from."""


def stamp(files: Iterable[Path]) -> Stamp:
    """What tells, without reading the files, whether they are still the same.

    A copy that keeps the time of its source (`cp -p`, `rsync -t`) leaves the time of the entry changed.
    """
    found = [(file, file.stat()) for file in sorted(files)]
    return tuple(
        (str(file), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        for file, status in found
    )


def files_digest(files: Iterable[Path]) -> str:
    """A hexadecimal digest of the contents of `files`; read again only when a file has changed."""
    return _digest_of(stamp(files))


@lru_cache(maxsize=64)
def _digest_of(stamped: Stamp) -> str:
    total = hashlib.sha256()
    for path, *_ in stamped:
        with open(path, "rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def find_weights(folder: Path, *, library: str = "") -> tuple[Path, ...]:
    """The weights in a folder, safetensors before pickles; every part of them if they are sharded.

    Args:
        library: "transformers" takes the files that this library loads, where those of open_clip lie beside;
            behind them, the files of an adapter that peft has written there, which it applies. "open_clip"
            takes its own first.

    Raises:
        BadWeightsError: there are none, or parts named in the index are missing.
        UnavailableError: an adapter lies there, and peft is not installed.
    """
    if library == "transformers":
        return (*_weights(folder, library), *_adapter(folder))
    return _weights(folder, library)


def _weights(folder: Path, library: str) -> tuple[Path, ...]:
    names: tuple[str, ...] = _USUAL_NAMES[:2] + _INDEX_NAMES[:1] + _USUAL_NAMES[2:] + _INDEX_NAMES[1:]
    if library == "transformers":
        names = tuple(name for name in names if not name.startswith("open_clip"))
    if library == "open_clip":
        names = tuple(sorted(names, key=lambda name: not name.startswith("open_clip")))
    for name in names:
        if (folder / name).is_file():
            return _shards(folder / name) if name in _INDEX_NAMES else (folder / name,)
    others = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix in (".safetensors", *PICKLE_SUFFIXES) and file.name not in _ADAPTERS
    ]
    if library == "transformers":
        others = [file for file in others if not file.name.startswith("open_clip")]
    others.sort(key=lambda file: file.suffix != ".safetensors")
    if others:
        return _whole(others[0], others)
    raise BadWeightsError(
        f"{folder} holds a configuration but no weights; expected {_USUAL_NAMES[0]} or {_USUAL_NAMES[1]} "
        "beside it. Copy or save the weights there."
    )


def is_usual(file: Path) -> bool:
    """Whether the libraries find a weights file by its name; they do not find "model.fp16.safetensors"."""
    return file.name in _USUAL_NAMES or _PART.sub("", file.name) in _USUAL_NAMES


def _whole(first: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """The file alone, or all parts of the set that it begins ("...-00001-of-00003...")."""
    named = _PART.search(first.name)
    if named is None:
        return (first,)
    parts = tuple(file for file in files if _PART.sub("", file.name) == _PART.sub("", first.name))
    if len(parts) != int(named[1]):
        raise BadWeightsError(
            f"{first.parent} holds {len(parts)} of the {int(named[1])} parts of {_PART.sub('', first.name)}. "
            "Copy the folder again, or finish the download."
        )
    return parts


def _adapter(folder: Path) -> tuple[Path, ...]:
    """Transformers applies an adapter that it finds, and without peft leaves it out in silence."""
    if not (folder / _ADAPTER).is_file():
        return ()
    if find_spec("peft") is None:
        raise UnavailableError(
            f"{folder} holds an adapter ({_ADAPTER}) beside its weights, and peft, which applies it, is not "
            "installed: pip install peft. Without the adapter it would be another model; take it out of the "
            "folder if you want that one."
        )
    return (folder / _ADAPTER, *(folder / name for name in _ADAPTERS if (folder / name).is_file()))


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
        content = parsed(path.read_text(encoding="utf-8"))
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


@contextmanager
def reading(files: Sequence[Path], expected: str) -> Iterator[None]:
    """Whatever a library raises while it loads `files` becomes a `BadWeightsError` that names them."""
    for file in files:
        if file.suffix == ".safetensors":
            check_safetensors(file)
        elif file.suffix in PICKLE_SUFFIXES:
            read_pickle(file)
    with fitting(files, expected):
        yield


@contextmanager
def fitting(files: Sequence[Path], expected: str) -> Iterator[None]:
    """As `reading`, for files whose tensors were read already."""
    named = ", ".join(str(file) for file in files)
    try:
        # What is built draws weights first, which the file's replace; nobody else's numbers may be taken.
        with _without_bars(), seeded(0):
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
    """No progress bar of transformers below a notebook's cell: it says nothing that an `Event` does not.

    Nor its report of every missing tensor, a hundred lines that our error tells in one.
    """
    from transformers.utils import logging

    def no_bar(_: Any, __: Any, *args: Any, **kwargs: Any) -> Any:
        return logging.EmptyTqdm(*args, **kwargs)

    with no_records("transformers"), stand_in(type(logging.tqdm), "__call__", no_bar):
        yield


def in_memory(model: nn.Module) -> nn.Module:
    """The same model with its tensors in memory of their own, no longer mapped to the file they came from.

    transformers leaves them mapped. A checkpoint copied over that file would change a loaded model, and a
    shorter one would end the process (SIGBUS). Tensors that share memory go on sharing it.
    """
    import torch

    moved: dict[tuple[Any, ...], Tensor] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.device.type == "cpu":
            place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            if place not in moved:
                moved[place] = tensor.data.clone(memory_format=torch.preserve_format)
            tensor.data = moved[place]
    return model


def too_little(files: Sequence[Path], expected: str, missing: Iterable[str]) -> BadWeightsError:
    """The error for weights that lack tensors of the model."""
    named, keys = ", ".join(str(file) for file in files), sorted(missing)
    return BadWeightsError(
        f"The weights in {named} do not fit {expected}: {len(keys)} tensors are missing or of another shape, "
        f"first {', '.join(keys[:4])}. Give the folder the configuration that its weights were trained with."
    )


def check_unread(folder: Path, unread: Iterable[str], read: Iterable[str]) -> None:
    """Refuse weights that hold layers which the configuration does not name: the model would be cut short.

    Args:
        folder: of the model, for the message.
        unread: names of tensors in the weights for which the configuration has no place.
        read: names of the tensors that the model has.

    Raises:
        BadWeightsError: a stack of layers goes on in the weights where it ends in the configuration.
    """
    layers = {layer for key in read for layer in _layers(key)}
    stacks = {stack for stack, _ in layers}
    cut = sorted(
        {(stack, place) for key in unread for stack, place in _layers(key) if stack in stacks} - layers
    )
    if cut:
        raise BadWeightsError(
            f"The configuration in {folder} names fewer layers than its weights hold: {len(cut)} are left "
            f"over, first {cut[0][0]}.{cut[0][1]}. Give the folder the configuration that its weights were "
            "trained with; if fewer layers are meant, save the shortened model with save_pretrained()."
        )


def _layers(key: str) -> list[tuple[str, int]]:
    """The numbered layers a tensor lies in: of `x.2.blocks.5.w` those of "x", 2 and "x.2.blocks", 5."""
    return [(key[: match.start()], int(match[1])) for match in re.finditer(r"\.(\d+)(?=\.)", key)]


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
