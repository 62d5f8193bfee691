"""`capture`: a plain pass to compare with and to count by, then the pass that keeps what was asked for."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from workbench.attention.blocks import block_of, blocks_in
from workbench.attention.draws import Draws
from workbench.attention.output_gate import GATE, hold_to, tensors_in
from workbench.attention.recorder import Recorder, recording
from workbench.attention.site_naming import notes_of, sites_of
from workbench.attention.sites import Site, with_rows
from workbench.attention.subject import Subject, kind_of
from workbench.calling import verb
from workbench.capture.inputs import pair_of, subjects_of
from workbench.capture.trace import AttentionMap, Estimate, Trace
from workbench.data.arrays import ASSUMED
from workbench.data.pairs_input import as_pair, is_picture
from workbench.errors import BadInputError, Cancelled, UnknownNameError, UnsupportedError, did_you_mean
from workbench.formatting import human_bytes, plural
from workbench.hooks import evaluated
from workbench.models.given import as_model, is_module
from workbench.results import Event, OnEvent, Provenance, ShouldStop
from workbench.runtime import check_memory
from workbench.values import as_sentences

__all__ = ["BUDGET", "GATE", "capture", "estimate"]

BUDGET = 2_000_000_000
"""Bytes a trace may take unless another budget is given."""
_WRITTEN = 12  # bytes a weight while a layer is written out: scores, their softmax, a copy
Rows = Literal["all", "pooled"]
Precision = Literal["float32", "float16"]


@dataclass(frozen=True)
class _Plain:
    """What the plain pass of a subject told."""

    subject: Subject
    sites: list[Site]
    blocks: dict[str, str]  # site name -> path of its block
    outputs: dict[str, Tensor]  # path of a block -> what it handed on, without its numbers
    output: list[Tensor]
    seconds: float
    draws: Draws
    notes: tuple[str, ...]


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
    rows = rows if isinstance(rows, str) else tuple(int(row) for row in rows)
    if not rows or (isinstance(rows, str) and rows not in ("all", "pooled")):
        raise BadInputError(f"rows={rows!r} was given; expected rows 'all' or 'pooled', or places of tokens.")
    if precision not in ("float32", "float16"):
        raise BadInputError(f"precision={precision!r} was given; expected 'float32' or 'float16'.")
    model, pair = _given(model, pair)  # a path is read once
    plain = list(_plain_passes(model, pair, words, on_event, should_stop))
    chosen = _chosen([site for one in plain for site in one.sites], sites, rows)
    _afford(_estimate(plain, chosen, rows, precision, hidden), budget, plain[0].output)
    maps: dict[str, AttentionMap] = {}
    states: dict[str, np.ndarray] = {}
    start, worst = time.perf_counter(), 0.0
    for step, one in enumerate(plain):
        _continue(should_stop, on_event, "capture", step, len(plain))
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
        BadInputError: no single pair.
        UnknownNameError: a site that does not exist.
        UnsupportedError: the model has no attention that can be read.

    Example:
        >>> from workbench import data
        >>> from workbench.capture import estimate
        >>> len(estimate("emoji-clip", data.load("emoji")[0], "text").sites)
        4
    """
    model, pair = _given(model, pair)
    plain = list(_plain_passes(model, pair, words, None, None))
    known = [site for one in plain for site in one.sites]
    return _estimate(plain, _chosen(known, sites, rows), rows, precision, hidden)


def _given(model: Any, pair: Any) -> tuple[Any, Any]:
    """The model, loaded if it was named, and one pair; the tensors for a module stay as they are."""
    model = as_model(model)
    if is_module(model):
        return model, pair
    with_text = isinstance(pair, tuple) and len(pair) == 2 and not is_picture(pair[1])
    return model, pair_of(pair) if with_text else as_pair(pair)


# The plain pass ------------------------------------------------------------------------------


def _plain_passes(
    model: Any, pair: Any, words: Sequence[str], on_event: OnEvent | None, should_stop: ShouldStop | None
) -> Iterator[_Plain]:
    subjects = subjects_of(model, pair, words)
    for step, subject in enumerate(subjects):
        _continue(should_stop, on_event, "plain pass", step, len(subjects))
        recorder, start, draws = Recorder(sizes=True), time.perf_counter(), Draws()
        watched = recording(subject.root, recorder, blocks=blocks_in(subject.root))
        with torch.no_grad(), evaluated(subject.root), watched, draws.kept():
            output = tensors_in(subject.run())
        if not recorder.calls and len(subjects) == 1:
            raise UnsupportedError(_unreadable(subject, model, recorder))
        sites = list(sites_of(subject, recorder.calls))
        blocks = {site.name: block for site in sites if (block := block_of(site.path))}
        notes = (*notes_of(subject, recorder), *draws.notes)
        yield _Plain(
            subject, sites, blocks, recorder.outputs, output, time.perf_counter() - start, draws, notes
        )


# The pass that keeps -------------------------------------------------------------------------


def _kept_pass(
    plain: _Plain, chosen: Mapping[str, Site], rows: Rows | Sequence[int], precision: Precision, hidden: bool
) -> tuple[dict[str, AttentionMap], dict[str, np.ndarray], float]:
    names = [site.name for site in plain.sites]
    mine = {number for number, name in enumerate(names) if name in chosen}
    if not mine:
        return {}, {}, 0.0
    kept = {number: _rows_of(plain.sites[number], rows) for number in mine}
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
    states = {name: one.numpy() for name, one in _states(plain, recorder.outputs, chosen).items()}
    return maps, states, difference


