"""Several questions about one picture in one sequence, none of which sees another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from workbench.recipes.shapes_vlm.language import ANSWER, END, PAD
from workbench.recipes.shapes_vlm.model import tokens_of

__all__ = ["Packed", "nats", "pack"]


@dataclass(frozen=True)
class Packed:
    """Text of `picture x place`, behind the picture's tokens.

    Attributes:
        ids: of the words; padding at the end.
        segment: number of the question that a word belongs to; -1 of padding.
        place: counted from 0 anew in each question, so that each stands right behind the picture.
        target: the next word where it belongs to an answer, else -100: what is asked is not learned.
    """

    ids: Tensor
    segment: Tensor
    place: Tensor
    target: Tensor


def pack(words: Any, asked: list[list[tuple[str, str]]]) -> Packed:
    """`asked` holds, for each picture, its (instruction, answer); an instruction may be empty."""
    known = words.get_vocab()
    answer, end, pad = known[ANSWER], known[END], known[PAD]
    rows: list[list[tuple[int, int, int, int]]] = []
    for several in asked:
        row: list[tuple[int, int, int, int]] = []
        for number, (question, said) in enumerate(several):
            before, after = (words(text, add_special_tokens=False)["input_ids"] for text in (question, said))
            ids = [*before, answer, *after, end]
            first = len(before)  # where <answer> stands: from here on the next word is learned
            for place, token in enumerate(ids[:-1]):
                row.append((token, number, place, ids[place + 1] if place >= first else -100))
        rows.append(row)
    longest = max(map(len, rows))
    blank = (pad, -1, 0, -100)
    table = torch.tensor([row + [blank] * (longest - len(row)) for row in rows])
    return Packed(*table.unbind(dim=-1))


def nats(model: Any, states: Tensor, packed: Packed) -> Tensor:
    """Nats of the answer of each question, picture x question; `states` are those of `looked`.

    One pass: a question's words see the picture and their own question's earlier words, nothing else.
    """
    picture = tokens_of(model, states)
    count = picture.shape[1]
    core = model.model.language_model
    embedded = torch.cat([picture, core.embed_tokens(packed.ids).to(picture.dtype)], dim=1)
    front = torch.arange(count).expand(len(picture), count)
    segment = torch.cat([torch.full_like(front, -2), packed.segment], dim=1)
    place = torch.cat([front, packed.place + count], dim=1)
    seen = (segment[:, None] == segment[:, :, None]) | (segment[:, None] == -2)
    seen &= torch.ones(segment.shape[1], segment.shape[1], dtype=torch.bool).tril()
    # Of the queries' own kind: with a float32 mask torch's fused attention on doubles is silently wrong.
    kind = torch.promote_types(embedded.dtype, torch.float32)
    barred = torch.zeros(seen.shape, dtype=kind).masked_fill(~seen, torch.finfo(kind).min)[:, None]
    hidden = core(
        inputs_embeds=embedded, attention_mask=barred, position_ids=place, use_cache=False
    ).last_hidden_state[:, count:]
    learned = packed.target >= 0
    logits = model.lm_head(hidden[learned]).float()
    each = functional.cross_entropy(logits, packed.target[learned], reduction="none")
    questions = int(packed.segment.max()) + 1
    row = torch.arange(len(picture))[:, None].expand_as(learned)[learned]
    flat = row * questions + packed.segment[learned]
    return torch.zeros(len(picture) * questions).index_add(0, flat, each).view(-1, questions)
