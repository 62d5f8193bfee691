"""What is captured: one side of a dual encoder, or a model of transformers with its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy import ndarray
from torch import Tensor, nn

from workbench.attention.families import PACKED, PICTURE_TOKENS, SOUND_TOKENS, TEXTS
from workbench.attention.patch_grids import patch_size
from workbench.attention.subject import Subject, is_image
from workbench.attention.token_layout import Side
from workbench.data import from_pictures
from workbench.errors import BadInputError, UnsupportedError, WorkbenchError
from workbench.formatting import one_line
from workbench.runtime import is_out_of_memory

__all__ = ["answer_of", "pair_of", "subjects_of"]


def subjects_of(model: Any, given: Any, words: Sequence[str]) -> list[Subject]:
    """The passes that `capture(model, given)` takes: image and text side, or the one of a plain module.

    Raises:
        BadInputError: more than one item, or no inputs. UnsupportedError: no model that can be captured.
    """
    if isinstance(model, nn.Module):
        return [_module(model, given, words)]
    if not all(hasattr(model, name) for name in ("pixels", "words", "image_features", "text_features")):
        raise UnsupportedError(
            f"A {type(model).__name__} cannot be captured: expected a model from models.load, or a model of "
            "transformers together with the tensors its processor gives."
        )
    picture, text = pair_of(given)
    found = []
    if picture is not None:
        pixels = model.pixels([picture])
        found.append(Subject(model.model, lambda: model.image_features(pixels), "image", pixels, of_two=True))
    if text:
        read, view = model.words([text]), model.tokens(text)
        pieces = tuple(view.pieces)
        found.append(
            Subject(model.model, lambda: model.text_features(read), "text", read, pieces, of_two=True)
        )
    if not found:
        raise BadInputError("The pair holds neither a picture nor a text. Give pairs[0], or (picture, text).")
    return found


def _module(model: nn.Module, given: Any, words: Sequence[str]) -> Subject:
    if not isinstance(given, Mapping) or not any(isinstance(value, Tensor) for value in given.values()):
        empty = isinstance(given, Mapping) and not given
        raise BadInputError(
            "The dictionary of inputs is empty; give what the model's processor returns."
            if empty
            else f"A {type(model).__name__} is captured with the tensors its processor gives, as a "
            f"dictionary: capture(model, {{'input_ids': ...}}); got {_described(given)}."
        )
    inputs = {name: _own(value) for name, value in given.items() if isinstance(value, Tensor)}
    options = {name: value for name, value in given.items() if name not in inputs}
    arrays = [name for name, value in options.items() if isinstance(value, (ndarray, list, tuple))]
    if arrays:
        raise BadInputError(
            f"{arrays[0]} is a {type(options[arrays[0]]).__name__} and no tensor. Let the processor return "
            "tensors: processor(..., return_tensors='pt')."
        )
    _check_items(model, inputs)
    _check_patches(model, inputs)
    subject = Subject(
        model, lambda: answer_of(model, {**options, **inputs}), _only_side(inputs), inputs, tuple(words),
        options=options,
    )  # fmt: skip
    _check_words(subject)
    return subject


def _described(given: Any) -> str:
    if not isinstance(given, Mapping):
        return type(given).__name__
    return "a dictionary of " + ", ".join(f"{name}: {type(value).__name__}" for name, value in given.items())


def _own(value: Tensor) -> Tensor:
    """In one piece, and usable with gradients although it was made in inference mode."""
    if value.is_inference():
        with torch.inference_mode(False):
            return value.clone()
    return value.contiguous()


def _only_side(inputs: Mapping[str, Tensor]) -> Side | None:
    """The one modality that is given, or None."""
    worded = any(name in inputs for name in (*TEXTS, "labels"))
    heard = any(name.startswith(("input_feat", "input_val")) for name in inputs)
    if worded:
        return None if heard or any(is_image(name) or "visual" in name for name in inputs) else "text"
    return "audio" if heard else "image"


def _check_items(model: nn.Module, inputs: Mapping[str, Tensor]) -> None:
    """Refuse more than one item. Several pictures, tiles or packed patches of one prompt are one item."""
    firsts = {name: int(value.shape[0]) for name, value in inputs.items() if value.ndim}
    texts = {name: firsts[name] for name in TEXTS if name in firsts}
    grids = {name: firsts[name] for name in PACKED if name in firsts}
    if texts and set(texts.values()) == {1}:
        config = getattr(model, "config", None)
        reads = any(getattr(config, name, None) is not None for name in (*PICTURE_TOKENS, *SOUND_TOKENS))
        rest = {name: count for name, count in firsts.items() if count != 1}
        if not rest or reads or grids:
            return
    elif not texts and set((grids or firsts).values()) == {1}:
        return
    counts = sorted(set(firsts.values()))
    if len(counts) == 1 and not grids:
        raise BadInputError(
            f"Inputs of {counts} items were given; a trace is of one. Give one item: value[:1]."
        )
    told = ", ".join(f"{name} {tuple(inputs[name].shape)}" for name in firsts)
    raise BadInputError(
        f"More than one item was given ({told}); a trace is of one. Call the processor with one text and the "
        "picture, or the pictures, that belong to it."
    )


def answer_of(model: nn.Module, inputs: Mapping[str, Any]) -> Any:
    """What the model gives; where it cannot take such inputs, its own reason with what was given."""
    try:
        return model(**inputs)
    except (
        TypeError, ValueError, LookupError, RuntimeError, AttributeError, AssertionError
    ) as problem:  # fmt: skip
        if isinstance(problem, WorkbenchError) or is_out_of_memory(problem):
            raise
        given = ", ".join(
            f"{name} {tuple(value.shape)}" if isinstance(value, Tensor) else f"{name}={value!r}"
            for name, value in inputs.items()
        )
        raise BadInputError(
            f"{type(model).__name__} cannot take {given}: {one_line(str(problem), most=200)}. Give what its "
            "own processor returns for one item."
        ) from problem


def _check_words(subject: Subject) -> None:
    """Names for every token, or for every one that is neither padding nor a token of the picture."""
    count, padded = subject.text_count or subject.decoder_count, set(subject.padded)
    real = count - len(padded | set(subject.placeholders))
    if len(subject.words) not in (0, real, count - len(padded), count):
        padding = f" and {len(padded)} of padding" if padded else ""
        raise BadInputError(
            f"words has {len(subject.words)} names; the text has {count - len(padded)} tokens{padding}. Give "
            "tokenizer.convert_ids_to_tokens(inputs['input_ids'][0])."
        )


def _check_patches(model: nn.Module, inputs: Mapping[str, Tensor]) -> None:
    """Refuse what leaves no token: a picture smaller than a patch, either side masked throughout."""
    text = inputs.get("attention_mask")
    if text is not None and not bool(text.any()):
        raise BadInputError(
            "attention_mask is 0 everywhere, so no token of the text is left. Give 1 where there are words."
        )
    mask, pixels = inputs.get("pixel_mask"), inputs.get("pixel_values")
    if mask is not None and not bool(mask.any()):
        raise BadInputError(
            "pixel_mask is 0 everywhere, so no token of the picture is left. Give 1 where there is picture."
        )
    if pixels is None or pixels.ndim not in (4, 5):
        return
    height, width = (int(length) for length in pixels.shape[-2:])
    tall, wide = patch_size(model) or (1, 1)
    if height < tall or width < wide:
        raise BadInputError(
            f"The picture has {height} x {width} pixels and a patch {tall} x {wide}, so no token of it is "
            "left. Give it in the size that the model's processor makes."
        )


def pair_of(given: Any) -> tuple[Any, str]:
    """(picture or None, text) of a pair, or of a tuple in which the picture may be a path or an array.

    Raises:
        BadInputError: neither of them, or no picture.
    """
    if isinstance(given, tuple) and len(given) == 2:
        picture = None if given[0] is None else from_pictures([given[0]])[0].picture
        return picture, str(given[1] or "")
    if hasattr(given, "picture") and hasattr(given, "text"):
        return given.picture, str(given.text or "")
    raise BadInputError(
        f"capture() takes one pair, pairs[0], or a tuple (picture, text); got {type(given).__name__}."
    )
