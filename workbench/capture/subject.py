"""What is captured: one side of a dual encoder, or a model of transformers with its inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench._repr import one_line
from workbench.capture.layout import Pooling, Side, TokenLayout
from workbench.data import from_pictures
from workbench.errors import BadInputError, UnsupportedError, WorkbenchError
from workbench.runtime import is_out_of_memory

__all__ = ["Subject", "answer_of", "is_image", "kind_of", "pair_of", "sequence_of", "subjects_of"]

_MOST_PREFIX = 16  # class, distillation and register tokens together
_POOLINGS: dict[str, Pooling] = {"tok": "token", "token": "token", "avg": "mean", "map": "attention"}
_PLACEHOLDERS = ("image_token_id", "image_token_index")
_IMAGE_WORDS = re.compile(r"visi?o?n|visual|image|pixel|picture", re.I)
_TEXT_WORDS = re.compile(r"text|language|lang|token|bert\b", re.I)


@dataclass(frozen=True)
class Subject:
    """One forward pass, and what is known of the sequences in it.

    Attributes:
        run: the pass; what it returns is compared with capture on and off.
        side: the only side there is ("image" or "text"), or None where both meet.
        inputs: the tensors it reads. words: readable tokens of the text.
        of_two: it is one tower of a dual encoder.
    """

    root: nn.Module
    run: Callable[[], Any]
    side: Side | None
    inputs: Mapping[str, Tensor]
    words: tuple[str, ...] = ()
    of_two: bool = False

    @property
    def name(self) -> str:
        """What a message calls it: "image tower", or the class of a whole model."""
        return f"{self.side} tower" if self.of_two else kind_of(self.root)

    @property
    def text_count(self) -> int:
        """Tokens of the text, padding included; 0 without one."""
        ids = next(
            (self.inputs[name] for name in ("input_ids", "inputs_embeds") if name in self.inputs), None
        )
        return 0 if ids is None else int(ids.shape[1])

    @property
    def padded(self) -> tuple[int, ...]:
        """Places of the text that are padding."""
        mask = self.inputs.get("attention_mask")
        if mask is None or mask.ndim != 2 or mask.shape[1] != self.text_count:
            return ()
        return tuple(int(place) for place in torch.nonzero(mask[0] == 0).flatten())

    @property
    def placeholders(self) -> tuple[int, ...]:
        """Places of the text at which a language model reads tokens of the picture instead of words."""
        ids, config = self.inputs.get("input_ids"), getattr(self.root, "config", None)
        mark = next(
            (found for name in _PLACEHOLDERS if (found := getattr(config, name, None)) is not None), None
        )
        if ids is None or mark is None or "pixel_values" not in self.inputs:
            return ()
        return tuple(int(place) for place in torch.nonzero(ids[0] == mark).flatten())

    def image_pooling(self, prefixed: bool) -> Pooling:
        """How the image tower makes one vector of its tokens, as its own setting says; timm's and open_clip's
        towers have one. A tower without the setting reads its class token, if it has one.
        """
        for module in self.root.modules():
            said = getattr(module, "global_pool", None) or getattr(module, "pool_type", None)
            if isinstance(said, str) and said in _POOLINGS:
                return _POOLINGS[said]
        return "token" if prefixed else "none"

    def grid(self, tokens: int) -> tuple[int, int] | None:
        """Rows and columns of patches among `tokens` image tokens, from the kernel that cuts the picture."""
        if "spatial_shapes" in self.inputs:
            rows, columns = (int(length) for length in self.inputs["spatial_shapes"][0])
            return (rows, columns) if 0 <= tokens - rows * columns <= _MOST_PREFIX else None
        pixels = self.inputs.get("pixel_values")
        if pixels is None or pixels.ndim not in (4, 5) or (pixels.ndim == 5 and pixels.shape[1] > 1):
            return None
        height, width = pixels.shape[-2:]
        for module in self.root.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size == module.stride != (1, 1):
                rows, columns = height // module.kernel_size[0], width // module.kernel_size[1]
                if 0 <= tokens - rows * columns <= _MOST_PREFIX:
                    return rows, columns
        return None


def kind_of(model: Any) -> str:
    """The class of a model; of one that peft has wrapped, that of the model inside, and by what."""
    adapters = getattr(model, "peft_config", None)
    if not isinstance(adapters, Mapping) or not callable(getattr(model, "get_base_model", None)):
        return type(model).__name__
    how = sorted({str(getattr(one.peft_type, "value", one.peft_type)) for one in adapters.values()})
    return f"{type(model.get_base_model()).__name__} with {' and '.join(how)}"


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


def sequence_of(subject: Subject, path: str, count: int, *, whole: bool = True) -> TokenLayout:
    """The layout of a sequence of `count` tokens that the module at `path` reads.

    `whole`: it attends to itself, so that it may hold text and patches together.
    """
    texts = subject.text_count
    if count == texts and subject.placeholders and not is_image(path):
        return _prefixed(subject, count)
    if subject.side == "text" or (subject.side is None and count == texts and not is_image(path)):
        return _text(subject, count)
    joint = subject.grid(count - texts) if texts and subject.side is None else None
    if joint is not None and whole and not is_image(path):
        return _joint(subject, count, joint)
    grid = subject.grid(count)
    if grid is not None:
        prefix = count - grid[0] * grid[1]
        pooling = subject.image_pooling(bool(prefix))
        pooled = 0 if pooling == "token" else None
        return TokenLayout("image", count, grid, prefix, pooling=pooling, pooled=pooled)
    regions = subject.inputs.get("visual_feats")
    if subject.side == "image" or (regions is not None and regions.shape[1] == count):
        return TokenLayout("image", count)
    if count == texts:
        return _text(subject, count)
    return TokenLayout("text" if _TEXT_WORDS.search(path) and not is_image(path) else "image", count)


def _text(subject: Subject, count: int) -> TokenLayout:
    words, first = subject.words[:count], 0
    padded = subject.padded if count == subject.text_count else ()
    if padded and padded[0] == 0 and len(words) == count - len(padded):
        first = len(padded)  # padded in front
    if not padded and words:
        padded = tuple(range(len(words), count))
    return TokenLayout("text", count, words=words, first_word=first, padded=padded)


def _joint(subject: Subject, count: int, grid: tuple[int, int]) -> TokenLayout:
    """Text and patches in one sequence: ViLT puts the text first, FLAVA the patches."""
    patches, texts = grid[0] * grid[1], subject.text_count
    kind = getattr(getattr(subject.root, "config", None), "model_type", "")
    image_first = kind.startswith("flava")
    first_word = count - texts if image_first else 0
    first_patch = count - texts - patches if image_first else count - patches
    padded = tuple(place + first_word for place in subject.padded)
    # Words without names are words all the same: what crosses can be counted.
    words = subject.words[:texts] or tuple(f"token {place}" for place in range(texts))
    return TokenLayout("joint", count, grid, first_patch, words, first_word, padded, "token", 0)


def _prefixed(subject: Subject, count: int) -> TokenLayout:
    """A language model's sequence in which the picture stands among the words (LLaVA, BLIP-2)."""
    places = subject.placeholders
    together = places[-1] - places[0] + 1 == len(places)
    grid = subject.grid(len(places)) if together else None
    if grid is not None and grid[0] * grid[1] != len(places):
        grid = None
    words = subject.words if len(subject.words) == count else tuple(f"token {k}" for k in range(count))
    return TokenLayout(
        "joint", count, grid, places[0] if grid else 0, words, padded=subject.padded,
        pictured=() if grid else places,
    )  # fmt: skip


