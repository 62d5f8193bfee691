"""Which token of a sequence holds which cell of the picture, and which word of the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.blocks import block_of
from workbench.attention.patch_trial import cells_of_tokens
from workbench.attention.sites import Site
from workbench.attention.subject import Subject
from workbench.attention.token_layout import TokenLayout
from workbench.attribution.explained.picture_cells import Picture
from workbench.attribution.method_interface import as_array

__all__ = ["TokensOnPicture"]


class TokensOnPicture:
    """Where the patches and words of one item stand in the sequences of its pass.

    What the layouts say is taken; where tokens that are no patches stand among them, or one token may hold
    several cells, it is tried out (`cells_of_tokens`).

    Args:
        run: the model's pass for another picture.
        sites: the attentions of its plain pass.
        picture: the picture among the inputs, None without one.
        kept: the patches that a masked autoencoder sees, in its order.
        token_indices: indices in the text of its readable tokens.
    """

    def __init__(
        self,
        model: nn.Module,
        run: Callable[[Tensor], Any],
        sites: Sequence[Site],
        subject: Subject,
        picture: Picture | None,
        kept: tuple[int, ...] | None,
        token_indices: Sequence[int],
    ) -> None:
        self.model, self.sites, self.subject, self.token_indices = model, sites, subject, token_indices
        self.seen, self._run, self._kept = picture, run, kept
        self._own_places: dict[tuple[int, tuple[int, int]], NDArray[np.int64] | None] = {}

    @cached_property
    def merged(self) -> tuple[tuple[int, int], NDArray[np.int64]] | None:
        """For a picture whose tokens stand among the words of a language model without a grid of their own:
        the grid of its cells, and the token of each cell. None where a token does not hold one cell.
        """
        picture, places = self.seen, self.subject.placeholders
        if picture is None or picture.grid is None or not places:
            return None
        rows, cols = picture.grid
        side = round((rows * cols / len(places)) ** 0.5)
        if side < 1 or rows % side or cols % side or rows * cols != len(places) * side**2:
            return None
        grid = rows // side, cols // side
        path = next((block_of(one.path) for one in self.sites if one.key.side == "joint"), "")
        if not path:
            return None
        holds = self._tried(grid, path)
        if holds is None:
            return None
        holds = holds[list(places)]
        each = sorted(holds.tolist()) == list(range(len(places)))
        return (grid, np.array(places)[np.argsort(holds)]) if each else None

    def _tried(self, grid: tuple[int, int], reader: str) -> NDArray[np.int64] | None:
        assert self.seen is not None  # asked for a picture only
        changed, block = self.seen.noisy(grid), self.model.get_submodule(reader)
        return cells_of_tokens(self.model, self._run, changed, grid[0] * grid[1], block)

    def patch_places(self, layout: TokenLayout) -> NDArray[np.int64] | None:
        """Where the patches of the picture stand among its tower's tokens, row by row. Where several tokens
        that are none stand among them (registers, a detector's queries), that is found out; None if it
        cannot be told.
        """
        assert layout.grid is not None  # asked for a sequence with patches only
        others = layout.count - layout.patch_count
        if self.subject.placeholders or self.seen is None or (others < 2 and layout.side == "image"):
            return layout.patches
        known = layout.count, layout.grid
        if known not in self._own_places:
            site = next(
                one for one in self.sites if (one.key.count, one.key.side) == (layout.count, layout.side)
            )
            holds = self._tried(layout.grid, block_of(site.path) or site.path)
            places: NDArray[np.int64] | None = layout.patches
            if holds is not None and len(holds) == layout.count:
                places = np.flatnonzero(holds != -1)
                each = sorted(holds[places].tolist()) == list(range(layout.patch_count))
                places = places[np.argsort(holds[places])] if each else None
            self._own_places[known] = places
        return self._own_places[known]

    @property
    def without_picture(self) -> str:
        """Why a picture that was given has no map here; "" where none was given."""
        if self.seen is None:
            return ""
        count = len(self.subject.placeholders)
        pieces = 1 + max((len(end.more) for one in self.sites for end in (one.key, one.query)), default=0)
        why = self.seen.why or (
            f"its tokens are of {pieces} tiles or pictures, which no one grid holds"
            if pieces > 1
            else f"the model's {count} tokens of it do not stand for one part of it each" if count
            else "no attention that the number depends on reads tokens that could be laid on the picture"
        )  # fmt: skip
        return f"no map of the picture: {why}"

    def of_patches(self, layout: TokenLayout, values: Tensor) -> NDArray | None:
        """token values as row x col, or None where the sequence holds no patches."""
        picture, kept = self.seen, self._kept
        if layout.more or picture is None or picture.grid is None:  # one tile is no map of the picture
            return None
        count = picture.grid[0] * picture.grid[1]
        if kept is not None and layout.side == "image":
            found = np.zeros(count)
            if len(values) >= len(kept):
                found[list(kept)] = as_array(values)[-len(kept) :]
            return found.reshape(picture.grid)
        if layout.grid is not None:
            places = self.patch_places(layout)
            return None if places is None else as_array(values)[places].reshape(layout.grid)
        if layout.side == "joint" and self.subject.placeholders and self.merged is not None:
            grid, places = self.merged
            return as_array(values)[places].reshape(grid)
        if layout.side != "image" or picture.owner is None or len(values) != len(picture.owner):
            return None
        found = np.zeros(count + 1)
        np.add.at(found, picture.owner.cpu().numpy() % len(found), as_array(values))
        return found[:-1].reshape(picture.grid)

    def of_words(self, layout: TokenLayout, values: Tensor) -> NDArray | None:
        """token values as those of `token_indices`, or None where the sequence holds no words."""
        if layout.side in ("image", "audio") or not self.token_indices:
            return None
        return as_array(values)[self._first_word(layout) + np.array(self.token_indices)]

    def _first_word(self, layout: TokenLayout) -> int:
        """Where the text begins in a sequence: beside the patches it stands before or behind all of them."""
        if layout.side != "joint" or layout.grid is None or self.subject.placeholders:
            return layout.first_word * (layout.side == "joint")
        patches = self.patch_places(layout)
        if patches is None:
            return layout.first_word
        words = range(layout.first_word, layout.first_word + self.subject.text_count)
        if not set(words) & set(patches.tolist()):
            return layout.first_word
        return layout.count - self.subject.text_count if patches[0] < self.subject.text_count else 0
