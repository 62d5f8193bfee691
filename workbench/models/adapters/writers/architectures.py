"""Which class of transformers a configuration asks for, and whether it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers
from transformers.generation import GenerationMixin

__all__ = ["class_of", "writes"]

_HEARS = ("input_features", "input_values")
_AUTO = ("AutoModelForImageTextToText", "AutoModelForSeq2SeqLM")


def writes(config: Mapping[str, Any]) -> bool:
    """Whether a configuration (the content of config.json) is of a model that writes."""
    return class_of(config) is not None


def class_of(config: Mapping[str, Any]) -> Any | None:
    """The class of transformers that is to be built; None for what does not write, or writes from sound."""
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and named else None
    if isinstance(name, str):
        kind = getattr(transformers, name, None)
        return kind if _generates(kind) else None
    return next((kind for auto in _AUTO if _generates(kind := _mapped(auto, config))), None)


def _generates(kind: Any) -> bool:
    return (
        isinstance(kind, type)
        and issubclass(kind, GenerationMixin)
        and getattr(kind, "main_input_name", "input_ids") not in _HEARS
    )


def _mapped(auto: str, config: Mapping[str, Any]) -> Any | None:
    """What an automatic class would build of a configuration that names no architecture."""
    kinds = getattr(transformers, auto)._model_mapping
    family = transformers.CONFIG_MAPPING.get(str(config.get("model_type")), None)
    found = None if family is None else kinds.get(family, None)
    return found[0] if isinstance(found, tuple) else found
