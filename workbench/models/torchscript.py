"""The tensors of a TorchScript archive, without running the program in it.

OpenAI published its CLIPs this way: a zip with the weights, and with a program that `torch.jit.load` would
run. What is read here is the table of the module's attributes (a pickle, in which every class of the archive
is an empty shell and nothing else may be called) and the raw bytes that the table points to.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadWeightsError
from workbench.formatting import one_line

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Archive", "is_torchscript", "read_torchscript"]

_PROGRAM = "code/__torch__"
_QUICK_GELU = b"1.702"  # QuickGELU is x * sigmoid(1.702 x)
_LONGEST_PROGRAM = 10_000_000  # bytes of one file of it
_MOST_PARTS = 100_000  # of a module; a ViT-g has some thousands


@dataclass(frozen=True)
class Archive:
    """What a TorchScript archive holds.

    Attributes:
        tensors: parameters and buffers by name, as the module's `state_dict()` has them.
        quick_gelu: whether the program in it computes QuickGELU, from its text.
    """

    tensors: dict[str, Tensor]
    quick_gelu: bool


def is_torchscript(path: Path) -> bool:
    """Whether the file is a zip with a program of TorchScript in it."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.partition("/")[2].startswith(_PROGRAM) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def read_torchscript(path: Path) -> Archive:
    """The archive's tensors; nothing in it is run or imported.

    Raises:
        BadWeightsError: the archive is damaged, or its table wants to call something.

    Source: https://github.com/openai/CLIP, whose `load` takes the `state_dict()` of the archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            table = next(name for name in archive.namelist() if name.partition("/")[2] == "data.pkl")
            root = table.removesuffix("data.pkl")
            module = _Table(archive, root).load()
            tensors = dict(_named(module, "", count()))
            return Archive(tensors, _computes_quick_gelu(archive, root))
    except _Forbidden as problem:
        raise BadWeightsError(
            f"{path} is refused: its table of weights wants to call {problem}, and a TorchScript archive "
            "needs only tensors there. Nothing of it was run."
        ) from None
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        StopIteration,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OSError,
    ) as problem:
        raise BadWeightsError(
            f"{path} is a TorchScript archive whose weights cannot be read ({path.stat().st_size:,} bytes): "
            f"{one_line(str(problem) or type(problem).__name__, most=200)}. Fetch it again, or save its "
            "state dict as safetensors where you trust it."
        ) from problem


class _Forbidden(Exception):  # noqa: N818 - what was wanted, not what went wrong
    """The name of something that the table must not call."""


class _Shell:
    """Stands for every class of the archive: it keeps attributes and has no behaviour."""

    def __init__(self, *_: Any) -> None:
        self.attributes: Mapping[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.attributes = state if isinstance(state, Mapping) else {}


class _Table(pickle.Unpickler):
    """The archive's pickle, with shells for its classes and tensors for its storages."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(_stored(archive, root + "data.pkl")))
        self._archive, self._root = archive, root
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        """A shell, or one of the few functions that make tensors and containers."""
        if module.partition(".")[0] == "__torch__":
            return _Shell
        if module == "torch" and name in _element_types():
            return name
        found = _CALLABLE.get((module, name))
        if found is None:
            raise _Forbidden(f"'{module}.{name}'")
        return found

    def persistent_load(self, pid: Any) -> Tensor:
        """A storage as a flat tensor: ("storage", kind, record, device, count)."""
        _, kind, record, _, count = pid
        if record not in self._storages:
            self._storages[record] = self._flat(kind, str(record), int(count))
        return self._storages[record]

    def _flat(self, kind: str, record: str, count: int) -> Tensor:
        import torch

        dtype = _element_types()[kind]
        raw = _stored(self._archive, f"{self._root}data/{record}")
        if len(raw) != count * dtype.itemsize:
            raise ValueError(f"the record {record} has another length than its {count} numbers of {dtype}")
        return torch.frombuffer(bytearray(raw), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """A record's bytes. TorchScript packs no data, so what claims to be packed may claim any size."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"the record {name} is packed, which TorchScript never does")
    return archive.read(name)


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Any:
    """What `torch._utils._rebuild_tensor_v2` does; torch itself refuses a view beyond the storage."""
    return storage.as_strided(tuple(size), tuple(stride), offset)


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _plain_list(values: Any) -> list[Any]:
    return list(values)


_CALLABLE: dict[tuple[str, str], Any] = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("collections", "OrderedDict"): OrderedDict,
    **{
        ("torch.jit._pickle", name): _plain_list
        for name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")
    },
    ("torch.jit._pickle", "restore_type_tag"): lambda value, *_: value,
}


def _element_types() -> dict[str, torch.dtype]:
    import torch

    return {
        "FloatStorage": torch.float32,
        "HalfStorage": torch.float16,
        "BFloat16Storage": torch.bfloat16,
        "DoubleStorage": torch.float64,
        "LongStorage": torch.int64,
        "IntStorage": torch.int32,
        "ShortStorage": torch.int16,
        "CharStorage": torch.int8,
        "ByteStorage": torch.uint8,
        "BoolStorage": torch.bool,
    }


def _named(module: Any, prefix: str, seen: Iterator[int]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor below a shell, under the path of attributes that leads to it.

    Parts may be shared, so each is walked as often as it is named; a table that goes in circles is not.
    """
    import torch

    if not isinstance(module, _Shell):
        return
    if next(seen) > _MOST_PARTS:
        raise ValueError(f"its table names more than {_MOST_PARTS:,} parts")
    for name, value in module.attributes.items():
        if isinstance(value, torch.Tensor):
            yield f"{prefix}{name}", value
        else:
            yield from _named(value, f"{prefix}{name}.", seen)


def _computes_quick_gelu(archive: zipfile.ZipFile, root: str) -> bool:
    """From the program's text: the constant itself, or the name that its classes give it."""
    programs = [
        info
        for info in archive.infolist()
        if info.filename.startswith(root + "code/") and info.filename.endswith(".py")
    ]
    texts = (archive.read(info) for info in programs if info.file_size < _LONGEST_PROGRAM)
    return any(_QUICK_GELU in text or b"QuickGELU" in text for text in texts)
