"""`attribute`: explain one number of a pair by one method, or by several side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, overload

from torch import Tensor, nn

from workbench.attribution.available import available_methods
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.explained.explained import Explained
from workbench.attribution.explained.network import ExplainedNetwork
from workbench.attribution.explained.network_inputs import as_output
from workbench.attribution.heatmap import Attributions, Cost, Heatmap
from workbench.attribution.method_interface import Maps, MethodCard, Options
from workbench.attribution.methods.registry import METHODS, function_of, method_card
from workbench.attribution.targets import Output, Target, as_target
from workbench.calling import verb
from workbench.data.pairs_input import PairLike, as_pair
from workbench.errors import BadInputError, UnknownNameError, UnsupportedError
from workbench.models.base import DualEncoder
from workbench.models.given import as_model
from workbench.results import OnEvent, ShouldStop
from workbench.values import sentences_of

__all__ = ["attribute"]

Explainable = DualEncoder | nn.Module


@overload
def attribute(
    model: Explainable,
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
    model: Explainable,
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
    model: Explainable,
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
    """How much each patch and each word counts for one scalar that the model gives this pair.

    Args:
        model: a dual encoder of `models.load`, or its name; or any other model of transformers (BLIP, ViLT,
            FLAVA, LXMERT, BERT, GPT-2, ViT, CLIP, ...), timm or torchvision, explained by the methods that
            need no towers.
        pair: a picture with its text, `pairs[3]` or (picture, text), or a picture alone, in any form that
            `data.from_pictures` takes; for a model of transformers the tensors that its processor gives,
            one item, with settings beside them (interpolate_pos_encoding=True). A network of timm or
            torchvision takes its tensor as it is.
        method: a name from `METHODS`, those that `register_method` added included; or a list of them, or
            `["all"]`, for `Attributions`: of several, the maps of the others are there when one refuses, and
            `.refused` says why.
        target: None for the cosine with the pair's own text, a text, two texts (the first rather than the
            second), or a `Target`. For any other model a class or `output(...)`; None is the largest
            class, the match, the likeliest next token, the surest box, the best span, or the length of its
            vector where it has no head; of a mask or a depth a place must be named.
        words: readable tokens of the text, for a model of transformers.
        layer: the one layer to read, from 0, or from -1 backwards; None is the method's own choice.
        start_layer: the first of several. None is the method's own choice: "relevance" takes every layer, and
            of two towers that never meet (a CLIP, however it is given) the last of each alone, as its authors
            do.
        steps: of integrated gradients; None for 32.
        samples: of KernelSHAP and of interactions; None for a number that suits how many parts there are.
        fill: what stands where a patch is taken away: "mean", "blur", "white" or "black".
        seed: of what is random: coalitions, samples, the random map.
        batch_size: changed inputs in one pass; halved where memory runs out.
        on_event: called as the work goes on.
        should_stop: asked between batches; nothing is kept when it says true.

    Returns:
        A `Heatmap`; `Attributions` where `method` is a list.

    Raises:
        UnknownNameError: no such method.
        UnsupportedError: it does not apply to this model, and why; or gradients are switched off.
        BadInputError: an unusable target, no such layer, too few samples.
        Cancelled: `should_stop` returned true.

    Example:
        >>> from workbench import attribution, data
        >>> pair = data.load("emoji")[0]
        >>> heatmap = attribution.attribute("emoji-clip", pair, method="legrad")
        >>> heatmap.grid, heatmap.signed
        ((8, 8), False)
    """
    options = Options(layer, start_layer, steps, samples, fill, seed, batch_size)
    names = sentences_of(method, what="method")
    model = as_model(model)
    everything = names == ["all"]
    cards = [method_card(name) for name in (METHODS if everything else names)]
    if not cards:
        raise BadInputError("method is an empty list; name at least one, or ['all'].")
    if isinstance(model, nn.Module):
        begun = ExplainedNetwork(
            model, pair, as_output(model, target), words, on_event=on_event, should_stop=should_stop
        )
        ready: Callable[[], Explained] = partial(_same, begun)
    else:
        pair = as_pair(pair)
        goal = as_target(target, pair.text)
        ready = partial(
            ExplainedPair, model, pair.picture, goal, pair=pair, on_event=on_event, should_stop=should_stop
        )
    reasons = available_methods(model)
    known = {card.name: reason for card in cards if (reason := reasons[card.name]) is not None}
    if known and not everything:  # before the first of them has worked for minutes
        raise _refusal(*next(iter(known.items())), reasons)
    maps, refused, problems = [], dict(known), []
    for card in cards:
        if card.name in known:
            continue
        try:
            maps.append(_explain(ready(), card, options))
        except (UnsupportedError, BadInputError, UnknownNameError) as problem:
            refused[card.name] = str(problem)
            problems.append(problem)
    if problems and not maps:
        raise problems[0]
    return Attributions(tuple(maps), refused) if not isinstance(method, str) else maps[0]


def _same(explained: Explained) -> Explained:
    return explained


def _refusal(name: str, reason: str, reasons: Mapping[str, str | None]) -> UnsupportedError:
    works = ", ".join(other for other, why in reasons.items() if why is None) or "none"
    return UnsupportedError(f"{name!r} does not explain this model: {reason}. What does: {works}.")


def _explain(explained: Explained, card: MethodCard, options: Options) -> Heatmap:
    """One method on one item."""
    began, before = time.perf_counter(), (explained.forwards, explained.backwards)
    explained.tell(card.title, 0, 1)
    with explained.computing(card):
        maps = function_of(card.name)(explained, options)
    if not isinstance(maps, Maps):
        raise BadInputError(
            f"The function of method {card.name!r} returned {type(maps).__name__}; expected Maps(image=..., "
            "text=...)."
        )
    _ = explained.score  # what it takes is part of the cost
    explained.tell(card.title, 1, 1)
    used = explained.forwards - before[0], explained.backwards - before[1]
    return explained.heatmap(card, maps, options, Cost(*used, time.perf_counter() - began))
