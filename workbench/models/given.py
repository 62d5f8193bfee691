"""What people give where a model is expected: a loaded one, its name, or the library's own object."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line
from workbench.models.base import DualEncoder

if TYPE_CHECKING:
    Named: TypeAlias = DualEncoder | str | Path
else:
    Named = Any

__all__ = ["Named", "as_encoder", "as_model", "is_module", "is_writer"]

_EXPECTED = "Expected a model of models.load(...)"


@verb
def as_encoder(model: Any) -> DualEncoder:
    """A dual encoder from what people hold, as every verb takes one: itself, or a name or a folder to load.

    Args:
        model: a `DualEncoder`, a name or a folder as `load` takes it.

    Returns:
        The `DualEncoder`; of a name the one that is loaded already, where there is one.

    Raises:
        BadInputError: a model that writes, a module of PyTorch, or something else; the message says how to
            make a model of it.
        UnknownNameError: no model has this name.

    Example:
        >>> from workbench import models
        >>> models.as_encoder("shapes-clip") is models.load("shapes-clip")
        True
    """
    if callable(getattr(model, "encode_texts", None)) and callable(getattr(model, "encode_images", None)):
        found: DualEncoder = model
        return found
    if isinstance(model, (str, os.PathLike)):
        from workbench.models.loading import load  # needs torch, which importing this does not

        return as_encoder(load(str(model)))
    raise BadInputError(_no_model(model))


@verb
def as_model(model: Any) -> Any:
    """As `as_encoder`; a module of PyTorch is handed on, for verbs that take one as a whole.

    Args:
        model: a `DualEncoder`, a name or a folder, or a `torch.nn.Module`.

    Returns:
        A `DualEncoder`, or the very module.

    Raises:
        BadInputError: it is none of these; the message says how to make a model of it.
        UnknownNameError: no model has this name.

    Example:
        >>> import torch
        >>> from workbench import models
        >>> models.as_model(torch.nn.Identity())
        Identity()
    """
    return model if is_module(model) else as_encoder(model)


def is_module(model: object) -> bool:
    """Whether it is a module of PyTorch, without importing it."""
    torch = sys.modules.get("torch")  # who holds a module has imported it
    return torch is not None and isinstance(model, torch.nn.Module)


def is_writer(model: object) -> bool:
    """Whether it is a model that writes, of `models.load` or of somebody's own making."""
    return all(callable(getattr(model, name, None)) for name in ("ask", "begin", "force"))


def _no_model(model: Any) -> str:
    kind = type(model)
    if is_writer(model):
        return (
            f"{model.card.name} writes: it has no vectors of pictures and of texts to be compared. Give a "
            "dual encoder here (a CLIP, a SigLIP: models.available() lists some), or ask this one with "
            "workbench.generation.write; its network alone is .module."
        )
    library = kind.__module__.partition(".")[0]
    if model is None or library == "builtins":
        shown = "None" if model is None else f"A {kind.__name__} ({one_line(repr(model), most=40)})"
        return (
            f"{shown} was given where the model belongs. {_EXPECTED}, or a name: 'emoji-clip'; "
            "models.available() lists them."
        )
    if library == "workbench":
        place = "where the model belongs: the model comes first"
        return f"{kind.__name__} was given {place}. {_EXPECTED}, or a name."
    given = f"A {library} object of class {kind.__name__} was given"
    if hasattr(model, "save_pretrained"):
        return (
            f"{given}. {_EXPECTED}, which knows its preprocessing and its tokeniser too: save the model and "
            "its processor into one folder (model.save_pretrained(folder), "
            "processor.save_pretrained(folder)), then models.load(folder)."
        )
    return f"{given}. {_EXPECTED}: a name, 'open_clip:ARCH/path/to/weights' or the folder it was saved to."