def _module(model: nn.Module, given: Any, words: Sequence[str]) -> Subject:
    if not isinstance(given, Mapping) or not all(isinstance(value, Tensor) for value in given.values()):
        raise BadInputError(
            f"A {type(model).__name__} is captured with the tensors its processor gives, as a dictionary: "
            f"capture(model, {{'input_ids': ...}}); got {type(given).__name__}."
        )
    if not given:
        raise BadInputError("The dictionary of inputs is empty; give what the model's processor returns.")
    items = {int(value.shape[0]) for value in given.values() if value.ndim}
    if items != {1}:
        raise BadInputError(
            f"Inputs of {sorted(items)} items were given; a trace is of one. Give one item: value[:1]."
        )
    inputs = dict(given)
    _check_patches(model, inputs)
    side: Side | None = "text" if not any(is_image(name) for name in inputs) else None
    if "input_ids" not in inputs and "inputs_embeds" not in inputs:
        side = "image"
    subject = Subject(model, lambda: answer_of(model, inputs), side, inputs, tuple(words))
    _check_words(subject)
    return subject


def answer_of(model: nn.Module, inputs: Mapping[str, Tensor]) -> Any:
    """What the model gives; where it cannot take such inputs, its own reason with what was given."""
    try:
        return model(**inputs)
    except (TypeError, ValueError, IndexError, RuntimeError) as problem:
        if isinstance(problem, WorkbenchError) or is_out_of_memory(problem):
            raise
        given = ", ".join(f"{name} {tuple(value.shape)}" for name, value in inputs.items())
        raise BadInputError(
            f"{type(model).__name__} cannot take {given}: {one_line(str(problem), most=200)}. Give what its "
            "own processor returns for one item."
        ) from problem


def _check_words(subject: Subject) -> None:
    """Names for every token, or for every one that is neither padding nor a token of the picture."""
    count, padded = subject.text_count, set(subject.padded)
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
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == module.stride != (1, 1):
            tall, wide = module.kernel_size
            if height < tall or width < wide:
                raise BadInputError(
                    f"The picture has {height} x {width} pixels and a patch {tall} x {wide}, so no token of "
                    "it is left. Give it in the size that the model's processor makes."
                )
            return


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


def is_image(name: str) -> bool:
    """Whether a path or the name of an input speaks of pictures."""
    return bool(_IMAGE_WORDS.search(name)) and not name.endswith("_text")
