"""What the sequences of a model are: patches, words, what a decoder writes, learned queries.

Roles come from how the model is built and from what it was given: which modality its parts declare to read,
which of them is a decoder, the lengths of the texts, the grids of the pictures. What a module is called is
asked last.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from torch import nn

from workbench.attention.blocks import block_within, list_of
from workbench.attention.families import CROSSES, LINE_ENDS, family_of
from workbench.attention.patch_grids import (
    Picture,
    block_order,
    merge_side,
    merged,
    pictures_in,
    prefix_of,
    unpadded,
)
from workbench.attention.recorder import Call
from workbench.attention.subject import Subject, is_image
from workbench.attention.token_layout import PatchGrid, Pooling, Role, Side, TokenLayout

__all__ = ["Sequences"]

_TEXT_WORDS = re.compile(r"text|language|lang|token|bert\b", re.I)
_PICTURES = {"image", "video"}
_SIDES: tuple[Side, ...] = ("image", "text", "audio")


class Sequences:
    """The layouts of one subject's sequences, with the calls of its pass at hand."""

    def __init__(self, subject: Subject, calls: Sequence[Call] = ()) -> None:
        self.subject, self.root, self.calls = subject, subject.root, calls
        self.modules = dict(subject.root.named_modules())
        self.parts = Counter((call.path, call.run) for call in calls if call.run)
        """Attentions of one run of a module."""
        self.met: list[TokenLayout] = []
        """Layouts of sequences that attended to themselves so far."""
        self.notes: dict[str, None] = {}

    # What the model says ----------------------------------------------------------------------

    def side_of(self, path: str) -> Side | None:
        """What the innermost part around a module declares to read, where that is one modality."""
        words = path.split(".")
        for end in range(len(words), -1, -1):
            module = self.modules.get(".".join(words[:end]))
            said = getattr(module, "input_modalities", None)
            kinds = {
                "image" if one in _PICTURES else one
                for one in ([said] if isinstance(said, str) else said or ())
            }
            if kinds == {"text"} and getattr(module, "main_input_name", "") == "pixel_values":
                return "image"
            for side in _SIDES:
                if kinds == {side}:
                    return side
        return self.subject.side

    @cached_property
    def decoders(self) -> tuple[str, ...]:
        """Paths of the decoders: modules beside an encoder."""
        pairs = (("encoder", "decoder"), ("text_encoder", "text_decoder"))
        return tuple(
            f"{path}.{second}".lstrip(".")
            for path, module in self.modules.items()
            for first, second in pairs
            if all(isinstance(getattr(module, one, None), nn.Module) for one in (first, second))
        )

    def decodes(self, path: str) -> bool:
        """Whether a module stands in a decoder."""
        return any(path.startswith(f"{one}.") for one in self.decoders)

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture, tile or frame that the inputs hold."""
        return pictures_in(self.root, self.subject.inputs)

    @cached_property
    def placeholders(self) -> tuple[int, ...]:
        """Places of the text at which a picture is read; none where cross-attention reads it."""
        asks = any(
            call.query == self.subject.text_count != call.key and not self.decodes(call.path)
            and self.crosses(call) and self.side_of(call.path) != "image"
            for call in self.calls
        )  # fmt: skip
        return () if asks else self.subject.placeholders

    def crosses(self, call: Call) -> bool:
        """Whether its module's name inside its block, or the lengths, say that two sequences meet."""
        inner = call.path.removeprefix(block_within(list_of(self.modules, call.path), call.path))
        return call.query != call.key or bool(CROSSES.search(inner))

    # Sequences ----------------------------------------------------------------------------------

    def own(self, call: Call, *, windowed: bool) -> TokenLayout:
        """The sequence of a module whose tokens attend to one another."""
        found = self._own(call, windowed=windowed)
        if found not in self.met:
            self.met.append(found)
        return found

    def _own(self, call: Call, *, windowed: bool) -> TokenLayout:
        path, count, subject = call.path, call.query, self.subject
        side = self.side_of(path)
        if side == "audio" or (windowed and side != "text"):
            return TokenLayout(side or "image", count)
        texts = subject.text_count
        if self.decodes(path):
            if side == "image" and not subject.decoder_count:
                return TokenLayout("image", count, role="queries")
            if side == "text" or count == subject.decoder_count:
                return self._decoded(count)
        if count == texts and self.placeholders and side != "image":
            return self._prefixed(count)
        if side == "text":
            return self._text(count)
        queries = self._queries_of(path)
        if queries == count and count != texts and self._tower(call) is None:
            return TokenLayout("image", count, role="queries")
        asked = subject.inputs.get("qformer_input_ids")
        if queries and asked is not None and count == queries + asked.shape[1]:
            words = tuple(f"token {place}" for place in range(asked.shape[1]))
            return TokenLayout(
                "joint",
                count,
                words=words,
                first_word=queries,
                pictured=tuple(range(queries)),
                role="queries",
            )
        return self._by_length(call, side)

    def _by_length(self, call: Call, side: Side | None) -> TokenLayout:
        path, count, texts = call.path, call.query, self.subject.text_count
        if side is None and count == texts and not is_image(path):
            return self._text(count)
        joint = self._joint(count) if side is None and texts and not is_image(path) else None
        found = joint or self._tower(call)
        if found is not None:
            return found
        regions = self.subject.inputs.get("visual_feats")
        if side == "image" or (regions is not None and regions.shape[1] == count):
            return TokenLayout("image", count)
        if count == texts or (_TEXT_WORDS.search(path) and not is_image(path)):
            return self._text(count)
        return TokenLayout("image", count)

    def asking(self, call: Call, *, windowed: bool) -> TokenLayout:
        """The queries of a call whose keys are another sequence."""
        path, count, texts = call.path, call.query, self.subject.text_count
        side = self.side_of(path)
        mine = [one for one in reversed(self.met) if one.count == count and one.side in (side, one.side)]
        if self.decodes(path):
            return self._own(call, windowed=False)
        if side is None and count == texts and not is_image(path):
            return self._prefixed(count) if self.placeholders else self._text(count)
        if side == "text" or (side is None and count == texts):
            return next((one for one in mine if one.side in ("text", "joint")), self._text(count))
        same = next((one for one in mine if one.side == "image"), None)
        # As many or more than the keys are no learned queries, but patches that read fewer of themselves.
        learned: Role = "queries" if count < call.key and not windowed else ""
        return same or self._tower(call) or TokenLayout("image", count, role=learned)

    def asked(self, call: Call, query: TokenLayout) -> TokenLayout:
        """The keys that another sequence attends to."""
        count = call.key
        for one in reversed(self.met):
            if one.count == count and one.stream != query.stream:
                return replace(one, pooling="none", pooled=None)
        behind = next(
            (one for one in reversed(self.met) if one.grid and one.count + call.query == count), None
        )
        if behind is not None:  # a resampler's own queries stand behind the patches, one class token before
            first = behind.first_patch + (call.query == 1)
            return replace(behind, count=count, first_patch=first, pooling="none", pooled=None)
        if query.role == "queries" or query.side == "image":
            found = self._tower(replace(call, query=count))
            if found is not None or query.role or count != self.subject.text_count:
                return found or TokenLayout("image", count)
            return self._text(count)
        if query.side == "text" and (found := self._tower(replace(call, query=count))) is not None:
            return found
        pictures = any(is_image(name) for name in self.subject.inputs)
        return TokenLayout("image" if pictures else query.side, count)

    def _decoded(self, count: int) -> TokenLayout:
        known = self.subject.words if not self.subject.text_count else ()
        words = known if len(known) == count else ()
        return TokenLayout("text", count, words=words, role="decoder")

    def _text(self, count: int) -> TokenLayout:
        subject = self.subject
        words, first = subject.words[:count], 0
        padded = subject.padded if count == subject.text_count else ()
        if padded and padded[0] == 0 and len(words) == count - len(padded):
            first = len(padded)  # padded in front
        if not padded and words:
            padded = tuple(range(len(words), count))
        if count == subject.text_count and (heard := subject.heard):
            words = tuple("<sound>" if place in heard else f"token {place}" for place in range(count))
            return TokenLayout("joint", count, words=words, padded=padded)
        return TokenLayout("text", count, words=words, first_word=first, padded=padded)

    def _joint(self, count: int) -> TokenLayout | None:
        """Text and patches in one sequence: most put the text first, some families the patches."""
        texts = self.subject.text_count
        prefix = prefix_of(self.root, self.pictures[0], count - texts) if len(self.pictures) == 1 else None
        if prefix is None:
            return None
        grid = self.pictures[0].grid
        patches = grid[0] * grid[1]
        family = family_of(self.root)
        first_word = count - texts if family.patches_first else 0
        first_patch = count - texts - patches if family.patches_first else count - patches
        padded = tuple(place + first_word for place in self.subject.padded)
        # Words without names are words all the same: what crosses can be counted.
        words = self.subject.words[:texts] or tuple(f"token {place}" for place in range(texts))
        reads: tuple[Pooling, int | None] = ("token", 0) if family.reads_first else ("none", None)
        return TokenLayout("joint", count, grid, first_patch, words, first_word, padded, *reads)

    # Pictures -----------------------------------------------------------------------------------

    def _tower(self, call: Call) -> TokenLayout | None:
        """The patches of a vision tower's sequence; None where `count` tokens are none that are known."""
        count, pictures = call.query, self.pictures
        if not pictures:
            return None
        if self._packed:
            return self._of_run(call)
        if len(pictures) > 1 and sum(one.patches for one in pictures) == count:
            return _several(count, pictures, tuple(range(count)))
        prefix = prefix_of(self.root, pictures[0], count)
        if prefix is not None and len({one.grid for one in pictures}) == 1:
            pooling = self.subject.image_pooling(bool(prefix))
            pooled = 0 if pooling == "token" else None
            return TokenLayout("image", count, pictures[0].grid, prefix, pooling=pooling, pooled=pooled)
        each, rest = divmod(count, len(pictures))
        extra = each - pictures[0].patches
        if len(pictures) > 1 and not rest and 0 < extra <= 16:  # tiles after one another, each with its marks
            places = tuple(
                tile * each + 1 + patch
                for tile in range(len(pictures))
                for patch in range(pictures[0].patches)
            )
            return _several(count, pictures, places)
        return None

    @property
    def _packed(self) -> bool:
        return "image_grid_thw" in self.subject.inputs or "grid_thw" in self.subject.inputs

    def _of_run(self, call: Call) -> TokenLayout | None:
        """A packed tower attends to each picture, or to each window, in a call of its own."""
        if self.parts.get((call.path, call.run), 1) != len(self.pictures):
            return None
        calls = [one for one in self.calls if one.run == call.run and one.path == call.path]
        mine = next((number for number, one in enumerate(calls) if one is call), 0)
        if len(calls) != len(self.pictures) or self.pictures[mine].patches != call.query:
            return None
        grid = self.pictures[mine].grid
        return TokenLayout("image", call.query, grid, places=block_order(grid, self.root))

    def _queries_of(self, path: str) -> int:
        """With how many queries the stack around a module asks another sequence; 0 where it asks none."""
        where = list_of(self.modules, path)
        asks = [
            one.query
            for one in self.calls
            if list_of(self.modules, one.path) == where and one.path != path and self.crosses(one)
        ]
        return min(asks, default=0)

    def _prefixed(self, count: int) -> TokenLayout:
        """A language model's sequence in which pictures stand among the words (LLaVA, BLIP-2, Qwen-VL)."""
        places, subject = self.placeholders, self.subject
        words = _spread(subject.words, count, {*places, *subject.padded})
        found = self._pictures_among(len(places))
        if not found:
            self._no_grid(len(places))
            return TokenLayout("joint", count, None, 0, words, padded=subject.padded, pictured=places)
        shown = sum(one.patches for one in found)
        layout = _several(count, found, places[:shown])
        if shown < len(places):
            self.notes[self._rest(len(places) - shown, found)] = None
            layout = replace(layout, pictured=(*layout.pictured, *places[shown:]), more=(
                *layout.more, *self._put_together(places[shown:])))  # fmt: skip
        return replace(layout, side="joint", words=words, padded=subject.padded)

    def _pictures_among(self, tokens: int) -> tuple[Picture, ...]:
        """The grids in which a picture's tokens stand among the words; () where they stand in none."""
        pictures = self.pictures
        if not pictures or any(call.query in (tokens, tokens // len(pictures)) != call.key
                               and self.crosses(call) for call in self.calls):  # fmt: skip
            return ()  # a query former or a resampler has made other tokens of the patches
        if self._packed:
            side = merge_side(self.root)
            small = tuple(Picture(one.what, (one.grid[0] // side, one.grid[1] // side)) for one in pictures)
            return small if sum(one.patches for one in small) == tokens else ()
        if len(pictures) > 1 and any(name.endswith(LINE_ENDS) for name, _ in self.root.named_parameters()):
            return (Picture("whole picture", pictures[0].grid),) if tokens >= pictures[0].patches else ()
        return merged(pictures, tokens)

    def _put_together(self, places: tuple[int, ...]) -> tuple[PatchGrid, ...]:
        sizes = self.subject.inputs.get("image_sizes")
        if sizes is None or len(sizes) != 1:
            return ()
        size = int(sizes[0][0]), int(sizes[0][1])
        grid = unpadded(self.pictures, size, len(places))
        if grid is None:
            return ()
        rows = [places[row * (grid[1] + 1) : row * (grid[1] + 1) + grid[1]] for row in range(grid[0])]
        return (PatchGrid("tiles together", grid, tuple(place for row in rows for place in row)),)

    # What is said -------------------------------------------------------------------------------

    def _no_grid(self, tokens: int) -> None:
        count = len(self.pictures)
        cut = (
            f"{sum(one.patches for one in self.pictures)} patches" if count else "patches that are not known"
        )
        self.notes[
            f"The picture stands among the words as {tokens} tokens without a grid: they are made of {cut} "
            "in a way that keeps no place (a query former, a resampler, learned marks)."
        ] = None

    def _rest(self, tokens: int, found: Sequence[Picture]) -> str:
        rows, columns = found[0].grid
        return (
            f"The picture's tokens among the words: {rows * columns} show the whole picture in {rows} x "
            f"{columns}; the other {tokens} show its tiles, each row with a mark at its end."
        )


def _several(count: int, pictures: Sequence[Picture], places: Sequence[int]) -> TokenLayout:
    """One sequence that holds the patches of several pictures, at `places` in order."""
    cuts, start = [], 0
    for one in pictures:
        cuts.append(tuple(places[start : start + one.patches]))
        start += one.patches
    more = tuple(PatchGrid(one.what, one.grid, own) for one, own in zip(pictures[1:], cuts[1:], strict=True))
    first = cuts[0]
    together = first == tuple(range(first[0], first[0] + len(first)))
    further = tuple(place for own in cuts[1:] for place in own)
    return TokenLayout(
        "image",
        count,
        pictures[0].grid,
        first[0],
        pictured=further,
        places=() if together else first,
        more=more,
    )


def _spread(words: Sequence[str], count: int, others: set[int]) -> tuple[str, ...]:
    """A name for each place; of words given for the text alone, each at its own."""
    if len(words) == count:
        return tuple(words)
    if words and len(words) == count - len(others):
        left = iter(words)
        return tuple(f"token {place}" if place in others else next(left) for place in range(count))
    return tuple(f"token {place}" for place in range(count))
