"""`replay`: an answer forced through its model again, its attention kept where its tokens are produced."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from workbench.attention.families import family_of
from workbench.calling import verb
from workbench.capture import AttentionMap, Trace, capture
from workbench.errors import BadInputError
from workbench.generation.answer import Answer
from workbench.generation.forcing import (
    check_replayed,
    log_probabilities,
    output_seen,
    question_of,
    with_pictures,
    writer_behind,
)
from workbench.models.writer import Forced, Question
from workbench.results import OnEvent, Provenance, ShouldStop

__all__ = ["picture_seen", "replay"]

Precision = Literal["float32", "float16"]


@verb
def replay(
    model: Any,
    answer: Answer,
    *,
    pictures: Sequence[Any] | None = None,
    heads: Literal["all", "mean"] = "all",
    precision: Precision = "float16",
    budget: int = 2_000_000_000,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Trace:
    """The attention that an answer was written with: one pass over the whole of it, held to what was written.

    No hook lives inside a generation: question and answer go through the model together, and every token's
    distribution must be the one it was written with. **The map of a word is in the row before it**: a token
    is produced where the one before it is read. So query `i` of each map is the row that produced token `i`
    of the answer, and `map.queries[i]` is its place in the sequence.

    Args:
        model: the one that wrote the answer, from `models.load`; None for the one that the answer remembers.
        answer: of `write`.
        pictures: other pictures, one for each of the answer's own, that the same words are forced on. They
            are cut and scaled to the size of the answer's own, so that every token keeps its position. What
            is read then is no replay, and nothing is held to what was written.
        heads: "all", or "mean" of the heads: a site of one head, for long answers of large models.
        precision: of the weights kept; "float16" halves the memory.
        budget: bytes that the trace may take.
        on_event: is told how far it is.
        should_stop: asked in between.

    Returns:
        A `Trace` of the sequence that the model writes into: its self-attention, and its cross-attention
        where it has one. Towers and encoders are not in it.

    Raises:
        BadInputError: the answer is empty, the model writes nothing, or more bytes than the budget.
        UnsupportedError: a log-probability differs from the stored one by more than 1e-4 (other weights,
            another processor, edited tokens), or the attention cannot be read.
        Cancelled: `should_stop` returned true.

    Example:
        >>> import torch
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> from workbench.generation import replay, write
        >>> from workbench.models import as_writer
        >>> config = GPT2Config(vocab_size=9, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=8)
        >>> given = {"input_ids": torch.tensor([[5, 6, 7]])}
        >>> model = as_writer(GPT2LMHeadModel(config).eval(), tensors=given)  # of random weights
        >>> answer = write(model, start=[1, 2], max_new_tokens=3)
        >>> trace = replay(model, answer)
        >>> trace.attention("text.0").queries.tolist()  # the prompt's last place produces the first token
        [2, 3, 4]
    """
    if heads not in ("all", "mean") or precision not in ("float32", "float16"):
        raise BadInputError(
            f"heads={heads!r} and precision={precision!r} were given; expected heads 'all' or 'mean', and "
            "precision 'float32' or 'float16'."
        )
    began, writer = time.perf_counter(), writer_behind(model, answer)
    question = question_of(writer, answer)
    if pictures is not None:
        question = with_pictures(writer, question, _fitted(pictures, question))
    forced = writer.force(question, answer.tokens.tolist())
    trace, logits = _captured(forced, precision, budget, on_event, should_stop)
    logp = _logp(logits, forced, answer)
    notes = [*trace.notes, *question.notes]
    if pictures is None:
        apart = check_replayed(writer, answer, logp)
        notes.append(f"Replayed: log-probabilities as they were written, to {apart:.1g}.")
    else:
        notes.append(
            "The answer was forced on another picture than it was written about, so no log-probability is "
            "held to the stored one."
        )
    kept = {name: _mean(one) if heads == "mean" else one for name, one in trace.maps.items()}
    base = -1 if family_of(forced.module).whole_last else 0  # of tiles the one that shows the whole picture
    parameters = {"heads": heads, "precision": precision, "other": pictures is not None, "base": base}
    return replace(
        trace,
        maps=kept,
        picture=picture_seen(forced.tensors),
        text=answer.text,
        notes=tuple(notes),
        seconds=time.perf_counter() - began,
        provenance=Provenance("replay", writer.card.name, writer.weights_hash, "", parameters),
        pair=None,
        live=weakref.ref(writer),
        credit=answer.credit,
    )


def _captured(
    forced: Forced,
    precision: Precision,
    budget: int,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> tuple[Trace, Tensor]:
    """The trace of a forced pass, and its logits."""
    given = {**forced.settings, **forced.tensors}
    rows = [int(row) for row in forced.rows]

    def taken(rows: Sequence[int]) -> tuple[Trace, Tensor]:
        with output_seen(forced.module) as logits:
            trace = capture(
                forced.module, given, rows=rows, precision=precision, hidden=False, budget=budget,
                on_event=on_event, should_stop=should_stop,
            )  # fmt: skip
        return trace, logits[-1]

    trace, logits = taken(rows)
    before = trace.sites[0].query.count - len(logits)
    return taken([row + before for row in rows]) if before else (trace, logits)


def _logp(logits: Tensor, forced: Forced, answer: Answer) -> NDArray[np.float64]:
    told = log_probabilities(logits, forced.rows)
    steps = np.arange(len(answer))
    return told.cpu().numpy()[steps, answer.tokens]


def _mean(one: AttentionMap) -> AttentionMap:
    """The mean of its heads, as a site of one."""

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        return values.mean(axis=-3, keepdims=True, dtype=np.float32).astype(values.dtype)

    more = None if one.more is None else mean(one.more)
    return AttentionMap(replace(one.site, heads=1), mean(one.values), one.queries, more)


def _fitted(pictures: Sequence[Any], question: Question) -> list[Image.Image]:
    from workbench.generation.evidence.exchanging import as_pictures, fitted

    given = as_pictures(pictures)
    if len(given) != len(question.pictures):
        raise BadInputError(
            f"pictures has {len(given)}, and the answer is about {len(question.pictures)}; give one for each."
        )
    return [fitted(one, own.size) for one, own in zip(given, question.pictures, strict=True)]


def picture_seen(tensors: Mapping[str, Tensor]) -> NDArray[np.uint8] | None:
    """row x col x channel: the first picture (or tile) as the model sees it, stretched over 0 to 255; None
    where its pixels come in packed patches.
    """
    pixels = tensors.get("pixel_values")
    if pixels is None or pixels.ndim < 4 or pixels.shape[-3] != 3 or not pixels.is_floating_point():
        return None
    shown = pixels.detach().flatten(0, -4)[0].permute(1, 2, 0).float().cpu().numpy()
    low, high = float(shown.min()), float(shown.max())
    return np.asarray(255 * (shown - low) / max(high - low, 1e-12), np.uint8)
