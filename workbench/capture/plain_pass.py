"""The plain pass of a capture: the sites there are, which are kept of them, and what that costs."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor

from workbench.attention.blocks import block_of, blocks_in
from workbench.attention.draws import Draws
from workbench.attention.output_gate import tensors_in
from workbench.attention.recorder import Recorder, recording
from workbench.attention.site_naming import notes_of, sites_of
from workbench.attention.sites import Site, with_rows
from workbench.attention.subject import Subject, kind_of
from workbench.capture.inputs import subjects_of
from workbench.capture.trace import Estimate
from workbench.errors import BadInputError, Cancelled, UnknownNameError, UnsupportedError, did_you_mean
from workbench.formatting import human_bytes, plural
from workbench.hooks import evaluated
from workbench.results import Event, OnEvent, ShouldStop
from workbench.runtime import check_memory
from workbench.values import as_sentences

__all__ = [
    "PlainPass",
    "Precision",
    "Rows",
    "afford",
    "check_asked",
    "chosen_sites",
    "estimated",
    "go_on",
    "plain_passes",
    "rows_of",
    "states_of",
]

_WRITTEN = 12  # bytes a weight while a layer is written out: scores, their softmax, a copy
Rows = Literal["all", "pooled"]
Precision = Literal["float32", "float16"]


def check_asked(rows: Any, precision: str) -> Rows | tuple[int, ...]:
    """The rows that are asked for: all, the pooled one, or those of some places.

    Raises:
        BadInputError: neither such a word nor places, or an unknown precision.
    """
    if precision not in ("float32", "float16"):
        raise BadInputError(f"precision={precision!r} was given; expected 'float32' or 'float16'.")
    if rows in ("all", "pooled") and isinstance(rows, str):
        return rows  # type: ignore[return-value]
    try:
        places = () if isinstance(rows, (str, bytes)) else tuple(operator.index(row) for row in rows)
    except TypeError:
        places = ()
    if not places:
        raise BadInputError(f"rows={rows!r} was given; expected rows 'all' or 'pooled', or places of tokens.")
    return places


@dataclass(frozen=True)
class PlainPass:
    """What the plain pass of a subject told."""

    subject: Subject
    sites: list[Site]
    blocks: dict[str, str]  # site name -> path of its block
    outputs: dict[str, Tensor]  # path of a block -> what it handed on, without its numbers
    output: list[Tensor]
    seconds: float
    draws: Draws
    notes: tuple[str, ...]


def plain_passes(
    model: Any, pair: Any, words: Sequence[str], on_event: OnEvent | None, should_stop: ShouldStop | None
) -> Iterator[PlainPass]:
    """One pass of each subject, in which attention is counted and nothing is kept.

    Raises:
        UnsupportedError: the only subject has no attention that can be read.
        Cancelled: `should_stop` returned true.
    """
    subjects = subjects_of(model, pair, words)
    for step, subject in enumerate(subjects):
        go_on(should_stop, on_event, "plain pass", step, len(subjects))
        recorder, start, draws = Recorder(sizes=True), time.perf_counter(), Draws()
        watched = recording(subject.root, recorder, blocks=blocks_in(subject.root))
        with torch.no_grad(), evaluated(subject.root), watched, draws.kept():
            output = tensors_in(subject.run())
        if not recorder.calls and len(subjects) == 1:
            raise UnsupportedError(_unreadable(subject, model, recorder))
        sites = list(sites_of(subject, recorder.calls))
        blocks = {site.name: block for site in sites if (block := block_of(site.path))}
        notes = (*notes_of(subject, recorder), *draws.notes)
        yield PlainPass(
            subject, sites, blocks, recorder.outputs, output, time.perf_counter() - start, draws, notes
        )


def states_of(
    plain: PlainPass, outputs: Mapping[str, Tensor], chosen: Mapping[str, Site]
) -> dict[str, Tensor]:
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


def rows_of(site: Site, rows: Rows | Sequence[int]) -> list[int] | None:
    """The rows of a site that are kept; None where all are."""
    if not isinstance(rows, str):
        return list(rows)
    if rows == "all" or site.kind != "self":
        return None
    if site.query.pooled is not None:
        return [site.query.pooled]
    # The text's vector is read at its end, or from all; the end is what can be kept of one row.
    real = [place for place in range(site.query.count) if place not in site.query.padded]
    return [real[-1]] if site.query.side == "text" else None


def chosen_sites(
    known: Sequence[Site], asked: str | Iterable[str] | None, rows: Rows | Sequence[int] = "all"
) -> dict[str, Site]:
    """The sites asked for by name, path or side, in the order of the forward pass.

    Raises:
        UnknownNameError: there is no such site or side.
        BadInputError: none was named, or rows of places that there are not.
    """
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


def estimated(
    plain: Sequence[PlainPass],
    chosen: Mapping[str, Site],
    rows: Rows | Sequence[int],
    precision: Precision,
    hidden: bool,
) -> Estimate:
    """Bytes and seconds of a capture, by the sizes that the plain passes told."""
    each = 2 if precision == "float16" else 4
    total = 0
    for one in plain:
        for site in one.sites:
            if site.name not in chosen:
                continue
            kept = rows_of(site, rows)
            queries = site.query.count if kept is None else len(kept)
            total += each * site.windows * site.heads * queries * site.key.count
        states = states_of(one, one.outputs, chosen) if hidden else {}
        total += sum(each * values.numel() for values in states.values())
    largest = max((site.values for one in plain for site in one.sites), default=0)
    return Estimate(tuple(chosen.values()), total, sum(one.seconds for one in plain), _WRITTEN * largest)


def afford(wanted: Estimate, budget: int, output: Sequence[Tensor]) -> None:
    """Refuse a capture that would take more than the budget, or more memory than there is.

    Raises:
        BadInputError: it would; the message says what to leave out.
    """
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


def go_on(
    should_stop: Callable[[], bool] | None, on_event: OnEvent | None, stage: str, done: int, total: int
) -> None:
    """Tell how far it is, and hear whether to stop.

    Raises:
        Cancelled: `should_stop` returned true.
    """
    if should_stop is not None and should_stop():
        raise Cancelled(f"Cancelled during the {stage}; nothing was kept.")
    if on_event is not None:
        on_event(Event(stage, done, total))
