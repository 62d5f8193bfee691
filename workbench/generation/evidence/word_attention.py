"""`WordAttention`: where in the picture, and at which part of the prompt, each written word looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.attention.sites import writing
from workbench.axes import check_axes, frozen
from workbench.calling import verb
from workbench.capture import AttentionMap, Site, TokenLayout, Trace
from workbench.errors import BadInputError
from workbench.formatting import html_table, human_bytes, plural
from workbench.generation.answer import Answer
from workbench.keeping import Form, Kept
from workbench.models.writer import ROLES
from workbench.provenance import Provenance

__all__ = ["PARTS", "WordAttention", "word_attention"]

PARTS = ("picture", "instruction", "answer", "frame")
"""What a token attends to: the picture, the user's words, the answer's own earlier tokens, and what the
template put around them (begin marks, "USER:")."""


@dataclass(frozen=True, eq=False)
class WordAttention(Kept):
    """Where each token of an answer looked: layer by layer, averaged over heads, at the row that produced it.

    Attributes:
        layers: names of sites, in the order of the forward pass.
        notes: what the reader must know: which picture or tile it is, why there is no map.
        picture: row x col x channel, uint8: the picture as the model sees it, where that is known; else None.
        credit: to be shown wherever `picture` is.
        provenance: of the replay.

    Shapes:
        maps: layer x step x row x col, float16; the weight on each patch of the picture, on the merged grid
            where patches were merged; 0 rows and columns where the picture has no grid, and `notes` say why
        shares: layer x step x part, float32; the weight on each of `PARTS`
        even: step x part, float32; what each part would get if the weight were spread evenly over all keys
            up to the row. A layer that attends within a window sees fewer

    Example:
        >>> import numpy as np
        >>> from workbench.generation import WordAttention
        >>> found = WordAttention(("joint.0",), np.zeros((1, 3, 4, 4)), np.zeros((1, 3, 4)), np.zeros((3, 4)))
        >>> found
        WordAttention(1 layer, 3 steps, 4 x 4 patches, 192 B)
    """

    _form: ClassVar[Form] = Form(
        "word_attention", "word attention", "workbench.generation.open_word_attention"
    )

    layers: tuple[str, ...]
    maps: NDArray[np.float16] = field(repr=False)
    shares: NDArray[np.float32] = field(repr=False)
    even: NDArray[np.float32] = field(repr=False)
    notes: tuple[str, ...] = ()
    picture: NDArray[np.uint8] | None = field(default=None, repr=False)
    credit: str = ""
    provenance: Provenance = field(default_factory=lambda: Provenance("replay"), repr=False)

    def __post_init__(self) -> None:
        steps = np.shape(self.even)[0] if np.ndim(self.even) == 2 else 0
        sizes = {"layer": len(self.layers), "step": steps, "part": len(PARTS)}
        check_axes("maps", self.maps, "layer step row col", layer=sizes["layer"], step=steps)
        check_axes("shares", self.shares, "layer step part", **sizes)
        check_axes("even", self.even, "step part", step=steps, part=len(PARTS))
        for name, dtype in (("maps", np.float16), ("shares", np.float32), ("even", np.float32)):
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
        if self.picture is not None:
            check_axes("picture", self.picture, "row col channel", channel=3)
            object.__setattr__(self, "picture", frozen(self.picture, np.uint8))

    def __len__(self) -> int:
        return len(self.even)

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the maps, None where there are none."""
        rows, columns = self.maps.shape[2:]
        return (rows, columns) if rows * columns else None

    @property
    def bytes(self) -> int:
        """What maps and shares take."""
        return self.maps.nbytes + self.shares.nbytes + self.even.nbytes

    def minus(self, other: WordAttention) -> WordAttention:
        """This less what the same words attended to under another picture: what of a map is not habit.

        Args:
            other: of the same answer, forced on another picture of the same size:
                `word_attention(replay(model, answer, pictures=[...]), answer)`.

        Returns:
            The differences of maps, shares and even lines; the picture is this one's.

        Raises:
            BadInputError: it has other layers, another number of steps or another grid.
        """
        if self.layers != other.layers or self.maps.shape != other.maps.shape:
            raise BadInputError(
                f"{other!r} cannot be taken from {self!r}: expected the same layers, steps and grid. Force "
                "the same answer on a picture of the same size."
            )
        difference = self.maps.astype(np.float32) - other.maps.astype(np.float32)
        return replace(
            self,
            maps=difference.astype(np.float16),
            shares=self.shares - other.shares,
            even=self.even - other.even,
            notes=(*self.notes, "Less the same words under another picture."),
        )

    def __repr__(self) -> str:
        grid = f"{self.grid[0]} x {self.grid[1]} patches" if self.grid else "no map of the picture"
        layers, steps = plural(len(self.layers), "layer"), plural(len(self), "step")
        return f"WordAttention({layers}, {steps}, {grid}, {human_bytes(self.bytes)})"

    def _repr_html_(self) -> str:
        rows = [
            (name, *(f"{value:.2f}" for value in shares))
            for name, shares in zip(self.layers, self.shares.mean(axis=1), strict=True)
        ]
        rows.append(("even", *(f"{value:.2f}" for value in self.even.mean(axis=0))))
        return html_table(repr(self), ("layer", *PARTS), rows)


