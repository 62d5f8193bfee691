"""Boards that several files of tests look at, made of stand-ins or of the smallest model that ships."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests import fusion_fakes as fakes
from tests.fusion_fakes import tell
from tests.widgets.lens_maps import IMAGE, TEXT, made
from widgets import AttentionLens, FusionBoard, show
from widgets.fusion import plane_store
from workbench import data, fusion, models
from workbench.capture import Trace, capture


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> fakes.Lab:
    """The verbs of the fusion lab, at once and without torch; nothing ships."""
    stand_in = fakes.Lab()
    monkeypatch.setattr(plane_store, "kept_planes", lambda *_, **__: {})
    for verb in ("plane_tasks", "regions", "compare", "prove", "look"):
        monkeypatch.setattr(fusion, verb, getattr(stand_in, verb), raising=False)
    return stand_in


@pytest.fixture
def board(lab: fakes.Lab) -> Iterator[FusionBoard]:
    board = show(fakes.report())
    yield board
    lab.hold = None
    assert board.wait(10)


@pytest.fixture
def plane(lab: fakes.Lab) -> Iterator[FusionBoard]:
    board = FusionBoard()
    tell(board, kind="train")
    assert board.wait(10)
    yield board
    lab.hold = None
    assert board.wait(10)


@pytest.fixture
def trace() -> Trace:
    picture = np.zeros((20, 30, 3), np.uint8)
    return Trace(made(IMAGE, IMAGE) | made(TEXT, TEXT, layers=2), picture=picture, text="a cat")


@pytest.fixture
def lens(trace: Trace) -> Iterator[AttentionLens]:
    lens = show(trace)
    yield lens
    assert lens.wait(10)


@pytest.fixture(scope="module")
def real() -> tuple[Trace, object]:
    model = models.load("shapes-clip")
    return capture(model, data.load("shapes", n=4)[0]), model
