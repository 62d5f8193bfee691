"""What is tried first: every public verb with everything that people hold, right and wrong.

The table of verbs is read from the rooms' `__all__`, so that a new verb is held to the same. A wrong thing must
be answered by an error of ours: one of Python's or of a library says nothing of what to do.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import workbench
from workbench import data, models
from workbench.attribution import Protocol, attribute
from workbench.capture import capture
from workbench.embedding import embed
from workbench.errors import WorkbenchError
from workbench.fusion import Design, Plan, measured, plane_tasks
from workbench.generation import replay, write
from workbench.projection import align, pair_ranks, project
from workbench.zeroshot import classify, parse_query

NO_ROOMS = ("workbench.attention", "workbench.recipes", "workbench.labs", "workbench.jupyter")


def rooms() -> list[str]:
    """The packages whose `__all__` is the public face."""
    found = [m.name for m in pkgutil.iter_modules(workbench.__path__, "workbench.") if m.ispkg]
    return sorted({*found, "widgets"} - {*NO_ROOMS})


def verbs() -> dict[str, Callable[..., Any]]:
    found = {}
    for room in rooms():
        module = importlib.import_module(room)
        for name in module.__all__:
            thing = getattr(module, name)
            widget = inspect.isclass(thing) and issubclass(thing, ipywidgets.DOMWidget)
            if inspect.isfunction(thing) or widget:
                found[f"{room.rpartition('.')[2]}.{name}"] = thing
    return found


VERBS = verbs()
WRITE = ("write", "search", "likelihood", "replay", "rely", "logit_lens", "explain_word")


@lru_cache(maxsize=1)
def held() -> dict[str, Any]:
    """Something right for every parameter that a verb needs, by the parameter's name."""
    model = models.load("emoji-clip")
    pairs = data.load("emoji")[:6]
    embeddings = embed(model, pairs)
    projection = project(embeddings, method="pca", seed=0)
    trace = capture(model, pairs[0])
    vectors = np.asarray(embeddings.image)
    shapes, writer = data.load("shapes", n=1), models.load("shapes-captioner")
    return {
        "model": model,
        "pairs": pairs,
        "pair": pairs[0],
        "pictures": [pairs[0].picture],
        "source": pairs[0].picture,
        "table": pd.DataFrame({"image": ["a.png"], "text": ["a"]}),
        "labels": ["a cat", "a dog"],
        "query": "a cat",
        "texts": ["a cat"],
        "text": "a cat",
        "other": "a dog",
        "label": "a cat",
        "among": ["a dog"],
        "name": "emoji-clip",
        "path": "folder",
        "folder": "folder",
        "embeddings": embeddings,
        "more": embeddings,
        "projection": projection,
        "first": projection,
        "second": projection,
        "row": 0,
        "k": 2,
        "shift": 0.5,
        "temperature": 0.1,
        "queries": vectors,
        "candidates": vectors,
        "vectors": vectors,
        "points": projection.points,
        "onto": projection.points,
        "image": vectors,
        "ranks": pair_ranks(vectors, vectors),
        "most": 2,
        "ranking": (ranking := classify(model, pairs, ["a cat", "a dog"])),
        "threshold": 0.5,
        "item": 0,
        "trace": trace,
        "attention": next(iter(trace.maps.values())),
        "attentions": [one for one in trace.maps.values() if one.site.name.startswith("image")],
        "heatmap": (heatmap := attribute(model, pairs[0])),
        "maps": heatmap,
        "protocol": Protocol(),
        "report": (report := measured()),
        "reports": [report],
        "fusion": "film",
        "fusions": ["film"],
        "items": [0],
        "data": pairs,
        "plan": Plan(),
        "design": Design(),
        "task": plane_tasks()[0].name,
        "limit_gb": 8.0,
        "result": projection,
        "alignment": align(projection, projection),
        "unread": [["cat"]],
        "terms": parse_query("snow"),
        "composed_vector vectors": vectors[:1],
        "contrastive_loss text": vectors,
        "alike text": np.asarray(ranking.text),
        "scene": shapes.columns["scene"][0],
        "scenes": list(shapes.columns["scene"][:1]),
        "references": ["a cat"],
        "answer": (answer := write(writer, shapes[0].picture)),
        "word_attention trace": replay(writer, answer),
        **{f"{verb} model": writer for verb in WRITE},
    }


STRANGE: dict[str, Any] = {
    "None": None,
    "a number": 3,
    "a fraction": 2.5,
    "nan": float("nan"),
    "True": True,
    "a text": "x",
    "no text": "",
    "bytes": b"x",
    "an empty list": [],
    "a list of texts": ["red", "blue"],
    "a list of None": [None],
    "a dict": {},
    "a set": {3},
    "zeros": np.zeros(3),
    "a matrix": np.zeros((2, 2)),
    "a cube": np.zeros((3, 3, 3)),
    "NaN": np.full((4, 5, 3), np.nan),
    "a tensor": torch.zeros(3),
    "a picture": Image.new("RGB", (9, 8), "red"),
    "a path that is not there": Path("not", "there.png"),
    "a table": pd.DataFrame({"a": [1]}),
    "a column": pd.Series(["red"]),
    "a model's name misspelt": "emoji-clpi",
    "a module": torch.nn.Linear(2, 2),
    "a class": dict,
    "a function": len,
    "an object": object(),
}
# What these do is not undone by a test: they drop models and vectors, or limit them for the whole process.
NOT_TRIED = {("models.unload", "name"), ("models.keep", "limit_gb")}


def tried() -> list[tuple[str, str]]:
    """Each verb with each argument that it takes by position."""
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        (name, parameter.name)
        for name, function in VERBS.items()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in by_place and (name, parameter.name) not in NOT_TRIED
    ]


def called(function: Callable[..., Any], place: str, value: Any) -> Any:
    """`function` with `value` at `place`, something right everywhere else, and told to stop at once."""
    known = inspect.signature(function).parameters
    needed = [
        one for one in known.values()
        if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]  # fmt: skip
    right = held()
    given = {
        one.name: right.get(f"{function.__name__} {one.name}", right.get(one.name))
        for one in needed if one.name != place
    } | {place: value}  # fmt: skip
    if "should_stop" in known:
        given["should_stop"] = lambda: True
    return function(**given)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of the test's own: a name given for a folder is made there."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "place"), tried())
def test_whatever_stands_there_is_taken_or_refused_in_words(name, place, elsewhere):
    wrong = []
    for what, value in STRANGE.items():
        try:
            called(VERBS[name], place, value)
        except WorkbenchError as problem:
            if len(str(problem)) < 20 or "Traceback" in str(problem):
                wrong.append(f"{what}: says no more than {str(problem)!r}")
        except Exception as problem:
            wrong.append(f"{what}: {type(problem).__name__}: {str(problem)[:100]}")
    assert wrong == []
