"""`capture`: a plain pass to compare with and to count by, then the pass that keeps what was asked for."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from workbench.attention.output_gate import GATE, hold_to, tensors_in
from workbench.attention.recorder import Recorder, recording
from workbench.attention.sites import Site
from workbench.attention.subject import kind_of
from workbench.calling import verb
from workbench.capture.inputs import pair_of
from workbench.capture.plain_pass import (
    PlainPass,
    Precision,
    Rows,
    afford,
    check_asked,
    chosen_sites,
    estimated,
    go_on,
    plain_passes,
    rows_of,
    states_of,
)
from workbench.capture.trace import AttentionMap, Estimate, Trace
from workbench.data.arrays import ASSUMED
from workbench.data.pairs_input import as_pair, is_picture
from workbench.errors import UnsupportedError
from workbench.hooks import evaluated
from workbench.models.given import as_model, is_module
from workbench.results import OnEvent, Provenance, ShouldStop

__all__ = ["BUDGET", "GATE", "capture", "estimate"]

BUDGET = 2_000_000_000
"""Bytes a trace may take unless another budget is given."""


@verb
def capture(
    model: Any,
    pair: Any,
    sites: str | Iterable[str] | None = None,
    *,
    words: Sequence[str] = (),
    rows: Rows | Sequence[int] = "all",
    precision: Precision = "float32",
    hidden: bool = True,
    budget: int = BUDGET,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Trace:
    """Attention and hidden states of every layer for one pair, as the model really used them.

    The model runs twice: once plainly, once with capture on, and both outputs must agree. It is left as it
    was found. Attention is read where torch computes it, so causal masks and padding are those in use.

    Args:
        model: from `models.load`, its name, or a model of transformers (BERT, GPT-2, ViT, BLIP, ViLT, ...).
        pair: `pairs[0]`, a picture alone in any form that `data.from_pictures` takes, or (picture, text); for
            a model of transformers its processor's tensors, one item.
        sites: names of sites or sides ("image", "text.3"); None takes all.
        words: readable tokens of the text, for a model of transformers.
        rows: "all", or "pooled": only the row of the token that is read out, for long sequences. Or places of
            tokens in the sequence that the model writes into: their rows alone, of its sites alone.
        precision: "float32"; "float16" halves the memory.
        hidden: whether to keep hidden states, token x feature of each block, too.
        budget: bytes; a capture that would take more is refused before it begins.
        on_event: told before each pass of each tower.
        should_stop: asked there, too; nothing is kept of a capture that was cancelled.

    Returns:
        A `Trace`: head x query x key of each site, in float32 or float16.

    Raises:
        BadInputError: no single pair, an unknown mode, more bytes than the budget.
        UnknownNameError: a site that does not exist.
        UnsupportedError: the model has no attention that can be read, or its output would change.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import capture
        >>> trace = capture("emoji-clip", data.load("emoji")[0], "image")
        >>> trace.attention("image.3").values.shape, trace.difference < 1e-4
        ((6, 65, 65), True)
    """
    rows = check_asked(rows, precision)
    model, pair = _given(model, pair)  # a path is read once
    plain = list(plain_passes(model, pair, words, on_event, should_stop))
    chosen = chosen_sites([site for one in plain for site in one.sites], sites, rows)
    afford(estimated(plain, chosen, rows, precision, hidden), budget, plain[0].output)
    maps: dict[str, AttentionMap] = {}
    states: dict[str, np.ndarray] = {}
    start, worst = time.perf_counter(), 0.0
    for step, one in enumerate(plain):
        go_on(should_stop, on_event, "capture", step, len(plain))
        found, kept, difference = _kept_pass(one, chosen, rows, precision, hidden)
        maps |= found
        states |= kept
        worst = max(worst, difference)
    return _trace(model, pair, maps, states, plain, worst, time.perf_counter() - start,
                  {"rows": rows, "precision": precision, "sites": len(maps)}
                  | ({} if sites is None else {"asked": list(chosen)}))  # fmt: skip


@verb
def estimate(
    model: Any,
    pair: Any,
    sites: str | Iterable[str] | None = None,
    *,
    words: Sequence[str] = (),
    rows: Rows | Sequence[int] = "all",
    precision: Precision = "float32",
    hidden: bool = True,
) -> Estimate:
    """What `capture` with the same arguments would keep; takes one plain pass.

    Args:
        model, pair, sites, words, rows, precision, hidden: as for `capture`.

    Returns:
        An `Estimate`: sites, bytes and seconds.

    Raises:
        BadInputError: no single pair, an unknown mode.
        UnknownNameError: a site that does not exist.
        UnsupportedError: the model has no attention that can be read.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import estimate
        >>> len(estimate("emoji-clip", data.load("emoji")[0], "text").sites)
        4
    """
    rows = check_asked(rows, precision)
    model, pair = _given(model, pair)
    plain = list(plain_passes(model, pair, words, None, None))
    known = [site for one in plain for site in one.sites]
    return estimated(plain, chosen_sites(known, sites, rows), rows, precision, hidden)


def _given(model: Any, pair: Any) -> tuple[Any, Any]:
    """The model, loaded if it was named, and one pair; the tensors for a module stay as they are."""
    model = as_model(model)
    if is_module(model):
        return model, pair
    with_text = isinstance(pair, tuple) and len(pair) == 2 and not is_picture(pair[1])
    return model, pair_of(pair) if with_text else as_pair(pair)


# The pass that keeps -------------------------------------------------------------------------


def _kept_pass(
    plain: PlainPass,
    chosen: Mapping[str, Site],
    rows: Rows | Sequence[int],
    precision: Precision,
    hidden: bool,
) -> tuple[dict[str, AttentionMap], dict[str, np.ndarray], float]:
    names = [site.name for site in plain.sites]
    mine = {number for number, name in enumerate(names) if name in chosen}
    if not mine:
        return {}, {}, 0.0
    kept = {number: rows_of(plain.sites[number], rows) for number in mine}
    recorder = Recorder(mine.__contains__, lambda number: kept.get(number), getattr(torch, precision))
    blocks = {path for name, path in plain.blocks.items() if hidden and name in chosen}
    root = plain.subject.root
    with (
        torch.no_grad(), evaluated(root), recording(root, recorder, blocks=tuple(blocks)),
        plain.draws.again(),
    ):  # fmt: skip
        output = tensors_in(plain.subject.run())
    if len(recorder.calls) != len(names):
        raise UnsupportedError(
            f"Two passes of the same input went through {len(names)} and {len(recorder.calls)} attention "
            "layers, so there is no one map to read. Take a model that computes the same each time."
        )
    difference = hold_to(plain.output, output, plain.subject.name)
    maps = {}
    for number in sorted(mine):
        call, queries = recorder.calls[number], kept[number]
        assert call.values is not None  # it was wanted
        maps[names[number]] = AttentionMap(
            plain.sites[number], call.values.numpy(), None if queries is None else np.array(queries),
            None if call.more is None else call.more.numpy(),
        )  # fmt: skip
    if len(maps) != len(mine):
        raise UnsupportedError(
            f"{len(mine)} attentions of the {plain.subject.name} were to be kept, and {len(maps)} have a "
            "name of their own, so some would be lost. Ask for fewer: sites=[...]."
        )
    states = {name: one.numpy() for name, one in states_of(plain, recorder.outputs, chosen).items()}
    return maps, states, difference


def _trace(
    model: Any,
    pair: Any,
    maps: dict[str, AttentionMap],
    states: dict[str, np.ndarray],
    plain: Sequence[PlainPass],
    difference: float,
    seconds: float,
    parameters: dict[str, Any],
) -> Trace:
    card = getattr(model, "card", None)
    name = card.name if card is not None else kind_of(model)
    weights = getattr(model, "weights_hash", "")
    picture, text, score = None, "", None
    notes = [
        f"The {one.subject.side} tower has no attention that could be read." for one in plain if not one.sites
    ]
    notes += [note for one in plain for note in one.notes]
    if card is not None:
        held, text = pair if isinstance(pair, tuple) else (pair.picture, pair.text)
        picture = None if held is None else np.asarray(model.preprocess_view(held).convert("RGB"))
        notes += getattr(held, "info", {}).get(ASSUMED, ())
        if len(plain) == 2:
            first, second = (one.output[0].flatten().double() for one in plain)
            score = float(first @ second / (first.norm() * second.norm()))
        if text and model.tokens(text).truncated:
            notes.append("The text was longer than the model reads; its end is not in the trace.")
    provenance = Provenance("capture", name, weights, "", parameters)
    return Trace(
        maps, states, picture, text or "", score, difference, seconds, tuple(notes), provenance,
        pair, weakref.ref(model),
    )  # fmt: skip
