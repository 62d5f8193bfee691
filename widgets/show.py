"""`show(result)`: the widget that fits a result, chosen by its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

from widgets.answer.answer_lens import AnswerLens
from widgets.atlas.embedding_atlas import EmbeddingAtlas
from widgets.atlas.pair import AtlasPair
from widgets.attribution.attribution_board import AttributionBoard
from widgets.fusion.fusion_board import FusionBoard
from widgets.lens.attention_lens import AttentionLens
from widgets.zero_shot.zero_shot_board import ZeroShotBoard
from workbench.attribution import Attributions, Heatmap
from workbench.calling import check_options, verb
from workbench.capture import Trace
from workbench.data import Pair, Pairs
from workbench.errors import BadInputError
from workbench.fusion import Advice, Examples, FusionReport, Meeting, Proof, Regions
from workbench.generation import Answer, Beams
from workbench.models import DualEncoder
from workbench.projection import Alignment, LayerMaps, Projection
from workbench.results import Embeddings, Ranking

__all__ = ["show"]


@verb
def show(result: Any, **options: Any) -> Any:
    """The widget for `result`. It is displayed as a cell's last line, and its choices can be read later.

    A `Ranking` becomes a `ZeroShotBoard`; a `Projection`, or a list of them with a slider between, an
    `EmbeddingAtlas`; an `Alignment` two linked ones; a `Trace` an `AttentionLens`; a `Heatmap` or
    `Attributions` an `AttributionBoard`; an `Answer` or `Beams` an `AnswerLens`; a `FusionReport`, `Proof`,
    `Regions`, `Advice`, `Meeting` or `Examples` a `FusionBoard`.

    Args:
        result: what a verb of `workbench` gave.
        options: choices of the widget by their names, `show(ranking, threshold=0.3, sort="by label")`;
            `model=` if the model that made it is no longer held.

    Returns:
        The widget.

    Raises:
        BadInputError: there is no widget for this type, and what would make a result of it; or an option that
            its widget does not have.

    Example:
        >>> from widgets import show
        >>> from workbench import data
        >>> from workbench.zeroshot import classify
        >>> board = show(classify("emoji-clip", data.load("emoji")[:4], ["a cat", "a face"]), threshold=0.3)
        >>> board.labels, board.threshold
        (['a cat', 'a face'], 0.3)
    """
    check_options(_widget.dispatch(type(result)), options, of="show")
    return _widget(result, **options)


@singledispatch
def _widget(result: Any, **_options: Any) -> Any:
    own = (kind.__name__ for kind in _widget.registry if kind not in (object, list, tuple))
    known = ", ".join(sorted(own))
    raise BadInputError(
        f"show() has no widget for a {type(result).__name__}. {_first(result)}It shows: {known}."
    )


def _first(result: Any) -> str:
    """What to make of it before it can be shown; "" where nobody can say."""
    if isinstance(result, Embeddings):
        return "Draw a map of them first: show(project(embeddings)). "
    if isinstance(result, (Pairs, Pair)) or hasattr(result, "convert"):
        return "Pictures are asked about first: show(classify(model, pairs, labels)). "
    if callable(getattr(result, "encode_texts", None)) or hasattr(result, "parameters"):
        return "A model is asked first: show(classify(model, pairs, labels)), show(capture(model, pair)). "
    if hasattr(result, "__array__"):
        return "Of vectors, draw a map first: show(project(Embeddings.from_array(vectors))). "
    if isinstance(result, (str, Path)):
        return "A saved result is opened first: show(open_ranking(folder)). "
    return ""


@_widget.register
def _(result: Ranking, *, model: DualEncoder | None = None, **choices: Any) -> ZeroShotBoard:
    return ZeroShotBoard(result, model=model, **choices)


@_widget.register
def _(
    result: Projection, *, model: DualEncoder | None = None, pairs: Pairs | None = None, **options: Any
) -> EmbeddingAtlas:
    return EmbeddingAtlas(result, model=model, pairs=pairs, **options)


@_widget.register
def _(result: Alignment, **options: Any) -> AtlasPair:
    return AtlasPair(result, **options)


@_widget.register
def _(result: LayerMaps, **options: Any) -> EmbeddingAtlas:
    return EmbeddingAtlas(result.maps, names=result.names, **options)


@_widget.register(list)
@_widget.register(tuple)
def _(result: Sequence[Any], **options: Any) -> EmbeddingAtlas:
    others = [type(one).__name__ for one in result if not isinstance(one, Projection)]
    if others or not result:
        held = f"one with a {others[0]}" if others else "an empty one"
        raise BadInputError(f"show() takes a list of projections of the same points; got {held}.")
    return EmbeddingAtlas(result, **options)


@_widget.register
def _(result: FusionReport, **more: Any) -> FusionBoard:
    return FusionBoard(result, **more)


@_widget.register
def _(result: Proof, **more: Any) -> FusionBoard:
    return FusionBoard(proof=result, **more)


@_widget.register
def _(result: Regions, **more: Any) -> FusionBoard:
    return FusionBoard(regions=result, **more)


@_widget.register
def _(result: Advice, **more: Any) -> FusionBoard:
    return FusionBoard(advice=result, **more)


@_widget.register
def _(result: Meeting, **more: Any) -> FusionBoard:
    return FusionBoard(meetings=[result], **more)


@_widget.register
def _(result: Examples, **more: Any) -> FusionBoard:
    return FusionBoard(examples=result, **more)


@_widget.register(Heatmap)
@_widget.register(Attributions)
def _(
    result: Heatmap | Attributions, *, model: DualEncoder | None = None, **choices: Any
) -> AttributionBoard:
    return AttributionBoard(result, model=model, **choices)


@_widget.register
def _(
    result: Trace, *, model: Any = None, sites: Sequence[str] | None = None, **choices: Any
) -> AttentionLens:
    return AttentionLens(result, model=model, sites=sites, **choices)


@_widget.register(Answer)
@_widget.register(Beams)
def _(
    result: Answer | Beams,
    *,
    model: Any = None,
    attention: Any = None,
    other: Any = None,
    reliance: Any = None,
    pool: Any = None,
    truths: Mapping[int, bool] | None = None,
    **choices: Any,
) -> AnswerLens:
    evidence = {"attention": attention, "other": other, "reliance": reliance}
    return AnswerLens(result, model=model, pool=pool, truths=truths, **evidence, **choices)


# A widget of one's own is registered on `show` itself, as on any function made by singledispatch.
show.register, show.registry = _widget.register, _widget.registry  # type: ignore[attr-defined]
