"""What a configuration claims of its sizes, held against the weights beside it before memory is taken."""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.errors import BadWeightsError, WorkbenchError
from workbench.formatting import one_line
from workbench.runtime import is_out_of_memory

__all__ = ["check_built", "check_picture_sizes", "check_sizes", "in_words"]

_LAYERS = re.compile(r"(?:^|_)(?:layers|depth|depths|blocks|heads|num_hidden_layers)(?:$|_)")
_SIZES = re.compile(r"(?:size|width|dim|length|positions|channels|embeddings|vocab|features|patches)")
_FEW_LAYERS, _SMALL = 1_000, 1_000_000  # what is never refused, however small the weights are
_MORE, _SPARE = (
    4,
    50_000_000,
)  # times the numbers in the weights, and numbers beyond: tables that are made anew
_READERS = (  # where the contents of a model's files are taken apart
    "adapters", "folders", "hub", "pickles", "tensors", "texts", "torchscript", "weights",
)  # fmt: skip
_NEVER_THEIRS = (NameError, ImportError, AssertionError, NotImplementedError)
_INSTALLED = re.compile(
    rf"site-packages|dist-packages|^<frozen|^{re.escape(sysconfig.get_path('stdlib'))}|^<__array_function__"
)
_LARGEST_PICTURE = 20_000  # pixels of a side, and patches of a picture, that a processor may ask for


def check_sizes(config: Mapping[str, Any], *, numbers: int, tensors: int, where: object) -> None:
    """Refuse a configuration with one size that the weights cannot have, before anything of it is built.

    No layer is without a tensor, and no side of a tensor is longer than all of them together.

    Args:
        numbers, tensors: how many the weights hold.
        where: the file or folder, for the message.

    Raises:
        BadWeightsError: a number of layers or a size that is larger.
    """
    for name, value in _numbers(config):
        most = max(tensors, _FEW_LAYERS) if _LAYERS.search(name) else max(numbers, _SMALL)
        if value > most and (_LAYERS.search(name) or _SIZES.search(name)):
            raise BadWeightsError(
                f"The configuration in {where} says {name} = {value:.6g}, and its weights hold {tensors:,} "
                f"tensors of {numbers:,} numbers in all. Give the folder the configuration that its weights "
                "were trained with."
            )


def check_built(make: Callable[[], Any], *, numbers: int, where: object) -> None:
    """Refuse a model that would be far larger than its weights: it is built without memory first.

    Raises:
        BadWeightsError: it has several times as many numbers.
    """
    import torch

    try:
        with torch.device("meta"):
            model = make()
    except Exception:  # what cannot be built at all is said where it is built for good
        return
    held = sum(one.numel() for one in (*model.parameters(), *model.buffers()))
    if held > _MORE * numbers + _SPARE:
        raise BadWeightsError(
            f"The configuration in {where} describes a model of {held:,} numbers, and its weights hold "
            f"{numbers:,}. Give the folder the configuration that its weights were trained with."
        )


def check_picture_sizes(config: Mapping[str, Any], *, where: object) -> None:
    """Refuse preprocessing that would blow every picture up to gigabytes.

    Raises:
        BadWeightsError: a size beyond all that models read.
    """
    for name, value in _numbers(config):
        if value > _LARGEST_PICTURE and re.search(r"size|edge|height|width|patches|pixels", name):
            if name in ("min_pixels", "max_pixels"):  # of the whole picture
                continue
            raise BadWeightsError(
                f"{where} makes pictures {value:.6g} pixels or patches large ({name}); expected at most "
                f"{_LARGEST_PICTURE:,}. Copy it again from where the model was published."
            )


def _numbers(config: Any, name: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from _numbers(value, str(key) if not isinstance(value, bool) else "")
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _numbers(value, name)
    elif isinstance(config, int | float) and not isinstance(config, bool):
        yield name, config


@contextmanager
def in_words(name: str) -> Iterator[None]:
    """Whatever a library raises while a model is made from its files becomes one sentence about these files.

    Libraries check what they read in many ways, or not at all, and say so in as many kinds of error. A
    mistake in our own lines, or in a caller's `on_event`, is not the files' fault, and surfaces as it is.

    Raises:
        BadWeightsError: in the place of what a library raised, or the lines of ours that read the files.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as problem:
        if is_out_of_memory(problem) or not _of_the_files(problem):
            raise
        said = one_line(str(problem) or type(problem).__name__, most=300)
        raise BadWeightsError(
            f"{name} cannot be made from its files: {type(problem).__name__}: {said}. One of its "
            "configurations, vocabularies or weights is damaged or of another model. Copy or download them "
            "again."
        ) from problem


def _of_the_files(problem: Exception) -> bool:
    """Whether an error can be due to a model's files, by the lines that it came through."""
    frames = [frame for frame, _ in traceback.walk_tb(problem.__traceback__)]
    names = [str(frame.f_globals.get("__name__", "")) for frame in frames]
    ours = [name.partition(".")[0] == "workbench" for name in names]
    if any(
        not own and not _INSTALLED.search(frame.f_code.co_filename)
        for own, frame in zip(ours, frames, strict=True)
    ):
        return False  # a function of the caller's was in between
    if not ours[-1] or type(problem).__module__ != "builtins":
        return True  # raised by a library, or by its compiled part
    reads = names[-1].startswith(tuple(f"workbench.models.{one}" for one in _READERS))
    return reads and not isinstance(problem, _NEVER_THEIRS)
