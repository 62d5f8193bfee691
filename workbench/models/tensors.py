"""The tensors of a checkpoint under the names that its model gives them, whatever trained and wrote it.

A trainer adds to a state dict: the optimizer beside it, a container around it, "module." of data parallelism
and "_orig_mod." of `torch.compile` before its names. All of that is taken off, and said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadWeightsError
from workbench.formatting import plural
from workbench.models.pickles import PICKLE_SUFFIXES, read_pickle
from workbench.models.torchscript import is_torchscript, read_torchscript
from workbench.models.weights import check_safetensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Checkpoint", "read_checkpoint", "unwrapped"]

_CONTAINERS = ("state_dict", "model_state_dict", "model", "module", "state_dict_ema", "model_ema", "ema")
_SETTINGS = ("input_resolution", "context_length", "vocab_size")  # OpenAI keeps them among the tensors
_WRAPPERS = ("module", "_orig_mod")
_EVERY_CLIP_HAS = ("logit_scale", "temperature")  # the latter is ALIGN's name for it


@dataclass(frozen=True)
class Checkpoint:
    """What a weights file holds.

    Attributes:
        tensors: by the names of the model.
        notes: what was taken off to get there.
        is_program: whether it was a TorchScript archive.
        quick_gelu: whether that archive's program computes QuickGELU; None where no program says it.
    """

    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = field(default=())
    is_program: bool = False
    quick_gelu: bool | None = None


def read_checkpoint(files: Sequence[Path]) -> Checkpoint:
    """The tensors of all `files` together, on the CPU, as they were stored.

    Raises:
        BadWeightsError: a file is damaged, wants to run something, or holds no tensors or several models.
    """
    tensors: dict[str, Tensor] = {}
    notes: list[str] = []
    program, quick_gelu = False, None
    for file in files:
        if file.suffix == ".safetensors":
            check_safetensors(file)
            from safetensors.torch import load_file

            tensors.update(load_file(file))
        elif file.suffix in PICKLE_SUFFIXES and is_torchscript(file):
            archive = read_torchscript(file)
            tensors.update({k: v for k, v in archive.tensors.items() if k not in _SETTINGS})
            program, quick_gelu = True, archive.quick_gelu
            notes.append(
                f"{file.name} is a TorchScript archive; its tensors were read, its program was not run."
            )
        else:
            tensors.update(_contained(file, read_pickle(file)))
            notes.append(f"{file.name} is a pickle; it was opened with torch's restricted reader.")
    named, renamed = unwrapped(tensors, files[0])
    return Checkpoint(named, (*notes, *renamed), program, quick_gelu)


def unwrapped(tensors: Mapping[str, Tensor], file: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """`tensors` without the names of what was wrapped around the model, and a note on what was taken off.

    Raises:
        BadWeightsError: the file holds several models, and nothing says which is meant.
    """
    plain = {_without_wrappers(name): tensor for name, tensor in tensors.items()}
    taken = {word for name in tensors for word in _WRAPPERS if word in name.split(".")}
    notes = []
    if taken and len(plain) == len(tensors):
        shown = " and ".join(repr(word + ".") for word in sorted(taken))
        notes.append(f"{shown} was taken off the names of the tensors in {file.name}.")
    elif taken:
        raise _several(file, sorted({name.partition(".")[0] + "." for name in tensors}))
    prefixes = [name.removesuffix(end) for end in _EVERY_CLIP_HAS for name in plain if _ends(name, end)]
    if "" in prefixes or not prefixes:
        return plain, tuple(notes)
    if len(prefixes) > 1:
        raise _several(file, prefixes)
    (prefix,) = prefixes
    inside = {name.removeprefix(prefix): value for name, value in plain.items() if name.startswith(prefix)}
    rest = len(plain) - len(inside)
    beside = f" {plural(rest, 'tensor')} beside it were left out." if rest else ""
    notes.append(f"{prefix!r} was taken off the names of the tensors in {file.name}.{beside}")
    return inside, tuple(notes)


def _without_wrappers(name: str) -> str:
    """The name without "module." at its beginning and "_orig_mod." anywhere: submodules are compiled too."""
    words = [word for word in name.split(".") if word != "_orig_mod"]
    while words[0] == "module" and len(words) > 1:
        words = words[1:]
    return ".".join(words)


def _ends(name: str, end: str) -> bool:
    return re.search(rf"(^|\.){end}$", name) is not None


def _several(file: Path, prefixes: Sequence[str]) -> BadWeightsError:
    return BadWeightsError(
        f"{file} holds several models ({', '.join(map(repr, prefixes[:4]))}), and nothing says which one is "
        "meant. Save the state dict of one of them, as safetensors."
    )


def _contained(file: Path, content: Any) -> dict[str, Tensor]:
    """The state dict in a checkpoint: the checkpoint itself, or in the container that trainers use."""
    if isinstance(content, Mapping):
        # Containers first: a trainer may keep its epoch as a tensor beside them.
        for inside in (*(content.get(name) for name in _CONTAINERS), content):
            found = _tensors(inside)
            if found:
                return found
    holds = (
        ", ".join(map(repr, list(content)[:6])) if isinstance(content, Mapping) else type(content).__name__
    )
    raise BadWeightsError(
        f"{file} holds no state dict: {holds}. Expected tensors by name, or one of {', '.join(_CONTAINERS)} "
        "with them. Save model.state_dict()."
    )


def _tensors(content: Any) -> dict[str, Tensor]:
    import torch

    if not isinstance(content, Mapping):
        return {}
    return {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
