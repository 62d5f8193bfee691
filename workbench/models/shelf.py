"""Models that stay loaded: least recently used given back once their bytes pass a limit."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Protocol
from weakref import WeakValueDictionary

from workbench.models.base import ModelCard
from workbench.runtime import free

__all__ = ["Shelf", "default_limit"]

_LIMIT_GB = 8.0


class Loaded(Protocol):
    """What a shelf asks of a model."""

    @property
    def card(self) -> ModelCard:
        """Its row of the registry."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes of its parameters and buffers."""
        ...


def default_limit() -> int:
    """Bytes of models kept loaded: `$WORKBENCH_MODELS_GB`, else 8 GB."""
    return int(float(os.environ.get("WORKBENCH_MODELS_GB", _LIMIT_GB)) * 1e9)


class Shelf:
    """A byte-bounded store of loaded models. Thread-safe; two requests for one model load it once.

    The newest model is kept even when it alone is larger than the limit. A model that was evicted but
    is still held by somebody is handed out again instead of being loaded twice.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[Hashable, Loaded] = OrderedDict()
        self._alive: WeakValueDictionary[Hashable, Loaded] = WeakValueDictionary()
        self._lock = threading.RLock()

    @property
    def limit_bytes(self) -> int:
        """The limit; read at use, so that the environment can set it at any time."""
        return default_limit() if self._limit is None else self._limit

    @limit_bytes.setter
    def limit_bytes(self, value: int) -> None:
        with self._lock:
            self._limit = value
            self._evict()

    def get(self, key: Hashable, build: Callable[[], Loaded]) -> Loaded:
        """The model of `key`, built if it is not alive."""
        with self._lock:
            model = self._alive.get(key)
            if model is None:
                model = build()
            self._alive[key] = self._kept[key] = model
            self._kept.move_to_end(key)
            self._evict()
            return model

    def drop(self, name: str | None = None) -> list[str]:
        """Give back the models called `name`, or all of them; the names given back."""
        with self._lock:
            gone = [key for key, model in self._kept.items() if name is None or model.card.name == name]
            names = [self._kept.pop(key).card.name for key in gone]
            # A later load reads the files again, even if somebody still holds the old object.
            for key in [key for key, model in self._alive.items() if name is None or model.card.name == name]:
                del self._alive[key]
        free()
        return names

    def models(self) -> tuple[Loaded, ...]:
        """What is kept, least recently used first."""
        with self._lock:
            return tuple(self._kept.values())

    def _evict(self) -> None:
        evicted = False
        while (
            len(self._kept) > 1 and sum(model.size_bytes for model in self._kept.values()) > self.limit_bytes
        ):
            self._kept.popitem(last=False)
            evicted = True
        if evicted:
            free()
