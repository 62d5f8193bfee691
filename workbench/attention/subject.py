"""A model with one item's inputs, ready to run: which tensors it reads, and what is known of their tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from workbench.attention.families import PICTURE_TOKENS, PLACED, POOLINGS, SOUND_TOKENS
from workbench.attention.token_layout import Pooling, Side

__all__ = ["Subject", "is_image", "kind_of"]

_IMAGE_WORDS = re.compile(r"visi?o?n|visual|image|pixel|picture", re.I)


@dataclass(frozen=True)
class Subject:
    """One forward pass, and what is known of the sequences in it.

    Attributes:
        run: the pass; what it returns is compared with capture on and off.
        side: the only side there is ("image", "text" or "audio"), or None where two meet.
        inputs: the tensors it reads. words: readable tokens of the text.
        of_two: it is one tower of a dual encoder.
        options: what it is given besides tensors, such as interpolate_pos_encoding=True.
    """

    root: nn.Module
    run: Callable[[], Any]
    side: Side | None
    inputs: Mapping[str, Tensor]
    words: tuple[str, ...] = ()
    of_two: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a message calls it: "image tower", or the class of a whole model."""
        return f"{self.side} tower" if self.of_two else kind_of(self.root)

    @property
    def text_count(self) -> int:
        """Tokens of the text, padding included; 0 without one."""
        ids = next(
            (self.inputs[name] for name in ("input_ids", "inputs_embeds", "text") if name in self.inputs),
            None,
        )
        return int(ids.shape[1]) if ids is not None and ids.ndim > 1 else 0

    @property
    def decoder_count(self) -> int:
        """Tokens that a decoder is given to go on from; 0 where it makes its own beginning."""
        names = ("decoder_input_ids", "decoder_inputs_embeds", "labels")
        ids = next((self.inputs[name] for name in names if name in self.inputs), None)
        return int(ids.shape[1]) if ids is not None and ids.ndim > 1 else 0

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
        for name in PLACED:
            if name in self.inputs:
                given = self.inputs[name][0]
                found = given > 0 if name == PLACED[0] else given >= 0
                return tuple(int(place) for place in torch.nonzero(found).flatten())
        pictured = any(is_image(name) for name in self.inputs)
        return self._marked(PICTURE_TOKENS) if pictured else ()

    @property
    def heard(self) -> tuple[int, ...]:
        """Places of the text at which a language model reads sound."""
        return (
            self._marked(SOUND_TOKENS) if any(name.startswith("input_feat") for name in self.inputs) else ()
        )

    def _marked(self, names: Sequence[str]) -> tuple[int, ...]:
        ids, config = self.inputs.get("input_ids"), getattr(self.root, "config", None)
        mark = next((found for name in names if (found := getattr(config, name, None)) is not None), None)
        if ids is None or mark is None:
            return ()
        return tuple(int(place) for place in torch.nonzero(ids[0] == mark).flatten())

    def image_pooling(self, prefixed: bool) -> Pooling:
        """How the image tower makes one vector of its tokens, as its own setting says; timm's and open_clip's
        towers have one. A tower without the setting reads its class token, if it has one.
        """
        for module in self.root.modules():
            said = getattr(module, "global_pool", None) or getattr(module, "pool_type", None)
            if isinstance(said, str) and said in POOLINGS:
                return POOLINGS[said]
        return "token" if prefixed else "none"


def kind_of(model: Any) -> str:
    """The class of a model; of one that peft has wrapped, that of the model inside, and by what."""
    adapters = getattr(model, "peft_config", None)
    if not isinstance(adapters, Mapping) or not callable(getattr(model, "get_base_model", None)):
        return type(model).__name__
    how = sorted({str(getattr(one.peft_type, "value", one.peft_type)) for one in adapters.values()})
    return f"{type(model.get_base_model()).__name__} with {' and '.join(how)}"


def is_image(name: str) -> bool:
    """Whether a path or the name of an input speaks of pictures."""
    return bool(_IMAGE_WORDS.search(name)) and not name.endswith("_text")
