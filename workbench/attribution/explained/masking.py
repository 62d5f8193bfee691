"""Inputs with parts taken away: what fills a picture, which words are free, what stands in a word's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor, nn

from workbench.attention.blocks import embedding_table
from workbench.attention.token_layout import is_mark
from workbench.attribution.explained.explained import Differentiable
from workbench.attribution.method_interface import as_array
from workbench.errors import BadInputError, UnsupportedError
from workbench.hooks import output_changed

__all__ = [
    "CELLS",
    "FILLS",
    "default_cells",
    "embedded_text",
    "filling",
    "free_tokens",
    "padding_id",
    "shortened_texts",
    "text_padding",
    "word_embedding",
]

FILLS = ("mean", "blur", "white", "black")
CELLS = 7  # cells on the shorter side, where a model has no patches of its own


def default_cells(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of cells for a picture of this size, where nothing else cuts it."""
    short = min(height, width)
    return max(1, round(CELLS * height / short)), max(1, round(CELLS * width / short))


def filling(picture: Image.Image, fill: str) -> Image.Image | None:
    """The picture that shows through where cells are taken away; None for "mean", the tensor's own mean.

    Raises:
        BadInputError: no such fill.
    """
    if fill not in FILLS:
        raise BadInputError(f"fill is {fill!r}; expected one of {', '.join(FILLS)}.")
    if fill == "mean":
        return None
    picture = picture.convert("RGB")
    if fill == "blur":
        return picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 10))
    return Image.new("RGB", picture.size, fill)


def free_tokens(tokens: Sequence[str]) -> tuple[int, ...]:
    """Indices of tokens that can be left out: not the marks, which every text has."""
    return tuple(index for index, token in enumerate(tokens) if not is_mark(token))


def padding_id(*holders: Any, table: nn.Module | None = None) -> int:
    """The first `pad_token_id` that a holder names, and the table holds; 0 where there is none."""
    size = getattr(table, "num_embeddings", None)
    for holder in holders:
        found = getattr(holder, "pad_token_id", None)
        if found is not None and int(found) >= 0 and (size is None or int(found) < size):
            return int(found)
    return 0


def text_padding(ids: Tensor, span: slice, tokeniser: Any) -> int:
    """The id that stands where a text has no token: read from the text itself where it is padded."""
    if len(ids) > span.stop - span.start:
        return int(ids[span.start - 1 if span.start else span.stop])
    return padding_id(tokeniser)


def shortened_texts(
    words: Mapping[str, Tensor], keep: NDArray[Any], first: int, padding: int
) -> dict[str, Tensor]:
    """A text without the tokens whose `keep` (item x token) is false; the gap is closed.

    Args:
        first: index of the first token; padding stands before it, and is then added there.
        padding: the id that stands where a text has no token.
    """
    count, length = keep.shape[1], words["input_ids"].shape[1]
    blank = first - 1 if first else count  # a place of padding, where there is one
    rows: dict[str, list[Tensor]] = {name: [] for name in words}
    for row in keep:
        kept = [first + k for k in range(count) if row[k]]
        for name, value in words.items():
            there = value[0, torch.tensor(kept, device=value.device, dtype=torch.long)]
            empty = padding if name == "input_ids" else value[0, blank] if length > count else 0
            rest = torch.full((length - len(kept),), int(empty), device=value.device, dtype=value.dtype)
            rows[name].append(torch.cat([rest, there] if first else [there, rest]))
    return {name: torch.stack(values) for name, values in rows.items()}


def word_embedding(root: nn.Module, ids: Tensor, run: Callable[[], object], name: str) -> nn.Module:
    """The table that a model looks its token ids up in.

    Raises:
        UnsupportedError: it looks them up in none.
    """
    table = embedding_table(root, ids, run)
    if table is None:
        raise UnsupportedError(
            f"{name} does not look its tokens up in a table, so words have no gradient. Take 'occlusion' or "
            "'kernel-shap' for its words."
        )
    return table


def embedded_text(
    table: nn.Module,
    ids: Tensor,
    free: Sequence[int],
    padding: int,
    score: Callable[[int], Tensor],
    select: Callable[[NDArray[Any]], NDArray[Any]],
) -> Differentiable:
    """A text's rows of the embedding table, and those of padding in the place of every free word.

    Args:
        free: indices in `ids` of the words that can be left out.
        score: the explained score of so many items of the text as it is.
        select: from values of all of `ids` to those of the readable tokens.
    """
    empty = ids.clone()
    empty[0, list(free)] = padding

    def values(rows: Tensor) -> Tensor:
        # A copy, for some models add positions in place, which a leaf of the graph does not allow.
        with output_changed(table, lambda _: rows.clone()):
            return score(len(rows))

    with torch.no_grad():
        given, blank = table(ids), table(empty)
    return Differentiable(given, blank, values, lambda found: select(as_array(found.sum(dim=-1))))
