"""BLIP's answerer in one pass: the library's own forward computes the decoder's logits and gives none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["BlipAnswers"]


class BlipAnswers(nn.Module):
    """A `BlipForQuestionAnswering` whose output holds the decoder's logits, as its `generate` reads them."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.whole, self.config = whole, whole.config

    def forward(
        self,
        pixel_values: Tensor,
        input_ids: Tensor,
        decoder_input_ids: Tensor,
        attention_mask: Tensor | None = None,
        interpolate_pos_encoding: bool = False,
    ) -> Any:
        """The decoder's output: item x position x token in `.logits`."""
        seen = self.whole.vision_model(
            pixel_values=pixel_values, interpolate_pos_encoding=interpolate_pos_encoding
        )
        picture = seen.last_hidden_state
        asked = self.whole.text_encoder(
            input_ids=input_ids,
            attention_mask=attention_mask,
            encoder_hidden_states=picture,
            encoder_attention_mask=torch.ones(picture.shape[:-1], dtype=torch.long, device=picture.device),
        )
        question = asked[0]
        return self.whole.text_decoder(
            input_ids=decoder_input_ids,
            encoder_hidden_states=question,
            encoder_attention_mask=torch.ones(question.shape[:-1], dtype=torch.long, device=question.device),
        )
