"""Pictures and an instruction as a model's inputs: processor, chat template, and whose words are where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from workbench.errors import BadInputError, UnsupportedError
from workbench.formatting import one_line, plural
from workbench.models.adapters.pieces import tokenised, vocabulary_digest
from workbench.models.adapters.tower import as_rgb
from workbench.models.adapters.writers.layout import (
    accepted,
    encodes,
    is_blip_vqa,
    kind,
    picture_tokens,
    sees,
    written_name,
)

__all__ = ["AsGiven", "ByProcessor"]

_Read = tuple[Mapping[str, Tensor], tuple[int, int] | None, tuple[str, ...]]
_MARK = "\ue000\ue001\ue000"  # private to Unicode: no template and no user writes it
_PUT_THEM = ("blip-2", "instructblip", "florence2", "kosmos-2", "kosmos-2.5", "git", "blip")
"""Families whose processor, or model, puts the picture before the text without being asked to."""
_ONE = ("vision-encoder-decoder", "blip", "blip-2", "instructblip", "pix2struct", "florence2", "git")
"""Families that read one picture, no more."""
_NEED_ONE = (*_ONE[:-1], "paligemma")


class AsGiven:
    """Inputs that somebody has made already: the one question that can be asked."""

    def __init__(self, module: Any, tensors: Mapping[str, Tensor]) -> None:
        self.tokeniser: Any | None = None
        self._module, self._tensors = module, accepted(module, tensors)

    def read(self, pictures: Sequence[Image], prompt: str) -> _Read:
        """The inputs as they were given.

        Raises:
            UnsupportedError: pictures or a prompt are asked for: nobody said how they are read.
        """
        if pictures or prompt:
            raise UnsupportedError(
                "This model came with its inputs and without its processor, so it cannot read a picture or a "
                "prompt. Ask without either, or give as_writer() the processor."
            )
        ids = self._tensors.get("input_ids")
        words = None if ids is None or encodes(self._module) else (0, int(ids.shape[1]))
        return self._tensors, words, ()

    def settings(self) -> Any:
        """The names alone: the numbers are part of every question."""
        return ["as given", sorted(self._tensors)]


class ByProcessor:
    """A processor of transformers; or an image processor and a tokeniser where the publisher kept them apart.

    Args:
        name: of the model, for messages.
    """

    def __init__(
        self,
        module: Any,
        *,
        processor: Any = None,
        images: Any = None,
        tokeniser: Any = None,
        name: str,
    ) -> None:
        self._module, self._processor, self._name = module, processor, name
        self.tokeniser = tokeniser if tokeniser is not None else getattr(processor, "tokenizer", None)
        self._images = images if images is not None else getattr(processor, "image_processor", None)
        self.template = getattr(processor, "chat_template", None) or getattr(
            self.tokeniser, "chat_template", None
        )

    @property
    def has_eyes(self) -> bool:
        """Whether it makes pictures into numbers at all."""
        return self._images is not None

    def read(self, pictures: Sequence[Image], prompt: str) -> _Read:
        """Inputs, the range of the user's words, and notes.

        Raises:
            UnsupportedError: a picture for a model that takes none.
            BadInputError: nothing to go on, or a template that cannot be filled with this.
        """
        self._check(pictures, prompt)
        shown = [as_rgb(picture) for picture in pictures]
        if kind(self._module) in ("vision-encoder-decoder", "git"):
            return self._beside(shown, prompt)
        if self.template is not None:
            text, span = self._filled(len(shown), prompt)
            notes: list[str] = []
        else:
            text, span = self._plain(len(shown), prompt)
            notes = (
                [f"{self._name} has no chat template: the prompt was given as it stands."] if prompt else []
            )
        tensors = accepted(self._module, self._encoded(shown, text, prompt))
        notes += _tiles(tensors, len(shown))
        return tensors, self._words(text, span, tensors), tuple(notes)

    def settings(self) -> Any:
        """The template, the vocabulary and the image processor."""
        words = None if self.tokeniser is None else vocabulary_digest(self.tokeniser)
        images = None if self._images is None else self._images.to_dict()
        return ["processor", type(self._processor).__name__, self.template, words, images]

    def _check(self, pictures: Sequence[Image], prompt: str) -> None:
        if not isinstance(prompt, str):
            raise BadInputError(f"prompt={one_line(repr(prompt), most=60)} was given; expected a text.")
        if pictures and (self._images is None or not sees(self._module)):
            raise UnsupportedError(
                f"{self._name} writes from a text alone and takes no picture "
                f"({type(self._module).__name__}). Ask it without one, or load a model that sees."
            )
        family, count = kind(self._module), len(pictures)
        if self.has_eyes and ((count > 1 and family in _ONE) or (not count and family in _NEED_ONE)):
            wrong = f"{count} pictures were given" if count else "No picture was given"
            reads = "reads one at a time" if count else "writes about a picture"
            raise BadInputError(
                f"{wrong}, and {self._name} ({type(self._module).__name__}) {reads}. Give one."
            )
        if not prompt and is_blip_vqa(self._module):
            raise BadInputError(
                f"{self._name} answers questions about a picture, and none was asked. Give a prompt."
            )
        if not pictures and not prompt:
            raise BadInputError(
                f"Neither a picture nor a prompt was given, so {self._name} has nothing to write about. Give "
                "one."
            )
        if _MARK in prompt:
            raise BadInputError("The prompt holds characters of Unicode's private area. Leave them out.")

    def _filled(self, pictures: int, prompt: str) -> tuple[str, tuple[int, int]]:
        """The template with everything in its place, and where the user's words stand in it."""
        owner: Any = self._processor if getattr(self._processor, "chat_template", None) else self.tokeniser

        def rendered(words: str) -> str:
            parts: list[dict[str, str]] = [{"type": "image"}] * pictures
            parts = [*parts, {"type": "text", "text": words}] if words else parts
            content: Any = parts if self._images is not None else words
            turns = [{"role": "user", "content": content}]
            return str(owner.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

        try:
            whole = rendered(prompt)
            marked = rendered(_MARK) if prompt else whole
        except Exception as problem:  # a template is a program of its publisher: it raises what it likes
            raise BadInputError(
                f"The chat template of {self._name} cannot be filled with {plural(pictures, 'picture')} and "
                f"this prompt: {one_line(str(problem), most=200)}."
            ) from problem
        before, found, _ = marked.partition(_MARK)
        if not found or not whole.startswith(before):
            return whole, (0, 0)
        stripped = whole[len(before) :]
        words = prompt if stripped.startswith(prompt) else prompt.strip()
        return whole, (len(before), len(before) + len(words)) if stripped.startswith(words) else (0, 0)

    def _plain(self, pictures: int, prompt: str) -> tuple[str, tuple[int, int]]:
        """The prompt as it stands, behind as many marks as there are pictures where the model wants them."""
        mark = getattr(self._processor, "image_token", None)
        wanted = pictures and mark and picture_tokens(self._module) and kind(self._module) not in _PUT_THEM
        front = str(mark) * pictures if wanted and str(mark) not in prompt else ""
        return front + prompt, (len(front), len(front) + len(prompt))

    def _encoded(self, pictures: Sequence[Image], text: str, prompt: str) -> Mapping[str, Any]:
        options: dict[str, Any] = {"return_tensors": "pt"}
        if self.template is not None and self._starts(text):
            options["add_special_tokens"] = False
        if self._processor is None or (not pictures and self._images is None):
            return tokenised(self.tokeniser, [text], **options)
        shown: Any = [list(pictures)] if self.template is not None else list(pictures)
        given: dict[str, Any] = {"images": shown} if pictures else {}
        if text or kind(self._module) != "blip":
            given["text"] = [text]
        try:
            return tokenised(self._processor, **given, **options)
        except (ValueError, TypeError, IndexError, KeyError) as problem:
            raise BadInputError(
                f"The processor of {self._name} cannot read {plural(len(pictures), 'picture')} with the "
                f"prompt {one_line(prompt, most=60)!r}: {one_line(str(problem), most=200)}."
            ) from problem

    def _starts(self, text: str) -> bool:
        """Whether the template has written the mark of beginning itself."""
        begin = getattr(self.tokeniser, "bos_token", None)
        return self._processor is None or (begin is not None and text.startswith(begin))

    def _beside(self, pictures: Sequence[Image], prompt: str) -> _Read:
        """A captioner that reads the picture beside its text: the prompt begins what it writes."""
        read: Any = self._images
        tensors = dict(read(images=list(pictures), return_tensors="pt")) if pictures else {}
        words = (
            list(tokenised(self.tokeniser, prompt, add_special_tokens=False)["input_ids"]) if prompt else []
        )
        begin = [self._module.generation_config.bos_token_id] if kind(self._module) == "git" else []
        if words:
            tensors[written_name(self._module)] = torch.tensor([[*begin, *words]])
        notes = (f"{self._name} has no chat template: its text goes on from the prompt.",) if prompt else ()
        return accepted(self._module, tensors), (-len(words), 0) if words else None, notes

    def _words(
        self, text: str, span: tuple[int, int], tensors: Mapping[str, Tensor]
    ) -> tuple[int, int] | None:
        """Positions of the user's words in front of the answer.

        The tokeniser alone says which tokens of the text they are; in the processor's ids the pictures have
        been put in, so the place is found from whichever end no picture lies between.
        """
        ids = tensors.get("input_ids")
        if ids is None or span[0] == span[1] or encodes(self._module) or self.tokeniser is None:
            return None
        first, last, own = self._span_of_tokens(text, span)
        if first == last:
            return None
        whole, marks = ids[0].tolist(), set(picture_tokens(self._module))
        if not marks & set(own[last:]):
            behind = len(own) - last
            place = len(whole) - behind - (last - first)
            for shift in (0, 1, -1, 2, -2):  # a processor may add a mark of its own at the end
                if whole[place + shift : place + shift + last - first] == own[first:last]:
                    return place + shift, place + shift + last - first
        runs = [
            start for start in range(len(whole) - (last - first) + 1)
            if whole[start : start + last - first] == own[first:last]
        ]  # fmt: skip
        return (runs[-1], runs[-1] + last - first) if runs else None

    def _span_of_tokens(self, text: str, span: tuple[int, int]) -> tuple[int, int, list[int]]:
        """First and behind the last token of the span, and all tokens of the text."""
        plain = self.template is None or not self._starts(text)
        options = {"add_special_tokens": plain}
        if getattr(self.tokeniser, "is_fast", False):
            found = tokenised(self.tokeniser, text, return_offsets_mapping=True, **options)
            inside = [
                place for place, (start, stop) in enumerate(found["offset_mapping"])
                if start < span[1] and stop > span[0]
            ]  # fmt: skip
            own = list(found["input_ids"])
            return (inside[0], inside[-1] + 1, own) if inside else (0, 0, own)
        own = list(tokenised(self.tokeniser, text, **options)["input_ids"])
        without = list(tokenised(self.tokeniser, text[: span[0]] + text[span[1] :], **options)["input_ids"])
        shared = 0
        while shared < min(len(own), len(without)) and own[shared] == without[shared]:
            shared += 1
        return shared, max(shared, len(own) - (len(without) - shared)), own


def _tiles(tensors: Mapping[str, Tensor], pictures: int) -> list[str]:
    """A note where a picture was cut into tiles."""
    pixels = tensors.get("pixel_values")
    if pixels is None or pictures == 0 or pixels.ndim not in (4, 5, 6):
        return []
    tiles = pixels.shape[0] if pixels.ndim == 4 else pixels.shape[0] * pixels.shape[1]
    if pixels.ndim == 6:
        tiles *= pixels.shape[2]
    if tiles <= pictures:
        return []
    return [
        f"{plural(pictures, 'picture')} became {tiles} tiles, each of which the eye of the model reads alone."
    ]
