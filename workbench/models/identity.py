"""Whether a loaded model is still what was loaded: its weights, its parts, and who has put hooks on it.

`model.model` is the library's own module, so people train it, merge adapters into it, switch parts of it. A
digest of all weights at each call would cost more than embedding a text does, so a look is cheap and a digest
is made only once a look has shown that something changed. A look takes

- the class and the plain settings of every module (a scale, whether an adapter is on),
- where each tensor lies, its type, and torch's own count of the changes made to it,
- of each tensor one number a row: writing through `.data` or a NumPy view is not counted by torch.

What escapes it is a change past torch's counter that leaves those numbers as they were: a few in a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor, nn

from workbench.cache import digest
from workbench.hooks import foreign_hooks

__all__ = ["Identity", "code_versions", "state_digest"]

_CODE = 1  # raise when the same files, settings and libraries are read into other numbers by this package
_READERS = ("torch", "torchvision", "transformers", "tokenizers", "open_clip_torch", "timm", "pillow")
_SWITCHES = ("_active_adapter", "_disable_adapters")  # peft's; other private settings are no settings
_PLAIN = (bool, int, float, str, type(None))


def code_versions() -> dict[str, Any]:
    """The packages that turn a picture and a text into numbers, and the version of what we add to them."""
    found: dict[str, Any] = {"workbench": _CODE}
    for name in _READERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


@dataclass(frozen=True)
class _Look:
    """What a look at a model shows."""

    parts: tuple[Any, ...]
    samples: tuple[Tensor, ...]

    def shows_the_same_as(self, other: _Look) -> bool:
        return self.parts == other.parts and all(
            torch.equal(one, two) for one, two in zip(self.samples, other.samples, strict=True)
        )


class Identity:
    """What a model's results belong to, as it is at this moment.

    Args:
        loaded: the digest of what was loaded, which holds while nothing has changed since.
    """

    def __init__(self, root: nn.Module, loaded: str) -> None:
        self._loaded, self._hooks = loaded, foreign_hooks(root)
        self._first = _look(root)
        self._known = (self._first, loaded)

    def of(self, root: nn.Module) -> str:
        """`loaded`, or a digest of the weights and settings that `root` has now.

        Source of the digest: every byte of every parameter and buffer, so that equal models agree.
        """
        now = _look(root)
        for look, found in ((self._first, self._loaded), self._known):
            if now.shows_the_same_as(look):
                return found
        self._known = (now, digest(self._loaded, _state(root)))
        return self._known[1]

    def is_hooked(self, root: nn.Module) -> bool:
        """Whether others have put hooks on it since, which may change what it gives."""
        known = {id(hook) for hook in self._hooks}
        return any(id(hook) not in known for hook in foreign_hooks(root))


def _look(root: nn.Module) -> _Look:
    parts: list[Any] = []
    rows: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    with torch.no_grad():
        for module in root.modules():
            parts += [type(module), tuple(_settings(module))]
            for name, tensor in _tensors(module):
                changes = 0 if tensor.is_inference() else tensor._version
                parts.append((name, tensor.data_ptr(), changes, tensor.dtype, tensor.shape))
                if tensor.numel() and tensor.device.type != "meta":
                    rows.setdefault((tensor.device, tensor.dtype), []).append(_one_a_row(tensor.detach()))
        samples = tuple(_bits(torch.cat(few)) for few in rows.values())
    return _Look(tuple(parts), samples)


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for held in (module._parameters, module._buffers):
        for name, tensor in list(held.items()):
            if tensor is not None:
                yield name, tensor


def _one_a_row(tensor: Tensor) -> Tensor:
    """At least one number of each row, each time of another column; all numbers of a vector."""
    if tensor.ndim < 2:
        return tensor.reshape(-1)
    return tensor.reshape(-1)[:: max(1, tensor[0].numel() - 1)]


def _bits(values: Tensor) -> Tensor:
    """The values as whole numbers, so that NaN equals itself."""
    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.int64}
    return values.contiguous().view(kinds[values.element_size()])


def _settings(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Plain values that a module computes with, in the order in which they were set."""
    for name, value in list(module.__dict__.items()):
        if (name[0] != "_" or name in _SWITCHES) and name != "training":
            kind = type(value)
            if kind in _PLAIN:
                yield name, value
            elif kind in (list, tuple, dict) and len(value) <= 16:
                items = value.items() if isinstance(value, Mapping) else enumerate(value)
                yield name, tuple((key, one) for key, one in items if type(one) in _PLAIN)


def state_digest(root: nn.Module) -> str:
    """A digest of every byte of every parameter and buffer, and of the plain settings of every module."""
    return digest(_state(root))


def _state(root: nn.Module) -> list[Any]:
    """Everything that a look samples, whole."""
    found: list[Any] = []
    for path, module in root.named_modules():
        kind = type(module)
        found.append([path, f"{kind.__module__}.{kind.__qualname__}", list(_settings(module))])
        for name, tensor in _tensors(module):
            raw = _bits(tensor.detach().reshape(-1)).cpu().numpy()
            content = hashlib.sha256(raw.data).hexdigest()
            found.append([name, str(tensor.dtype), list(tensor.shape), content])
    return found
