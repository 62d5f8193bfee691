"""No label is no class; labels are shown, filtered and given back as they came."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.cases.making import png
from widgets.atlas.colour import UNKNOWN, by_label
from widgets.atlas.labels import UNLABELLED, chosen_items, label_names
from widgets.atlas.projection_view import filter_marks, landmarks
from workbench import data
from workbench.axes import unit
from workbench.data.examples import Examples, Tokens
from workbench.errors import BadInputError
from workbench.fusion.tokens import examples
from workbench.projection import Projection, measures, project
from workbench.results import Embeddings
from workbench.values import classes_of

GAPS = ["", "  ", None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("nan")]
KINDS = {
    "words": ["a", "b", "c"] * 20,
    "ints": [1, 2, 3] * 20,
    "bools": [True, False] * 30,
    "np.int64": list(np.arange(60) % 3),
    "ImageNet": ["great white shark, white shark, man-eater, man-eating shark, Carcharodon carcharias"] * 30 + ["tench"] * 30,
    "long and alike": ["x" * 70 + "a"] * 30 + ["x" * 70 + "b"] * 30,
    "two spaces": ["red  fox", "b", "b"] * 20,
    "a space before": [" fox", "fox", "b"] * 20,
    "two lines": ["red\nfox", "red fox", "b"] * 20,
    "mixed": [1, "1", True, "a", 2.5, None] * 10,
    "named like the gap": ["no label", "a", ""] * 20,
}  # fmt: skip


def paired(labels) -> Embeddings:
    random = np.random.default_rng(0)
    image = unit(random.normal(size=(60, 16)).astype("f4"))
    text = unit(image + 0.3 * random.normal(size=image.shape).astype("f4"))
    return Embeddings(image, text, tuple(map(str, range(60))), tuple(labels))


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: repr(gap))
def test_figures_of_labels_are_those_of_the_labelled_rows(gap: object) -> None:
    labels = [gap if k % 3 == 0 else "ab"[k % 2] for k in range(60)]
    rows = [k for k in range(60) if k % 3]
    whole = paired(labels)
    known = Embeddings(
        whole.image[rows], whole.text[rows], tuple(map(str, rows)), tuple(labels[k] for k in rows)
    )
    for key in ("zero_shot", "margin"):
        (all_of,), (only,) = (
            [
                (m.shown, m.twin, m.sample)
                for m in measures(project(found, method="pca", seed=0))
                if m.key == key
            ]
            for found in (whole, known)
        )
        assert all_of == only


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: repr(gap))
def test_legend_landmarks_and_filter_keep_the_unlabelled_apart(gap: object) -> None:
    projection = project(paired([gap, "a", "b"] * 20), method="pca", seed=0)
    shown = by_label(projection.labels or ())
    assert [(entry["text"], entry["count"]) for entry in shown.legend["entries"]] == [
        ("a", 40),
        ("b", 40),
        (UNLABELLED, 40),
    ]
    assert (shown.codes.reshape(2, 20, 3)[:, :, 0] == UNKNOWN).all()
    assert {mark["text"] for mark in landmarks(projection, shown)} == {"a", "b", "a (texts)", "b (texts)"}
    assert (filter_marks(projection, [UNLABELLED]).reshape(2, 20, 3) == [0, 2, 2]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_of_the_legend_filters_as_many_points_as_it_counts(kind: str) -> None:
    projection = project(
        Embeddings.from_array(np.random.default_rng(0).normal(size=(60, 8)), labels=KINDS[kind]),
        method="pca",
        seed=0,
    )
    entries = by_label(projection.labels or ()).legend["entries"]
    assert len({entry["text"] for entry in entries}) == len(entries)
    for entry in entries:
        assert int((filter_marks(projection, [entry["text"]]) == 0).sum()) == entry["count"]
    assert sum(entry["count"] for entry in entries) == 60


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_given_back_as_they_came(kind: str) -> None:
    given = KINDS[kind]
    back = Embeddings.from_array(np.eye(60), labels=given).labels
    assert all(one == other or one is None for one, other in zip(back, given, strict=True))
    assert {type(label).__module__ for label in back} <= {"builtins"}


def test_a_label_can_be_chosen_as_it_is_where_it_is_shown_otherwise() -> None:
    long = "great white shark, white shark, man-eater, man-eating shark, Carcharodon carcharias"
    assert chosen_items([long, "b", " fox"], [long]).tolist() == [True, False, False]
    assert chosen_items([long, "b", " fox"], [" fox"]).tolist() == [False, False, True]
    assert label_names([1, "1", True])[0] == ("True", "1", "1 (2)")


def test_labels_of_several_kinds_are_several_classes_in_order() -> None:
    classes, codes = classes_of([10, 9, None, "10", "", True, np.nan])
    assert (classes, codes.tolist()) == ((True, 9, 10, "10"), [2, 1, -1, 3, -1, 0, -1])


@pytest.mark.parametrize(
    ("what", "values"), [("labels", ["a"] * 90), ("labels", ["a"]), ("texts", ["t"] * 7)]
)
def test_lengths_that_do_not_match_are_refused_by_name(what: str, values: list[str]) -> None:
    made = Embeddings.from_array(np.eye(60), **{what: values})
    said = f"The {what} were refused: {len(values)} for 60 items; expected one each."
    assert not getattr(made, what)
    assert said in project(made, method="pca", seed=0).notes
    with pytest.raises(BadInputError, match=f"{what} has {len(values)} entries"):
        replace(Embeddings.from_array(np.eye(60)), **{what: tuple(values)})


def test_pairs_with_labels_of_any_kind_show_themselves_and_are_compared() -> None:
    pairs = data.from_pictures([png(k) for k in range(40)], texts=[f"word {k % 3}" for k in range(40)])
    pairs = replace(pairs, labels=tuple([1, 2, None, float("nan")] * 10))
    assert repr(pairs) == "Pairs('pictures', 40 pictures, 2 labels, 20 without one)"
    assert "nan" not in pairs._repr_html_() and "None" not in pairs._repr_html_()
    assert pairs.fingerprint
    made = examples(pairs)
    assert (made.classes, len(made)) == (("1", "2"), 20)
    assert "20 rows without a label left out" in made.notes


def example(labels) -> Examples:
    tokens = {name: Tokens.of(np.ones((6, 3))) for name in ("image", "text")}
    return Examples("x", tokens, labels, ("a", "b"), np.array([0, 0, 0, 0, 1, 2], np.uint8))


def test_class_numbers_are_those_of_the_classes() -> None:
    assert example([0, 1, np.nan, 1, 0, 1]).labels.tolist() == [0, 1, -1, 1, 0, 1]
    with pytest.raises(BadInputError, match="labels holds 2; class numbers go from 0 to 1"):
        example([1, 2, 1, 2, 1, 2])
    with pytest.raises(BadInputError, match="expected class numbers"):
        example(["a", "b", "a", "b", "a", "b"])
    measured = example([0.2, 1.7, 1.0, 0.0, 0.0, 0.0])
    assert "measured numbers (0.2, 1.7, ...)" in measured.notes[0] and measured.take([0, 1]).measured


def test_labels_given_beside_embeddings_of_a_map_from_elsewhere_are_used() -> None:
    known = Embeddings.from_array(np.eye(20), labels=["a"] * 20)
    made = Projection.from_points(
        np.random.default_rng(0).normal(size=(20, 2)), embeddings=known, labels=["b"] * 20
    )
    assert made.labels == ("b",) * 20
    with pytest.raises(BadInputError, match="labels has 3 entries"):
        Projection.from_points(np.zeros((20, 2)), embeddings=known, labels=["b"] * 3)
