"""Every public result copies and pickles, read-only as it was, with pictures of every origin."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from types import MappingProxyType
from typing import Any

import joblib
import numpy as np
import pytest
from fakes import FakeEncoder, colour_pairs

from tests.cases.specimens import APART, NAMES, parts, public_results
from tests.workbench.fusion.small import same
from workbench import data
from workbench.embedding import embed
from workbench.portable import Portable
from workbench.projection import (
    project,
)  # fmt: skip


def through_pickle(one: Any) -> Any:
    return pickle.loads(pickle.dumps(one))


def through_joblib(one: Any) -> Any:
    held = io.BytesIO()
    joblib.dump(one, held)
    held.seek(0)
    return joblib.load(held)


WAYS = (copy.deepcopy, copy.copy, through_pickle, through_joblib)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", public_results(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_public_result_copies_and_pickles(specimens: dict[type, Any], kind: type, way: Any) -> None:
    assert kind in specimens, f"no specimen of {kind}: add one to the list"
    one = specimens[kind]
    other = way(one)
    assert same(one, other, APART)
    assert [type(part) for part in parts(other)] == [type(part) for part in parts(one)]
    open_to_writing = [part for part in parts(other) if isinstance(part, np.ndarray) and part.flags.writeable]
    was_open = [part for part in parts(one) if isinstance(part, np.ndarray) and part.flags.writeable]
    if isinstance(one, Portable):
        assert len(open_to_writing) <= (len(was_open) if way is copy.copy else 0)
    for name in ("refused", "maps", "scores", "metrics", "versions"):
        if isinstance(getattr(one, name, None), MappingProxyType):
            assert isinstance(getattr(other, name), MappingProxyType)


def test_a_copy_still_asks_the_model_and_a_pickle_does_not(encoder: FakeEncoder) -> None:
    space = embed(encoder, colour_pairs(NAMES))
    assert copy.deepcopy(space).model is copy.copy(space).model is encoder
    assert through_pickle(space).model is None
    held = project(space, epochs=2, seed=0, neighbours=3)
    assert copy.deepcopy(held).model is encoder


@pytest.mark.parametrize(
    "name", ["shapes", "digits-words", "emoji", "photos", "easy-vqa", "in hand", "parquet", "shard", "frame"]
)
def test_pictures_of_every_origin_go_into_a_pickle(name: str, tmp_path: Path) -> None:
    pairs = _pairs(name, tmp_path)
    back = through_pickle(pairs)
    assert back.fingerprint == pairs.fingerprint and back.texts == pairs.texts
    assert dict(back.columns) == dict(pairs.columns)
    for row in range(len(pairs)):
        assert back.picture(row).tobytes() == pairs.picture(row).tobytes()
    assert copy.deepcopy(pairs).sources == pairs.sources  # what holds a picture is not copied


def _pairs(name: str, folder: Path) -> data.Pairs:
    import pandas as pd

    from tests.cases.making import png, tar

    if name == "in hand":
        return colour_pairs(NAMES)
    if name == "shard":
        return data.load(
            tar(folder / "a.tar", [("a.png", png(1)), ("a.txt", "one"), ("b.png", png(2)), ("b.txt", "two")])
        )
    if name in ("parquet", "frame"):
        table = pd.DataFrame({"image": [png(1), png(2)], "text": ["one", "two"], "size": [1, 2]})
        if name == "frame":
            return data.from_table(table)
        table.to_parquet(folder / "a.parquet")
        return data.load(folder / "a.parquet")
    options = {"n": 20} if name in ("shapes", "digits-words") else {}
    return data.load(name, **options)[:3]
