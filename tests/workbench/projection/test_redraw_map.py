"""Which reducer draws, what is said of it, and that a map drawn again is drawn as it was."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from workbench.axes import unit
from workbench.errors import BadInputError
from workbench.projection import Projection, changed_settings, project, redraw, reducers, stability
from workbench.projection.reducer_interface import Drawn, Task
from workbench.results import Embeddings


def paired(rows: int = 30) -> Embeddings:
    random = np.random.default_rng(0)
    image, text = unit(random.normal(size=(2, rows, 6)).astype(np.float32))
    return Embeddings(image, unit(text + 0.5))


class OtherReducer:
    """Draws two coordinates of the vectors, turned by the seed, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Task] = []

    def __call__(self, task: Task) -> Drawn:
        self.asked.append(task)
        angle = float(task.seed)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
        return Drawn(task.vectors[:, :2] @ turn, "other", {"epochs": task.epochs})


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> OtherReducer:
    """Stands where umap-learn does."""
    made = OtherReducer()
    monkeypatch.setitem(reducers.REDUCERS["umap"], "umap-learn", made)
    return made


def test_a_map_is_drawn_again_by_its_own_reducer_and_settings(other: OtherReducer) -> None:
    drawn = project(
        paired(), reducer="umap-learn", neighbours=7, min_dist=0.4, epochs=33, fit_at_most=50, seed=1
    )
    moved = redraw(drawn, shift=0.5)
    again = redraw(drawn, seed=9)
    assert {one.reducer for one in (drawn, moved, again)} == {"other"}
    for task in other.asked:
        assert (task.near, task.min_dist, task.epochs, len(task.vectors)) == (7, 0.4, 33, 50)
    assert (moved.mode, moved.shift, moved.seed) == ("shifted", 0.5, 1)
    assert (again.mode, again.seed) == ("joint", 9)


def test_other_seeds_are_drawn_by_the_reducer_whose_map_is_judged(other: OtherReducer) -> None:
    drawn = project(paired(), reducer="umap-learn", seed=1)
    assert stability(drawn, seeds=2).agreement.min() == 1  # a turn changes no neighbour
    assert [task.seed for task in other.asked] == [1, 2, 3]


def test_only_settings_that_were_asked_for_need_to_be_said(other: OtherReducer) -> None:
    assert changed_settings(project(paired(), seed=0)) == {}
    asked: dict[str, Any] = {"reducer": "umap-learn", "neighbours": 7, "epochs": 33}
    assert changed_settings(project(paired(), seed=0, **asked)) == asked
    assert changed_settings(project(paired(), method="pca")) == {}


def test_points_made_elsewhere_are_not_drawn_again() -> None:
    with pytest.raises(BadInputError, match="made elsewhere; only a map drawn by project"):
        redraw(Projection.from_points(np.eye(4, 2)))


class FakeCuml:
    """cuML's UMAP as far as it is used: it keeps its options and gives the start back."""

    made: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, **options: Any) -> None:
        self.made.append(options)

    def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
        assert len(vectors) == len(self.made[-1]["init"])
        return self.made[-1]["init"]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice of a reducer believes in a GPU; nothing is computed on it."""
    monkeypatch.setattr(reducers, "choose_device", lambda _device: torch.device("cuda"))


def test_cuml_draws_where_it_imports_beside_a_gpu_and_is_named_with_our_graph(gpu, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "cuml", SimpleNamespace(UMAP=FakeCuml, __version__="26.10"))
    drawn = project(paired(), seed=4, neighbours=6)
    assert drawn.reducer == "cuML UMAP 26.10 on a GPU"
    index, apart = FakeCuml.made[-1]["precomputed_knn"]
    np.testing.assert_array_equal(index[:, 0], np.arange(60))  # a row is its own first neighbour
    np.testing.assert_array_equal(index[:, 1:], drawn.neighbours.index[:, :5])
    np.testing.assert_array_equal(apart[:, 1:], drawn.neighbours.distance[:, :5])
    assert FakeCuml.made[-1]["random_state"] == 4


def test_a_cuml_that_does_not_import_is_said_and_torch_draws(gpu, monkeypatch) -> None:
    class Broken:
        """A driver that does not fit: importing raises what is no ImportError."""

        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "cuml":
                raise RuntimeError("undefined symbol __nvJitLink")

    monkeypatch.setattr(reducers, "_has", lambda name: name == "cuml")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "cuml", raising=False)
    name, _, remark = reducers.chosen_reducer("umap", None)
    assert name == "torch"
    assert "does not import here (RuntimeError: undefined symbol __nvJitLink)" in remark[0]


def test_a_cuml_that_fails_while_drawing_leaves_the_map_to_torch_and_says_so(gpu, monkeypatch) -> None:
    class Failing(FakeCuml):
        """A version that does not take a start."""

        def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
            raise TypeError("init as an array")

    monkeypatch.setitem(sys.modules, "cuml", SimpleNamespace(UMAP=Failing, __version__="26.10"))
    monkeypatch.setattr(reducers, "_torch_umap", lambda task: Drawn(task.vectors[:, :2], "torch UMAP"))
    drawn = project(paired(), seed=4, neighbours=6)
    assert drawn.reducer == "torch UMAP"
    assert drawn.parameters["reducer"] == "torch"  # so that it is drawn again by torch as well
    assert any("cuML failed (TypeError: init as an array)" in note for note in drawn.notes)
    with pytest.raises(TypeError, match="init"):
        project(paired(), seed=4, neighbours=6, reducer="cuml")


def test_without_a_gpu_cuml_is_not_even_imported(monkeypatch) -> None:
    monkeypatch.setattr(reducers, "choose_device", lambda _device: torch.device("cpu"))
    monkeypatch.setattr(reducers, "_has", lambda _name: True)
    monkeypatch.setattr(reducers, "_why_not", lambda _name: pytest.fail("imported"))
    assert reducers.chosen_reducer("umap", None)[0] == "torch"
