"""`attribute`: explain one number of a pair by one method, or by several side by side."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, overload

import numpy as np
from torch import Tensor, nn

from workbench.attribution.activation import CAMS, cam_maps
from workbench.attribution.available import available_methods
from workbench.attribution.baselines import centre_map, random_map
from workbench.attribution.case import Case, Options
from workbench.attribution.flow import (
    attention_maps,
    grad_eclip_maps,
    legrad_maps,
    relevance_maps,
    rollout_maps,
)
from workbench.attribution.heatmap import Attributions, Cost, Heatmap
from workbench.attribution.interactions import interaction_maps
from workbench.attribution.maps import Maps
from workbench.attribution.masking import cells_of
from workbench.attribution.methods import METHODS, MethodCard, method_card
from workbench.attribution.paths import integrated_maps, layer_integrated_maps
from workbench.attribution.perturbation import kernel_shap_maps, occlusion_maps
from workbench.attribution.targets import Output, Target, as_target
from workbench.attribution.whole import Whole
from workbench.attribution.whole_verbs import explain_whole, whole_of
from workbench.calling import verb
from workbench.data.pairs import Pair
from workbench.data.pairs_input import PairLike, as_pair, assumed_of
from workbench.errors import BadInputError, UnknownNameError, UnsupportedError
from workbench.models.adapters.tower import TwoTower
from workbench.models.base import DualEncoder
from workbench.models.given import as_model
from workbench.results import OnEvent, Provenance, ShouldStop
from workbench.values import sentences_of

__all__ = ["attribute"]

Explained = DualEncoder | nn.Module


@overload
def attribute(
    model: Explained,
    pair: PairLike | Mapping[str, Any] | Tensor,
    *,
    method: str = ...,
    target: Target | Output | str | int | Sequence[str] | None = ...,
    words: Sequence[str] = ...,
    layer: int | None = ...,
    start_layer: int | None = ...,
    steps: int | None = ...,
    samples: int | None = ...,
    fill: str = ...,
    seed: int = ...,
    batch_size: int = ...,
    on_event: OnEvent | None = ...,
    should_stop: ShouldStop | None = ...,
) -> Heatmap: ...
@overload
def attribute(
    model: Explained,
    pair: PairLike | Mapping[str, Any] | Tensor,
    *,
    method: list[str] | tuple[str, ...],
    target: Target | Output | str | int | Sequence[str] | None = ...,
    words: Sequence[str] = ...,
    layer: int | None = ...,
    start_layer: int | None = ...,
    steps: int | None = ...,
    samples: int | None = ...,
    fill: str = ...,
    seed: int = ...,
    batch_size: int = ...,
    on_event: OnEvent | None = ...,
    should_stop: ShouldStop | None = ...,
) -> Attributions: ...
@verb
def attribute(
    model: Explained,
    pair: PairLike | Mapping[str, Any] | Tensor,
    *,
    method: str | Sequence[str] = "relevance",
    target: Target | Output | str | int | Sequence[str] | None = None,
    words: Sequence[str] = (),
    layer: int | None = None,
    start_layer: int | None = None,
    steps: int | None = None,
    samples: int | None = None,
    fill: str = "mean",
    seed: int = 0,
    batch_size: int = 64,
    on_event: OnEvent | None = None,
    should_stop: ShouldStop | None = None,
) -> Any:
    """How much each patch and each word counts for one number that the model gives this pair.

    Args:
        model: a dual encoder of `models.load`, or its name; or a model of transformers (BLIP, ViLT, FLAVA,
            LXMERT, BERT, GPT-2, ViT, CLIP, ...), explained as a whole, by the methods that need no towers.
        pair: a picture with its text, `pairs[3]` or (picture, text), or a picture alone, in any form that
            `data.from_pictures` takes; for a model of transformers the tensors that its processor gives,
            one item, with settings beside them (interpolate_pos_encoding=True). A network of timm or
            torchvision takes its tensor as it is.
        method: a name from `METHODS`; or a list of them, or `["all"]`, for `Attributions`: of several, the
            maps of the others are there when one refuses, and `.refused` says why.
        target: None for the cosine with the pair's own text, a text, two texts (the first rather than the
            second), or a `Target`. For a model of transformers a class or `output(...)`; None is the largest
            class, the match, the likeliest next token, the surest box, the best span, or the length of its
            vector where it has no head; of a mask or a depth a place must be named.
        words: readable tokens of the text, for a model of transformers.
        layer: the one layer to read; start_layer: the first of several. None is the method's own choice:
            "relevance" begins at the last layer of a dual encoder, as its authors' notebook for CLIP does,
            and at the first of a model explained as a whole, as their paper does; start_layer=0 makes them
            alike.
        steps: of integrated gradients. samples: of KernelSHAP and of interactions.
        fill: what stands where a patch is taken away: "mean", "blur", "white" or "black".

    Raises:
        UnknownNameError: no such method.
        UnsupportedError: it does not apply to this model, and why; or gradients are switched off.
        BadInputError: an unusable target, no such layer, too few samples.
        Cancelled: `should_stop` returned true.
    """
    options = Options(layer, start_layer, steps, samples, fill, seed, batch_size)
    names = sentences_of(method, what="method")
    model = as_model(model)
    everything = names == ["all"]
    cards = [method_card(name) for name in (METHODS if everything else names)]
    if not cards:
        raise BadInputError("method is an empty list; name at least one, or ['all'].")
    if isinstance(model, nn.Module):
        whole = whole_of(model, pair, target, words, on_event, should_stop)
        explain = partial(_of_whole, whole, options)
    else:
        pair = as_pair(pair)
        explain = partial(_of_pair, model, pair, as_target(target, pair.text), options, on_event, should_stop)
    reasons = available_methods(model)
    known = {card.name: reason for card in cards if (reason := reasons[card.name]) is not None}
    if known and not everything:  # before the first of them has worked for minutes
        raise _refusal(*next(iter(known.items())), reasons)
    maps, refused, problems = [], dict(known), []
    for card in cards:
        if card.name in known:
            continue
        try:
            maps.append(explain(card))
        except (UnsupportedError, BadInputError, UnknownNameError) as problem:
            refused[card.name] = str(problem)
            problems.append(problem)
    if problems and not maps:
        raise problems[0]
    return Attributions(tuple(maps), refused) if not isinstance(method, str) else maps[0]


def _refusal(name: str, reason: str, reasons: Mapping[str, str | None]) -> UnsupportedError:
    works = ", ".join(other for other, why in reasons.items() if why is None) or "none"
    return UnsupportedError(f"{name!r} does not explain this model: {reason}. What does: {works}.")


def _of_whole(whole: Whole, options: Options, card: MethodCard) -> Heatmap:
    return explain_whole(whole, card, options)


def _of_pair(
    model: Any,
    pair: Pair,
    target: Target,
    options: Options,
    on_event: OnEvent | None,
    should_stop: ShouldStop | None,
    card: MethodCard,
) -> Heatmap:
    began = time.perf_counter()
    case = Case(_two_tower(model), pair.picture, target, on_event=on_event, should_stop=should_stop)
    if "gradients" in card.needs:
        case.need_gradients(card.title)
    case.tell(card.title, 0, 1)
    found = _RUN[card.name](case, options)
    score = case.score
    case.tell(card.title, 1, 1)
    picture = np.asarray(model.preprocess_view(pair.picture).convert("RGB"), np.uint8)
    parameters = {
        "method": card.name,
        "target": {"kind": target.kind, "text": target.text, "against": list(target.against)},
        "layer": found.layer,
        "start_layer": found.start_layer,
        "steps": options.steps,
        "samples": options.samples,
        "fill": options.fill,
        "asked": options.asked,
        "precision": model.precision,
    }
    return Heatmap(
        method=card.name,
        title=card.title,
        target=target,
        score=score,
        image=None if found.image is None else np.asarray(found.image, np.float32),
        text=None if found.text is None else np.asarray(found.text, np.float32),
        pairs=None if found.pairs is None else np.asarray(found.pairs, np.float32),
        tokens=tuple(case.tokens),
        picture=picture,
        layer=found.layer,
        start_layer=found.start_layer,
        signed=card.signed or card.name in ("grad-cam", "hires-cam"),
        notes=_notes(card, case, found, assumed_of(pair)),
        cost=Cost(case.forwards, case.backwards, time.perf_counter() - began),
        pair=pair,
        provenance=Provenance(
            "attribute", model.card.name, model.weights_hash, pair.key, parameters, seed=options.seed
        ),
        live=weakref.ref(model),
    )


def _notes(card: MethodCard, case: Case, found: Maps, assumed: Sequence[str] = ()) -> tuple[str, ...]:
    notes = [*found.notes, *assumed]
    if not card.uses_target:
        notes.append("the same for every text: it does not depend on the target")
    if case.truncated:
        notes.append(f"the text was cut at {len(case.tokens)} tokens")
    if found.image is not None and np.ptp(found.image) <= 1e-6 * max(np.abs(found.image).max(), 1e-30):
        notes.append("the map is flat: by this method no patch counts more than another")
    return tuple(notes)


def _two_tower(model: Any) -> TwoTower:
    if not isinstance(model, TwoTower):
        raise UnsupportedError(
            f"{type(model).__name__} is no dual encoder loaded by models.load; attribute() explains the "
            "similarity that one gives."
        )
    return model


def _random(case: Case, options: Options) -> Maps:
    chance = np.random.default_rng(options.seed + 1)
    return Maps(random_map(cells_of(case), options.seed), chance.random(len(case.tokens)))


def _centre(case: Case, options: Options) -> Maps:
    return Maps(centre_map(cells_of(case)))


_RUN: dict[str, Callable[[Case, Options], Maps]] = {
    "attention": attention_maps,
    "rollout": rollout_maps,
    "relevance": relevance_maps,
    "legrad": legrad_maps,
    "grad-eclip": grad_eclip_maps,
    **{name: partial(cam_maps, name) for name in CAMS},
    "integrated-gradients": integrated_maps,
    "layer-integrated-gradients": layer_integrated_maps,
    "kernel-shap": kernel_shap_maps,
    "occlusion": occlusion_maps,
    "interactions": interaction_maps,
    "random": _random,
    "centre": _centre,
}
