"""One result of every public class, made by the verb that makes it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

import fusion_fakes
import numpy as np
from fakes import colour_pairs

from tests.workbench.fusion.small import small_examples
from workbench import data, fusion, models
from workbench.attribution import (
    Maps,
    Options,
    attribute,
    faithfulness,
    method_card,
    output,
    pointing_card,
    score_without,
    word_pointing_card,
)
from workbench.capture import PatchGrid, capture, estimate, head_statistics
from workbench.doctor import Finding
from workbench.embedding import embed, embed_to
from workbench.fusion.inside.shipped_planes import KeptPlane
from workbench.fusion.modules.builders import fusion as built
from workbench.generation import (
    logit_lens,
    rely,
    replay,
    score_captions,
    search,
    word_attention,
    write,
)
from workbench.keeping import Kept
from workbench.labs.captions_lesson import Pointing
from workbench.labs.fusion_lesson import Corners, Verdict
from workbench.lessons import Copies
from workbench.models.base import Advice
from workbench.portable import Portable
from workbench.progress import Event
from workbench.projection import (
    align,
    measures,
    pair_ranks,
    place,
    project,
    project_layers,
    similarity,
    stability,
)  # fmt: skip
from workbench.zeroshot import (
    classify,
    parse_query,
    reject_cost,
    reliability,
    retrieve,
)

NAMES = ("red", "green", "blue", "red", "blue", "green", "red", "green")
FACES = (
    "data", "models", "embedding", "capture", "projection", "attribution", "zeroshot", "fusion", "generation", "results", "doctor",
    "lessons", "labs.fusion_lesson", "labs.captions_lesson",
)  # fmt: skip
#: What belongs to this kernel (a model in memory, code that builds a fusion), and what is compared by its content.
APART = ("live", "question", "built", "sources", "source", "examples", "code", "build", "rule")


def public_results() -> list[type]:
    """Every dataclass that a room shows, and every class of result besides."""
    found = set(_below(Portable)) - {Kept}
    for room in FACES:
        module = importlib.import_module(f"workbench.{room}")
        shown = (getattr(module, name) for name in module.__all__)
        found |= {one for one in shown if inspect.isclass(one) and is_dataclass(one)}
    own = (kind for kind in found if kind.__module__.startswith("workbench."))
    return sorted(own, key=lambda kind: (kind.__module__, kind.__qualname__))


def _below(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def parts(one: Any) -> Iterator[Any]:
    """A result, and every dataclass and array in it."""
    if isinstance(one, np.ndarray):
        yield one
    elif isinstance(one, Mapping):
        for value in one.values():
            yield from parts(value)
    elif is_dataclass(one):
        yield one
        bound = getattr(one, "_bound", {})  # to this kernel, and not part of what is kept
        for name, value in list(vars(one).items()):
            if name not in bound:
                yield from parts(value)
    elif isinstance(one, tuple | list):
        for value in one:
            yield from parts(value)


def made(encoder: Any, clip: Any, folder: Path) -> dict[type, Any]:
    """One result of each class, made by the verb that makes it."""
    pairs, emoji = colour_pairs(NAMES), data.load("emoji")[::600]
    space = embed(encoder, pairs)
    told = project(space, epochs=3, seed=0, neighbours=3)
    assert told.quality.k == 3 and told.space.vectors.shape == (16, 7)  # remembered with the map from here on
    stability(told, seeds=1)
    ranking = classify(encoder, pairs, ["red", "green", "blue"])
    known = replace(ranking, truth=ranking.best)
    maps = attribute(clip, emoji[0], method=["relevance", "random"])
    trace = capture(clip, emoji[0])
    report = fusion_fakes.report()
    shapes = data.load("shapes", n=2)
    said = ["a small red star above a large blue square", "a red circle"]
    writer = models.load("shapes-captioner")
    answer = write(writer, shapes[0].picture, max_new_tokens=3)
    question = writer.ask([shapes[0].picture])
    results = [
        pairs, pairs[0], space, told, ranking, retrieve(encoder, pairs, "a red card"), maps, trace, report,
        place(told, ["red"], model=encoder), align(told, project(space, method="pca")),
        similarity(told.points, told.points), pair_ranks(space.image, space.text), measures(told),
        project_layers(clip, emoji, epochs=2, seed=0), faithfulness(maps[0], model=clip), method_card("relevance"),
        PatchGrid("tile 2", (1, 2), (3, 4)), output(1), estimate(clip, emoji[0]), head_statistics(trace.attention("image.0")),
        score_without(clip, emoji[0], patches=[1]), reliability(known), reject_cost(known, 0.5),
        fusion_fakes.regions(), fusion_fakes.proof(), fusion_fakes.look(report, "mean-logits", report.items[:1]), report.paired(*report.fusions[:2]),
        fusion.advise(), fusion.meeting(trace), fusion.plane_tasks()[0], built("slider-1"), small_examples(),
        embed_to(folder, encoder, pairs), clip.card, clip.tokens("a cat"),
        data.card("emoji"), Advice(), Event("pictures", 1, 2), fusion.TrainingEvent("training", 1, 2),
        fusion.Spec({"image": 3, "text": 2}, {"image": 2, "text": 2}, 2), Finding("ok", "torch", "is here"),
        Copies(Path("my-notebooks")), Corners(np.zeros((2, 2)), np.zeros((2, 2), bool)), Verdict(True, "right"), Pointing(("text.0.cross",), np.zeros((2, 1, 3)), np.zeros(3), 1),
        fusion.Crossing("text.0.cross", "text", "image", "cross", 1.0, 1.0, 1.0, 1.0), KeptPlane(np.zeros((2, 2), np.float32), np.zeros((1, 2), np.float32), 1.0), *parse_query("#12 + snow"), word_pointing_card("shapes-clip"), pointing_card(),
        score_captions(said, shapes.texts, scenes=shapes.columns["scene"]),
        answer, search(writer, shapes[0].picture, width=2, max_new_tokens=3), rely(writer, answer, without="blur"),
        logit_lens(writer, answer), word_attention(replay(writer, answer), answer), question, writer.force(question, answer.tokens),
        Maps(image=np.zeros((2, 2))), Options(),
    ]  # fmt: skip
    found: dict[type, Any] = {}
    for one in parts(results):
        found.setdefault(type(one), one)
    return found
