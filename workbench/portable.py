"""How a result is copied and pickled: read-only it goes, read-only it comes."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

__all__ = ["Portable"]


class Portable:
    """A frozen result that can be copied and pickled; its arrays stay read-only and its mappings shut.

    What is bound to this kernel (`_bound`: a live model) goes with a copy, and not into a pickle.
    """

    _bound: ClassVar[Mapping[str, Any]] = MappingProxyType({"live": None})
    _left: ClassVar[tuple[str, ...]] = ()
    """Fields that are never written into a folder, since they are the reader's own."""
    _remembered: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What may be kept beside its arguments (names that begin with "_"), and the class of each."""

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: copy.copy(self._bound[name]) if name in self._bound else _thawed(value)
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update({name: _frozen(value) for name, value in state.items()})

    def __copy__(self) -> Any:
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made = memo[id(self)] = object.__new__(type(self))
        made.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        vars(made).update({name: vars(self)[name] for name in self._bound if name in vars(self)})
        return made

    def _arguments(self) -> dict[str, Any]:
        """What it is made of: the arguments that make it again, in the words of its class.

        A name that begins with "_" is no argument: what was found out about it since, and is remembered.
        """
        made_of = {one.name: getattr(self, one.name) for one in fields(self) if one.init}  # type: ignore[arg-type]
        return {**made_of, **{name: vars(self)[name] for name in self._remembered if name in vars(self)}}


class _Shut(dict[Any, Any]):
    """A mapping that was read-only, on its way."""


def _thawed(value: Any) -> Any:
    """`value` with what cannot be pickled (a read-only view of a mapping) as what can."""
    if isinstance(value, MappingProxyType):
        return _Shut({key: _thawed(one) for key, one in value.items()})
    if type(value) is dict:
        return {key: _thawed(one) for key, one in value.items()}
    if isinstance(value, weakref.ref):
        return None
    return value


def _frozen(value: Any) -> Any:
    """`value` as it was: arrays read-only (a pickle forgets that), mappings shut."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, _Shut):
        return MappingProxyType({key: _frozen(one) for key, one in value.items()})
    elif type(value) is dict:
        return {key: _frozen(one) for key, one in value.items()}
    elif type(value) is tuple and any(isinstance(one, np.ndarray) for one in value):
        return tuple(_frozen(one) for one in value)
    return value
