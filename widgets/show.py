"""`show(result)`: the widget that fits a result, chosen by its type."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from widgets.atlas.embedding_atlas import EmbeddingAtlas
from widgets.atlas.pair import AtlasPair
from widgets.attribution.attribution_board import AttributionBoard
from widgets.fusion.fusion_board import FusionBoard
from widgets.lens.attention_lens import AttentionLens
from widgets.zero_shot.zero_shot_board import ZeroShotBoard
from workbench.attribution import Attributions, Heatmap
from workbench.capture import Trace
from workbench.data import Pairs
from workbench.data.examples import Examples
from workbench.errors import BadInputError
from workbench.fusion import FusionReport, Meeting, Proof, Regions
from workbench.models.base import DualEncoder
from workbench.projection import Alignment, LayerMaps, Projection
from workbench.results import Ranking

__all__ = ["show"]


@singledispatch
def show(result: Any, **_options: Any) -> Any:
    """The widget for `result`. It is displayed as a cell's last line, and its choices can be read later.

    A `Ranking` becomes a `ZeroShotBoard`; a `Projection`, or a list of them with a slider between, an
    `EmbeddingAtlas`; an `Alignment` two linked ones; a `Trace` an `AttentionLens`; a `Heatmap` or
    `Attributions` an `AttributionBoard`; a `FusionReport`, `Proof`, `Regions`, `Meeting` or
    `Examples` a `FusionBoard`.
    Pass `model=` if the model that made it is no longer held.

    Raises:
        BadInputError: there is no widget for this type; the message lists those there are.
    """
    own = (kind.__name__ for kind in show.registry if kind not in (object, list, tuple))
    known = ", ".join(sorted(own))
    raise BadInputError(f"show() has no widget for a {type(result).__name__}. It shows: {known}.")


@show.register
def _(result: Ranking, *, model: DualEncoder | None = None) -> ZeroShotBoard:
    return ZeroShotBoard(result, model=model)


@show.register
def _(
    result: Projection, *, model: DualEncoder | None = None, pairs: Pairs | None = None, **options: Any
) -> EmbeddingAtlas:
    return EmbeddingAtlas(result, model=model, pairs=pairs, **options)


@show.register
def _(result: Alignment, **options: Any) -> AtlasPair:
    return AtlasPair(result, **options)


@show.register
def _(result: LayerMaps, **options: Any) -> EmbeddingAtlas:
    return EmbeddingAtlas(result.maps, names=result.names, **options)


@show.register(list)
@show.register(tuple)
def _(result: Sequence[Any], **options: Any) -> EmbeddingAtlas:
    others = [type(one).__name__ for one in result if not isinstance(one, Projection)]
    if others or not result:
        held = f"one with a {others[0]}" if others else "an empty one"
        raise BadInputError(f"show() takes a list of projections of the same points; got {held}.")
    return EmbeddingAtlas(result, **options)


@show.register
def _(result: FusionReport) -> FusionBoard:
    return FusionBoard(result)


@show.register
def _(result: Proof) -> FusionBoard:
    return FusionBoard(proof=result)


@show.register
def _(result: Regions) -> FusionBoard:
    return FusionBoard(regions=result)


@show.register
def _(result: Meeting) -> FusionBoard:
    return FusionBoard(meetings=[result])


@show.register
def _(result: Examples) -> FusionBoard:
    return FusionBoard(examples=result)


@show.register(Heatmap)
@show.register(Attributions)
def _(result: Heatmap | Attributions, *, model: DualEncoder | None = None) -> AttributionBoard:
    return AttributionBoard(result, model=model)


@show.register
def _(result: Trace, *, model: Any = None, sites: Sequence[str] | None = None) -> AttentionLens:
    return AttentionLens(result, model=model, sites=sites)
