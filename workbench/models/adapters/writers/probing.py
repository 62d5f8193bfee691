"""What a writer can do, found by trying it once when it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from workbench.attention.recorder import Recorder, recording
from workbench.errors import UnsupportedError, WorkbenchError
from workbench.formatting import one_line
from workbench.hooks import hooked, looked_up
from workbench.models.adapters.writers.layout import handed_to_generate, sees
from workbench.models.adapters.writers.reading import ByProcessor
from workbench.models.adapters.writers.steps import one_at_a_time, prepare
from workbench.models.adapters.writers.writer import TransformersWriter
from workbench.models.writer import Question
from workbench.runtime import is_out_of_memory

__all__ = ["probe_writer"]

_FAILURES = (
    WorkbenchError, RuntimeError, TypeError, ValueError, AttributeError, AssertionError, LookupError,
    NotImplementedError,
)  # fmt: skip
_SIDE = 64
_TOKEN = 1  # any will do


def probe_writer(writer: TransformersWriter) -> TransformersWriter:
    """The same writer with its capabilities, end marks and rules.

    Raises:
        UnsupportedError: it does not write.
    """
    found: dict[str, str | None] = {}
    asked: list[Question] = []
    found["write"] = _reason(lambda: asked.append(_question(writer)))
    if asked:
        found["write"] = _reason(lambda: _begin(writer, asked[0]))
    found["see"] = _sight(writer, asked[0] if asked else None)
    reading = writer._reading
    template = getattr(reading, "template", None) if isinstance(reading, ByProcessor) else None
    found["converse"] = None if template is not None else "its processor has no chat template"
    for name, attempt in (("gradients", _gradients), ("attend_answer", _attends)):
        found[name] = found["write"] or _reason(lambda attempt=attempt: attempt(writer, asked[0]))  # type: ignore[misc]
    if found["write"] is not None:
        raise UnsupportedError(f"{writer.card.name} does not write here: {found['write']}.")
    writer.capabilities = MappingProxyType(found)
    return writer


def _question(writer: TransformersWriter) -> Question:
    if not isinstance(writer._reading, ByProcessor):
        return writer.ask()
    eyes = sees(writer.module) and writer._reading.has_eyes
    # Noise, not grey: on a flat picture some gradients are zero for a good reason.
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    return writer.ask([Image.fromarray(noise)] if eyes else [], "a")


def _begin(writer: TransformersWriter, question: Question) -> None:
    states: dict[int, Any] = {}
    writer.take_over(prepare(writer.module, handed_to_generate(writer.module, question.tensors), states))
    first = writer.begin(question)
    if not torch.isfinite(first.logits).any():
        raise UnsupportedError(
            f"its scores are not numbers in {writer.precision}; load it with dtype='float32'"
        )
    first.extend([int(first.logits[0].argmax())])


def _sight(writer: TransformersWriter, question: Question | None) -> str | None:
    if not sees(writer.module):
        return f"{type(writer.module).__name__} takes no picture: it writes from a text alone"
    if isinstance(writer._reading, ByProcessor) and not writer._reading.has_eyes:
        return "its folder has no image processor"
    if question is None:
        return "it could not be asked about one"
    return None


def _forced(
    writer: TransformersWriter, question: Question, tensors: dict[str, Tensor] | None = None
) -> Tensor:
    """Logits of one answer token, by the one pass."""
    forced = writer.force(question, [_TOKEN])
    output = forced.module(**{**forced.tensors, **(tensors or {})}, **forced.settings)
    if getattr(output, "logits", None) is None:
        raise UnsupportedError(f"{type(writer.module).__name__} gives no logits in one pass")
    return output.logits[:, forced.rows]


def _gradients(writer: TransformersWriter, question: Question) -> None:
    pixels = next((name for name in ("pixel_values", "flattened_patches") if name in question.tensors), "")
    with one_at_a_time(writer.module), torch.enable_grad():
        if pixels:
            given = question.tensors[pixels].detach().clone().requires_grad_()
            logits = _forced(writer, question, {pixels: given})
        else:
            given, logits = _through_words(writer, question)
        (gradient,) = torch.autograd.grad(logits.float().logsumexp(-1).sum(), given, allow_unused=True)
    if gradient is None or not torch.isfinite(gradient).all() or not gradient.abs().sum() > 0:
        raise UnsupportedError("a change of what is written next does not reach its inputs")


def _through_words(writer: TransformersWriter, question: Question) -> tuple[Tensor, Tensor]:
    """Logits with the looked-up words as their input."""
    words: list[Tensor] = []

    def grown(_: Any, __: Any, output: Tensor) -> Tensor:
        words.append(output.detach().requires_grad_())
        return words[-1]

    ids = writer.force(question, [_TOKEN]).tensors["input_ids"]
    with torch.no_grad(), looked_up(writer.module, ids) as tables:
        _forced(writer, question)
    if not tables:
        raise UnsupportedError("where it looks its words up cannot be found")
    with hooked(tables[0], after=grown):
        logits = _forced(writer, question)
    return words[0], logits


def _attends(writer: TransformersWriter, question: Question) -> None:
    recorder = Recorder()
    with one_at_a_time(writer.module), recording(writer.module, recorder):
        _forced(writer, question)
    if not any(call.query > 1 or call.key > 1 for call in recorder.calls):
        raise UnsupportedError("its attention is not computed where it can be read")


def _reason(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except _FAILURES as problem:
        if is_out_of_memory(problem):
            raise
        return one_line(str(problem) or type(problem).__name__, most=200)
    return None
