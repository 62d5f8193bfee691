"""A `Heatmap` of a model explained as a whole."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workbench.attention.subject import kind_of
from workbench.attribution.case import Options
from workbench.attribution.heatmap import Cost, Heatmap
from workbench.attribution.maps import Maps
from workbench.attribution.methods import MethodCard
from workbench.attribution.targets import Output
from workbench.attribution.whole import Whole
from workbench.attribution.whole_methods import WHOLE
from workbench.errors import BadInputError, UnsupportedError
from workbench.results import OnEvent, Provenance, ShouldStop

__all__ = ["explain_whole", "whole_of"]

_READS_ATTENTION = ("attention", "rollout", "relevance")  # which rows are read is found by a gradient


def whole_of(
    model: nn.Module,
    inputs: Any,
    target: Any,
    words: Sequence[str],
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
) -> Whole:
    """The model with its inputs, and the number that is explained."""
    return Whole(model, inputs, _as_output(model, target), words, on_event=on_event, should_stop=should_stop)


def explain_whole(whole: Whole, card: MethodCard, options: Options) -> Heatmap:
    """One method on one item.

    Raises:
        UnsupportedError: it does not apply, or gradients are switched off.
    """
    began, before = time.perf_counter(), (whole.forwards, whole.backwards)
    if card.name in (*_READS_ATTENTION, "integrated-gradients") and torch.is_inference_mode_enabled():
        raise UnsupportedError(
            f"{card.title} needs gradients, and torch.inference_mode() is on here. Call attribute() outside "
            "of that block, or take 'occlusion' or 'kernel-shap'."
        )
    whole.tell(card.title, 0, 1)
    with torch.enable_grad():
        found = WHOLE[card.name](whole, options)
    whole.tell(card.title, 1, 1)
    if found.image is None and found.text is None:
        held = ", ".join(whole.inputs)
        why = whole.without_picture or f"{held} hold neither a picture nor words that it could mark"
        advice = "" if card.name == "occlusion" or whole.patches is None else " Take 'occlusion'."
        raise UnsupportedError(
            f"{card.title} gives no map here: {why.removeprefix('no map of the picture: ')}.{advice}"
        )
    if not all(np.isfinite(part).all() for part in (found.image, found.text) if part is not None):
        raise UnsupportedError(
            f"{card.title} gives values here that are no finite numbers; in half precision a sum overflows. "
            "Load the model in float32."
        )
    model = whole.model
    used = whole.forwards - before[0], whole.backwards - before[1]
    asked = {"kind": "output", "text": whole.number.target.text, **vars(whole.wanted)}
    parameters = {
        "method": card.name, "target": asked,
        "layer": found.layer, "start_layer": found.start_layer, "steps": options.steps,
        "samples": options.samples, "fill": options.fill, "asked": options.asked,
    }  # fmt: skip
    return Heatmap(
        method=card.name,
        title=card.title,
        target=whole.number.target,
        score=whole.score,
        image=_float(found.image),
        text=_float(found.text),
        tokens=whole.tokens if found.text is not None else (),
        picture=whole.picture,
        layer=found.layer,
        start_layer=found.start_layer,
        signed=card.signed,
        notes=_notes(whole, card, found),
        cost=Cost(*used, time.perf_counter() - began),
        provenance=Provenance("attribute", kind_of(model), "", "", parameters, seed=options.seed),
        live=weakref.ref(model),
    )


def _as_output(model: nn.Module, target: Any) -> Output:
    """`None` lets the model's kind choose, a class's number or label names it.

    Raises:
        BadInputError: a target of a dual encoder.
    """
    if target is None or isinstance(target, Output):
        return target or Output()
    if isinstance(target, int | str) and not isinstance(target, bool):
        return Output(target)
    raise BadInputError(
        f"target is {target!r}, which is for dual encoders; a {type(model).__name__} gives scores of its "
        "own: target=output('cat'), output(3), or output(place=4) for a language model."
    )


def _float(values: NDArray | None) -> NDArray[np.float32] | None:
    return None if values is None else np.asarray(values, np.float32)


def _notes(whole: Whole, card: MethodCard, found: Maps) -> tuple[str, ...]:
    notes = [*found.notes, *([whole.number.note] if whole.number.note else [])]
    if not card.uses_target:
        notes.append("the same for every target of the same token: it does not depend on the number's value")
    if found.image is None and whole.without_picture:
        notes.append(whole.without_picture)
    if whole.given.kept is not None and whole.patches is not None:
        left_out = whole.patches[0] * whole.patches[1] - len(whole.given.kept)
        notes.append(f"{left_out} patches are masked, so the model does not see them: their value is 0")
    if whole.written is not None and card.uses_target:
        notes.append("what the decoder has written itself is no part of the map")
    if whole.places and not whole.subject.words:
        notes.append("the tokens have no names; give words=tokenizer.convert_ids_to_tokens(ids)")
    values = found.image if found.image is not None else found.text
    if values is not None and np.ptp(values) <= 1e-6 * max(np.abs(values).max(), 1e-30):
        notes.append("the map is flat: by this method nothing counts more than another")
    return tuple(notes)
