"""Everything that is asked of one model by many: verbs and the jobs of widgets, each with what it gives.

A test that stops one in the middle and the stress program that runs them at once use the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.attribution import attribute, faithfulness, score_without, token_cosines
from workbench.capture import capture
from workbench.embedding import embed
from workbench.projection import place, project, project_layers
from workbench.projection.layer_maps import StoppedModel
from workbench.zeroshot import classify, retrieve

WORDS = ["a cat", "two small red birds on a wire"]
METHODS: dict[str, dict[str, Any]] = {
    "attention": {},
    "rollout": {},
    "relevance": {},
    "legrad": {},
    "grad-eclip": {},
    "grad-cam": {},
    "hires-cam": {},
    "element-cam": {},
    "layer-cam": {},
    "integrated-gradients": {"steps": 2},
    "layer-integrated-gradients": {"steps": 2},
    "occlusion": {},
    "kernel-shap": {"samples": 8},
    "interactions": {},
}
Verb = Callable[[], list[NDArray]]


def maps(model: Any, pair: Any, method: str) -> list[NDArray]:
    found = attribute(model, pair, method=method, batch_size=8, **METHODS[method])
    return [part for part in (found.image, found.text) if part is not None]


def _scores(model: Any, pair: Any) -> list[NDArray]:
    heatmap = attribute(model, pair, method="random")
    return [faithfulness(heatmap, model=model).curves["deletion"].value]


def _trace(model: Any, pair: Any) -> list[NDArray]:
    trace = capture(model, pair)
    return [part.values for part in trace.maps.values()] + [token_cosines(model, trace)]


def _stopped(model: Any, pairs: Any) -> list[NDArray]:
    short = StoppedModel(model, (1, 1))
    return [short.encode_images([pairs.picture(0)]), short.encode_texts(WORDS)]


def vectors(model: Any, pairs: Any) -> list[NDArray]:
    found = embed(model, pairs)
    return [found.image, found.text]


def verbs(model: Any, pairs: Any) -> dict[str, Verb]:
    """What a widget asks of a model while a person waits."""
    return {
        "embed": partial(vectors, model, pairs),
        "classify": lambda: [classify(model, pairs, WORDS).probability],
        "retrieve": lambda: [retrieve(model, pairs, "a cat").cosine],
        "capture": partial(_trace, model, pairs[0]),
        "stopped": partial(_stopped, model, pairs),
        "faithfulness": partial(_scores, model, pairs[0]),
        **{name: partial(maps, model, pairs[0], name) for name in METHODS},
    }


# The rest of the public verbs, and the widgets


def _placed(model: Any, pairs: Any) -> list[NDArray]:
    told = project(embed(model, pairs), epochs=5, seed=0, neighbours=3)
    return [told.points, place(told, ["a dog"], model=model).points]


def _without(model: Any, pair: Any) -> list[NDArray]:
    found = score_without(model, pair, patches=[1])
    return [np.array([found.before, found.score]), found.random]


def _layers(model: Any, pairs: Any) -> list[NDArray]:
    return [one.points for one in project_layers(model, pairs, epochs=3, seed=0, neighbours=3)]


def _met(model: Any, pair: Any) -> list[NDArray]:
    from workbench.fusion import meeting

    return [np.array([layer.share for layer in meeting(capture(model, pair)).layers], float)]


def _regions() -> list[NDArray]:
    from workbench.fusion import regions

    return [regions(["slider-1"], "xor", steps=10, size=8).probability]


def _compared() -> list[NDArray]:
    from tests.workbench.fusion.small import small_examples
    from workbench.fusion import Design, Plan, compare

    plan = Plan(design=Design(width=8), epochs=1, batch_size=64, contributions=False)
    return [compare(small_examples(items=120), ["mean-logits"], seeds=1, plan=plan).probability]


def _finished(board: Any, what: str = "") -> Any:
    assert board.wait(600), "the board's work does not end"
    said = {at: words for at, words in board.errors.items() if words}
    assert not said, f"{type(board).__name__} {what}: {said}"
    return board


def _zero_shot(model: Any, pairs: Any) -> list[NDArray]:
    from widgets import show

    board = show(classify(model, pairs, WORDS))
    board.labels = ["a dog", "a cat", "three birds"]
    board.query = "a small bird"
    _finished(board)
    found = [board.ranking.probability]
    board.close()
    return found


def _lens(model: Any, pair: Any) -> list[NDArray]:
    from widgets import show

    lens = show(capture(model, pair), model=model)
    lens.masked = {"patches": [1, 2], "words": []}
    _finished(lens)
    found = [np.array([lens.without.before, lens.without.score]), lens.without.random]
    lens.close()
    return found


def _attribution(model: Any, pair: Any) -> list[NDArray]:
    from widgets import show

    board = show(attribute(model, pair, method=["relevance", "random"]), model=model)
    board.methods = ["relevance", "hires-cam"]
    _finished(board)
    found = [one.image for one in board.attributions]
    board.close()
    return found


def _atlas(model: Any, pairs: Any) -> list[NDArray]:
    from widgets import show

    atlas = show(project(embed(model, pairs), epochs=5, seed=0, neighbours=3), model=model)
    atlas.query = "a red bird"
    _finished(atlas)
    found = [atlas.projection.points]
    atlas.close()
    return found


def everything(model: Any, pairs: Any) -> dict[str, Verb]:
    """Every public verb, and the background work of every widget."""
    return {
        **verbs(model, pairs),
        "place": partial(_placed, model, pairs),
        "score_without": partial(_without, model, pairs[0]),
        "project_layers": partial(_layers, model, pairs),
        "meeting": partial(_met, model, pairs[0]),
        "regions": _regions,
        "compare": _compared,
        "zero-shot board": partial(_zero_shot, model, pairs),
        "lens": partial(_lens, model, pairs[0]),
        "attribution board": partial(_attribution, model, pairs[0]),
        "atlas": partial(_atlas, model, pairs),
    }