def _states(plain: _Plain, outputs: Mapping[str, Tensor], chosen: Mapping[str, Site]) -> dict[str, Tensor]:
    """What each block handed on; of packed pictures those of the site's own."""
    states: dict[str, Tensor] = {}
    start = 0
    for site in plain.sites:
        path = plain.blocks.get(site.name)
        if path is None or path not in outputs:
            continue
        whole = outputs[path]
        start = 0 if site.part == 0 else start
        alone = not site.part and len(whole) != site.query.count and site.of == ""
        if site.name in chosen:
            states[site.name] = (
                whole if alone or site.windows > 1 else whole[start : start + site.query.count]
            )
        start += site.query.count
    return states


def _rows_of(site: Site, rows: Rows | Sequence[int]) -> list[int] | None:
    if not isinstance(rows, str):
        return list(rows)
    if rows == "all" or site.kind != "self":
        return None
    if site.query.pooled is not None:
        return [site.query.pooled]
    # The text's vector is read at its end, or from all; the end is what can be kept of one row.
    real = [place for place in range(site.query.count) if place not in site.query.padded]
    return [real[-1]] if site.query.side == "text" else None


# What is asked, and what it costs --------------------------------------------------------------


def _chosen(
    known: Sequence[Site], asked: str | Iterable[str] | None, rows: Rows | Sequence[int] = "all"
) -> dict[str, Site]:
    known = known if isinstance(rows, str) else with_rows(known, rows)
    by_name = {site.name: site for site in known}
    if asked is None:
        return by_name
    found: dict[str, Site] = {}
    for name in as_sentences(asked, what="sites"):
        mine = {site.name: site for site in known if name in (site.name, site.path, site.query.side)}
        if not mine:
            raise UnknownNameError(
                f"There is no site {name!r}; this model has {_examples(by_name)}, and the sides "
                f"{', '.join(sorted({site.query.side for site in known}))}{did_you_mean(str(name), by_name)}"
            )
        found |= mine
    if not found:
        raise BadInputError("No site was asked for. Name at least one, or leave `sites` out to take all.")
    return {name: site for name, site in by_name.items() if name in found}


def _examples(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(islice(listed, 8)) + (f", … ({len(listed)} in all)" if len(listed) > 8 else "")


def _estimate(
    plain: Sequence[_Plain],
    chosen: Mapping[str, Site],
    rows: Rows | Sequence[int],
    precision: Precision,
    hidden: bool,
) -> Estimate:
    each = 2 if precision == "float16" else 4
    total = 0
    for one in plain:
        for site in one.sites:
            if site.name not in chosen:
                continue
            kept = _rows_of(site, rows)
            queries = site.query.count if kept is None else len(kept)
            total += each * site.windows * site.heads * queries * site.key.count
        states = _states(one, one.outputs, chosen) if hidden else {}
        total += sum(each * values.numel() for values in states.values())
    largest = max((site.values for one in plain for site in one.sites), default=0)
    return Estimate(tuple(chosen.values()), total, sum(one.seconds for one in plain), _WRITTEN * largest)


def _afford(wanted: Estimate, budget: int, output: Sequence[Tensor]) -> None:
    if wanted.bytes <= budget:
        kept, less = human_bytes(wanted.bytes), "Take a shorter text, a smaller picture or fewer sites."
        device = output[0].device if output else torch.device("cpu")
        if device.type == "cuda":
            check_memory(wanted.working, device, "Writing out one layer of attention", less)
        check_memory(wanted.bytes + wanted.working, "cpu", f"Keeping {kept} and one layer written out", less)
        return
    longest = max(site.query.count for site in wanted.sites)
    raise BadInputError(
        f"This capture would keep {human_bytes(wanted.bytes)} ({plural(len(wanted.sites), 'site')}, up to "
        f"{longest:,} tokens); the budget is {human_bytes(budget)}. Take rows='pooled', fewer sites "
        f"(sites=['{wanted.sites[-1].name}']), precision='float16', hidden=False, or give a larger budget=."
    )


def _unreadable(subject: Subject, model: Any, recorder: Recorder) -> str:
    name = getattr(getattr(model, "card", None), "name", kind_of(subject.root))
    config = getattr(subject.root, "config", None)
    kind = getattr(config, "_attn_implementation", None)
    if kind not in (None, "eager", "sdpa"):
        return (
            f"{name} computes its attention by {kind!r}, which keeps no weights. Load it with "
            "attn_implementation='sdpa' or 'eager' and capture again."
        )
    if recorder.unread:
        reasons = " and ".join(sorted({reason for _, reason in recorder.unread}))
        return (
            f"{name} has no attention of tokens to tokens: its {plural(len(recorder.unread), 'attention')} "
            f"have weights of {reasons}. Take 'occlusion' or 'integrated-gradients' of attribute() there."
        )
    return (
        f"{name} has no attention that could be read: no call of scaled-dot-product attention, no softmax "
        "inside a module named after attention. Networks of convolutions have none; take GradCAM there."
    )


def _continue(
    should_stop: Callable[[], bool] | None, on_event: OnEvent | None, stage: str, done: int, total: int
) -> None:
    if should_stop is not None and should_stop():
        raise Cancelled(f"Cancelled during the {stage}; nothing was kept.")
    if on_event is not None:
        on_event(Event(stage, done, total))


def _trace(
    model: Any,
    pair: Any,
    maps: dict[str, AttentionMap],
    states: dict[str, np.ndarray],
    plain: Sequence[_Plain],
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