@verb
def word_attention(trace: Trace, answer: Answer, *, picture: int | None = None) -> WordAttention:
    """Maps and shares of every written token, from a replay: means over heads, small enough for a screen.

    A decoder-only model has picture, instruction and answer in one sequence, and its self-attention gives
    both maps and shares. An encoder-decoder (and a model that reads pictures by cross-attention) gives the
    maps by its cross-attention, and the shares by the self-attention before it, which sees its own words
    alone; `notes` say so.

    Args:
        trace: of `replay`.
        answer: whose replay it is.
        picture: of several pictures or tiles in the prompt the number of the one to draw, from 0; None takes
            the first picture, or of one that was cut into tiles the one that shows all of it.

    Returns:
        A `WordAttention` of as many steps as the answer has tokens.

    Raises:
        BadInputError: the trace is none of this answer, or there is no such picture.

    Example:
        >>> import torch
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from workbench.generation import replay, word_attention, write
        >>> from workbench.models import as_writer
        >>> config = GPT2Config(vocab_size=9, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=8)
        >>> given = {"input_ids": torch.tensor([[5, 6, 7]])}
        >>> model = as_writer(GPT2LMHeadModel(config).eval(), tensors=given)  # of random weights
        >>> answer = write(model, start=[1, 2], max_new_tokens=3)
        >>> found = word_attention(replay(model, answer), answer)
        >>> [float(share) for share in found.even[1]]  # three tokens of the prompt, and one of its own
        [0.0, 0.75, 0.25, 0.0]
    """
    sites = writing(trace.sites)
    if not sites or any(len(trace.attention(site).queries) != len(answer) for site in sites):
        raise BadInputError(
            f"{trace!r} is no replay of an answer of {plural(len(answer), 'token')}; expected "
            "word_attention(replay(model, answer), answer)."
        )
    own = [site for site in sites if site.kind == "self"]
    seeing = [site for site in sites if site.kind == "cross" and site.key.side in ("image", "joint")]
    notes = list(trace.notes)
    if seeing:
        pairs = [(_before(sites, own, site), site) for site in seeing]
        notes.append(_of_two(own, seeing))
    else:
        pairs = [(site, site) for site in own]
    base = int(trace.provenance.parameters.get("base", 0)) if len(answer.pictures) == 1 else 0
    grid, places, said = _drawn(pairs[0][1].key, picture, base)
    notes += [said] if said and answer.pictures else []
    maps = np.zeros((len(pairs), len(answer), *grid), np.float16)
    shares = np.zeros((len(pairs), len(answer), len(PARTS)), np.float32)
    even = np.zeros((len(answer), len(PARTS)), np.float32)
    parts = _parts(trace.attention(own[0]), answer) if own else None
    for layer, (mine, read) in enumerate(pairs):
        if places is not None:
            maps[layer] = _mean(trace.attention(read))[:, places].reshape(len(answer), *grid)
        if parts is not None and mine is not None:
            shares[layer] = _mean(trace.attention(mine)) @ parts
    if parts is not None:
        for step, row in enumerate(trace.attention(own[0]).queries):
            even[step] = parts[: row + 1].mean(axis=0)
    return WordAttention(
        tuple(read.name for _, read in pairs), maps, shares, even, tuple(notes), trace.picture, trace.credit,
        trace.provenance,
    )  # fmt: skip


def _mean(one: AttentionMap) -> NDArray[np.float32]:
    """step x key: the mean over heads."""
    found: NDArray[np.float32] = one.values.mean(axis=0, dtype=np.float32)
    return found


def _before(sites: Sequence[Site], own: Sequence[Site], cross: Site) -> Site | None:
    """The self-attention that runs last before a cross-attention, or else the first."""
    order = list(sites)
    before = [site for site in own if order.index(site) < order.index(cross)]
    return before[-1] if before else (own[0] if own else None)


def _of_two(own: Sequence[Site], seeing: Sequence[Site]) -> str:
    told = (
        "Maps are of cross-attention, which reads the picture; shares are of the self-attention before it, "
        "which sees the model's own words alone."
    )
    if seeing[0].key.side == "joint":
        told += " The instruction is read by cross-attention too, so it has no share."
    if len(own) > len(seeing):
        told += f" {len(own) - len(seeing)} of {plural(len(own), 'layer')} read no picture and are not shown."
    return told


def _roles(answer: Answer) -> list[str]:
    return [ROLES[role] for role in answer.roles]


def _parts(one: AttentionMap, answer: Answer) -> NDArray[np.float32]:
    """key x part: 1 for the part that each place of the sequence belongs to."""
    layout, first = one.key, int(one.queries[0])
    roles, kinds = _roles(answer), layout.kinds
    found = np.zeros((layout.count, len(PARTS)), np.float32)
    for place, kind in enumerate(kinds):
        behind = place - first + len(roles) - 1  # the row of the first token is the prompt's last place
        if place > first:
            part = "answer"
        elif kind in ("patch", "picture") or (behind < 0 and layout.side == "joint"):
            part = "picture"  # in front of the prompt a picture's own class token stands with its patches
        elif 0 <= behind < len(roles):
            part = roles[behind]
        else:
            part = "instruction" if kind == "word" else "frame"
        found[place, PARTS.index(part)] = 1
    return found


def _drawn(
    layout: TokenLayout, picture: int | None, base: int
) -> tuple[tuple[int, int], NDArray[np.int64] | None, str]:
    """(grid, places, what to say) of the picture or tile that is drawn; no places where there is none."""
    if layout.grid is None:
        return (0, 0), None, "The picture's tokens have no grid here, so there is no map of it."
    pieces = [(layout.grid, layout.patches)]
    pieces += [(one.grid, np.array(one.places, np.int64)) for one in layout.more]
    if picture is not None and not 0 <= picture < len(pieces):
        raise BadInputError(
            f"picture={picture} was given; the prompt holds {plural(len(pieces), 'picture or tile')}, from 0."
        )
    number = picture if picture is not None else base % len(pieces)
    grid, places = pieces[number]
    if len(pieces) == 1:
        return grid, places, ""
    return (
        grid,
        places,
        f"Of {len(pieces)} pictures or tiles of the prompt the map shows number {number + 1}.",
    )
