"""What a model of transformers, timm or torchvision is given: tensors of one item, and settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attention.patch_grids import pictures_in
from workbench.attention.subject import kind_of
from workbench.attribution.explained.picture_cells import PICTURE
from workbench.attribution.targets import Output
from workbench.capture.inputs import answer_of
from workbench.errors import BadInputError, UnsupportedError
from workbench.hooks import evaluated, stand_in

__all__ = [
    "Given",
    "answer_inside",
    "as_mapping",
    "as_output",
    "given_to",
    "gradients_in_no_grad",
    "one_choice",
    "real_tokens",
]

_SETTINGS = (bool, int, float, str, type(None))
_ANSWER_INSIDE = {"BlipForQuestionAnswering": "text_decoder"}
"""Models whose forward gives no scores, and the part inside them that computes the answer."""


@dataclass(frozen=True)
class Given:
    """One item for a model.

    Attributes:
        tensors: name -> tensor, item first. The picture is called "pixel_values" whatever the model calls
            it. A tensor that lists the pieces of one item (patches of Qwen2-VL, tiles of InternVL) has an
            axis for the item in front of them.
        settings: what is no tensor, passed on as it is: interpolate_pos_encoding=True.
        picture: what the model calls the picture. packed: names of tensors that list the pieces of an item.
        choice: which of several texts was taken, for a model of multiple choice. kept: the patches that a
            masked autoencoder sees, in its order.
    """

    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    picture: str = PICTURE
    packed: frozenset[str] = frozenset()
    choice: int | None = None
    kept: tuple[int, ...] | None = None

    def with_items(self) -> Given:
        """The same with an axis for the item in front of tensors that list the pieces of one."""
        pieces = frozenset(name for name, value in self.tensors.items() if value.shape[0] != 1)
        tensors = {name: value[None] if name in pieces else value for name, value in self.tensors.items()}
        return replace(self, tensors=tensors, packed=pieces)

    def arguments(self, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        """The keyword arguments of the model for items of these tensors."""
        made: dict[str, Any] = dict(self.settings)
        for name, value in tensors.items():
            value = value.flatten(0, 1) if name in self.packed else value
            value = value[:, None] if self.choice is not None else value
            made[self.picture if name == PICTURE else name] = value
        return made


def given_to(model: nn.Module, inputs: Any) -> Given:
    """The inputs sorted: tensors of the item, and settings.

    Raises:
        BadInputError: neither a tensor nor a dictionary of tensors, or nothing in it.
    """
    if isinstance(inputs, Tensor):
        inputs = {_first_name(model, inputs): inputs[None] if inputs.ndim == 3 else inputs}
    if not isinstance(inputs, Mapping):
        raise BadInputError(
            f"A {kind_of(model)} is explained with the tensors its processor gives, as a dictionary: "
            f"attribute(model, {{'pixel_values': ...}}); got {type(inputs).__name__}."
        )
    tensors: dict[str, Tensor] = {}
    settings: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray) and value.dtype != object:
            value = torch.from_numpy(np.array(value))
        if isinstance(value, Tensor) and value.ndim:
            # What was made under torch.inference_mode cannot be differentiated; a copy can.
            tensors[name] = value.clone() if value.is_inference() else value.detach()
        elif isinstance(value, (*_SETTINGS, Tensor)):
            settings[name] = value
        else:
            raise BadInputError(
                f"{name!r} is of type {type(value).__name__}; expected a tensor with an axis for the item, "
                "or a setting (True, a number, a word). A processor gives tensors with return_tensors='pt'."
            )
    if not tensors:
        raise BadInputError("The dictionary of inputs is empty; give what the model's processor returns.")
    # A tuple has no names, and what is explained is found by its name.
    usual = getattr(getattr(model, "config", None), "return_dict", None)
    if settings.get("return_dict", usual) is False:
        settings["return_dict"] = True
    picture = _picture_of(tensors)
    if picture != PICTURE:
        tensors = {PICTURE if name == picture else name: value for name, value in tensors.items()}
    return _in_order(model, Given(tensors, settings, picture))


def one_choice(model: nn.Module, given: Given, index: int | str | None) -> Given:
    """Of a model of multiple choice the one text that is explained: the named one, or the likeliest.

    Such a model scores every text by itself, so the others change nothing.

    Raises:
        BadInputError: no such choice, or several texts for another model.
    """
    ids = given.tensors.get("input_ids")
    if ids is None or ids.ndim == 2:
        return given
    if ids.ndim != 3 or "MultipleChoice" not in kind_of(model):
        raise BadInputError(
            f"input_ids has the shape {tuple(ids.shape)}; expected one text, 1 x tokens: input_ids[:1]."
        )
    count = ids.shape[1]
    if index is not None and (
        isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count
    ):
        raise BadInputError(f"index={index!r} was given; there are {count} choices, 0 to {count - 1}.")
    if index is None:
        with torch.no_grad(), evaluated(model):
            index = int(answer_of(model, given.arguments(given.tensors))["logits"][0].argmax())
    return replace(
        given, tensors={name: value[:, index] for name, value in given.tensors.items()}, choice=index
    )


def as_mapping(model: nn.Module, output: Any, inside: Tensor | None) -> Mapping[str, Any]:
    """An output by names: a bare tensor of a network is its classes, its vector, or its states.

    Args:
        inside: scores that the output does not hold; see `answer_inside`.

    Raises:
        UnsupportedError: neither a tensor nor a mapping.
    """
    if isinstance(output, Tensor):
        headless = getattr(model, "num_classes", None) == 0 or any(
            isinstance(getattr(model, name, None), nn.Identity)
            for name in ("head", "heads", "fc", "classifier")
        )
        names = {2: "pooler_output" if headless else "logits", 3: "last_hidden_state"}
        return {names.get(output.ndim, "output"): output}
    if isinstance(output, (tuple, list)) and output and all(isinstance(one, Tensor) for one in output):
        return {f"output_{number}": one for number, one in enumerate(output)}
    if not isinstance(output, Mapping):
        raise UnsupportedError(
            f"{kind_of(model)} gives a {type(output).__name__}; expected a tensor or a dictionary of "
            "tensors. Wrap it in a module whose forward returns {'logits': ...}."
        )
    if inside is not None and "logits" not in output:
        output["logits"] = inside  # type: ignore[index]
    return output


def answer_inside(model: nn.Module) -> nn.Module | None:
    """The part of a model that computes its answer, where its own output does not hold it."""
    for part in model.modules():
        inside = _ANSWER_INSIDE.get(type(part).__name__)
        if inside is not None:
            return getattr(part, inside)
    return None


def _in_order(model: nn.Module, given: Given) -> Given:
    """A masked autoencoder draws the order of its patches anew in each pass; what is explained needs one.

    Raises:
        BadInputError: it masks patches, and which was not said.
    """
    config, pixels = getattr(model, "config", None), given.tensors.get(PICTURE)
    if config is None or not kind_of(model).startswith("ViTMAE") or pixels is None or pixels.ndim != 4:
        return given
    count = sum(one.patches for one in pictures_in(model, {PICTURE: pixels}))
    if config.mask_ratio == 0:  # nothing is left out, and the order changes nothing but itself
        order = torch.arange(count, device=pixels.device)[None] / count
        return replace(given, tensors={**given.tensors, "noise": order})
    if "noise" not in given.tensors:
        raise BadInputError(
            f"{kind_of(model)} masks {config.mask_ratio:.0%} of the patches, others in each pass. Give "
            f"'noise': a tensor of 1 x {count} of which the smallest are kept, such as "
            f"torch.rand(1, {count}); or set model.config.mask_ratio = 0 to keep all."
        )
    kept = given.tensors["noise"][0].argsort()[: int(count * (1 - config.mask_ratio))]
    return replace(given, kept=tuple(int(place) for place in kept))


def _picture_of(tensors: Mapping[str, Tensor]) -> str:
    """What a bare network calls its picture: its only tensor of item x channel x row x column."""
    if PICTURE in tensors or "input_ids" in tensors:
        return PICTURE
    pictures = [
        name for name, value in tensors.items()
        if value.ndim == 4 and value.shape[1] in (1, 3) and value.is_floating_point()
    ]  # fmt: skip
    return pictures[0] if len(pictures) == 1 else PICTURE


def _first_name(model: nn.Module, given: Tensor) -> str:
    if hasattr(model, "base_model_prefix"):
        return PICTURE if given.is_floating_point() else "input_ids"
    for name, parameter in inspect.signature(model.forward).parameters.items():
        if parameter.kind == parameter.POSITIONAL_OR_KEYWORD:
            return name
    raise BadInputError(
        f"{kind_of(model)} does not say what its input is called; give a dictionary, "
        "{'pixel_values': tensor}."
    )


def real_tokens(ids: Tensor, mask: Tensor | None, config: Any) -> tuple[int, ...]:
    """Places of a decoder's tokens that are no padding; the first may be the padding's token and is none."""
    if mask is not None and mask.ndim == 2 and mask.shape[1] == len(ids):
        return tuple(int(place) for place in torch.nonzero(mask[0]).flatten())
    parts = (config, *(getattr(config, name, None) for name in ("decoder", "text_config")))
    pads = {-100, *(getattr(part, "pad_token_id", None) for part in parts)}
    count = len(ids)
    while count > 1 and int(ids[count - 1]) in pads:
        count -= 1
    return tuple(range(count))


@contextmanager
def gradients_in_no_grad() -> Iterator[None]:
    """A model that computes a part of itself under torch.no_grad() (CLIPSeg its tower) is differentiated all
    the same, for this thread; where gradients are off already they stay so.
    """

    def enter(_: Any, block: torch.no_grad) -> None:
        block.prev = torch.is_grad_enabled()

    with stand_in(torch.no_grad, "__enter__", enter):
        yield


def as_output(model: nn.Module, target: Any) -> Output:
    """`None` lets the model's kind choose, a class's number or label names it.

    Raises:
        BadInputError: a target of a dual encoder.
    """
    if target is None or isinstance(target, Output):
        return target or Output()
    if isinstance(target, int | str) and not isinstance(target, bool):
        return Output(target)
    raise BadInputError(
        f"target is {target!r}, which is for dual encoders; a {type(model).__name__} gives scores of its "
        "own: target=output('cat'), output(3), or output(place=4) for a language model."
    )
