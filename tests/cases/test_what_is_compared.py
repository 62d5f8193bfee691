"""What a comparison is made of: splits by class, classes that are classes, columns in any unit, texts that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tests.cases.comparing import QUICK, in_hand, leaks_of, noise, pairs_of
from tests.cases.making import table
from workbench import data, models
from workbench.errors import BadInputError
from workbench.fusion import compare, examples

# Drawn splits, rare classes -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("counts", [(990, 10), (500, 500), (900, 60, 30, 10), (40, 5, 3)])
def test_drawn_splits_are_stratified_as_scikit_learn_has_it(counts, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    pairs = pairs_of(
        [Image.new("RGB", (4, 4), (k // 250, k % 250, 9)) for k in range(len(labels))],
        [str(k) for k in labels],
    )
    made = examples(pairs, seed=seed)
    if min(counts) >= 10:
        rest, test = train_test_split(np.arange(len(labels)), test_size=0.15, stratify=labels, random_state=0)
        validation = train_test_split(rest, test_size=0.15 / 0.85, stratify=labels[rest], random_state=0)[1]
        for part, theirs in ((1, validation), (2, test)):
            mine = np.bincount(made.labels[made.split == part], minlength=len(counts))
            assert np.abs(mine - np.bincount(labels[theirs], minlength=len(counts))).max() <= 1
    for part in range(3):
        assert set(made.labels[made.split == part]) == set(range(len(counts)))  # even of three


def test_rare_classes_and_unequal_ones_are_said_and_measures_that_count_them_stand_beside() -> None:
    from sklearn.metrics import balanced_accuracy_score, f1_score

    random = np.random.default_rng(0)
    labels = ["pos" if k < 10 else "neg" for k in range(400)]
    report = leaks_of(pairs_of([noise(random, 8) for _ in labels], labels))
    said = " ".join(report.notes)
    assert "1 rare class (rows of train/validation/test): 'pos' 7/" in said
    assert "'neg' is 98% of the test rows" in said and "read balanced accuracy and F1" in said
    answers = report.probability[0].argmax(axis=-1)
    assert report.metrics["balanced_accuracy"][0, 0] == pytest.approx(
        balanced_accuracy_score(report.truth, answers)
    )
    assert report.metrics["f1"][0, 0] == pytest.approx(f1_score(report.truth, answers, average="macro"))
    constant = np.zeros_like(report.truth)  # "neg", the class most frequent in training
    assert report.lines["balanced chance"] == balanced_accuracy_score(report.truth, constant) == 0.5
    assert report.lines["f1 chance"] == pytest.approx(f1_score(report.truth, constant, average="macro"))
    assert {"balanced", "F1"} <= set(report._repr_html_().replace("<", ">").split(">"))


# What goes in --------------------------------------------------------------------------------------

UNITS = {
    "as it is": lambda x: x, "1e-7": lambda x: x * 1e-7, "1e-30": lambda x: x * 1e-30, "1e25": lambda x: x * 1e25,
    "Unix seconds": lambda x: 1.7e9 + 60 * x, "around 1e8": lambda x: 1e8 + x, "around 1e12": lambda x: 1e12 + x,
    "nanoseconds": lambda x: (1.7e18 + 6e10 * x).astype(np.int64),
    "points in time": lambda x: (1.7e9 + 60 * x).astype("datetime64[s]"),
}  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_a_column_says_the_same_in_every_unit(unit: str) -> None:
    from workbench.fusion.comparison.dataset import bundle

    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 240)
    column = (2 * labels - 1)[:, None] + 0.3 * random.normal(size=(240, 1))
    given = in_hand({"image": random.normal(size=(240, 4)), "tabular": UNITS[unit](column)}, labels)
    scaled = bundle(given, QUICK, 2).inputs["tabular"][0][:, 0].numpy()
    theirs = StandardScaler().fit(column[given.rows("train")]).transform(column)
    np.testing.assert_allclose(
        scaled, theirs, atol=0.03 if "time" in unit else 1e-3
    )  # whole seconds of a minute
    if unit != "as it is":
        assert (
            compare(given, ["only-tabular"], seeds=2, plan=replace(QUICK, epochs=12))
            .metrics["accuracy"]
            .min()
            > 0.95
        )


def test_what_rounding_had_taken_before_is_said() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 240)
    lost = (1.7e9 + 600 * (2 * labels - 1)[:, None]).astype(np.float32)
    given = in_hand({"image": random.normal(size=(240, 4)), "tabular": lost}, labels)
    said = " ".join(compare(given, ["only-tabular"], seeds=2, plan=QUICK).notes)
    assert "tabular: 1 feature came in float32" in said and "give float64" in said


def test_a_constant_column_adds_nothing_in_any_unit() -> None:
    from workbench.fusion.comparison.dataset import bundle

    random = np.random.default_rng(0)
    column = np.c_[np.full(240, 0.1), np.full(240, 1e9), random.normal(size=240)]
    given = in_hand({"image": random.normal(size=(240, 4)), "tabular": column}, random.integers(0, 2, 240))
    scaled = bundle(given, QUICK, 2).inputs["tabular"][0][:, 0].numpy()
    assert np.abs(scaled[:, :2]).max() < 1e-6 and scaled[:, 2].std() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("with_model", [False, True])
def test_an_empty_text_is_a_missing_text(with_model: bool) -> None:
    random = np.random.default_rng(0)
    texts = [("", "  ", "a red ball", "a blue cube")[k % 4] for k in range(40)]
    pairs = pairs_of([noise(random) for _ in texts], ["ab"[k % 3 == 0] for k in range(40)], texts=texts)
    model = models.load("emoji-clip") if with_model else None
    made = examples(pairs, model=model)
    assert made.modalities["text"].present.tolist() == [k % 4 > 1 for k in range(40)]
    report = compare(made, ["mean-logits"], seeds=1, plan=QUICK)
    assert any("text is missing from 20 items" in note for note in report.notes)


# What is no class -----------------------------------------------------------------------------------

NO_CLASSES = {
    "measured": ([0.37 * k for k in range(60)], "measured numbers .*pandas.qcut"),
    "measured, as words": ([f"{0.37 * k:.2f}" for k in range(60)], "measured numbers"),
    "tuples": ([("cat", "dog")] * 30 + [("cat",)] * 30, "several labels in one row"),
    "lists": ([["cat", "dog"]] * 30 + [["cat"]] * 30, "several labels in one row"),
    "joined by |": (["cat|dog", "cat", "dog", "cat|bird", "bird|dog"] * 12, "several labels in one row"),
    "joined by commas": (["cat, dog", "cat", "dog", "cat, bird"] * 15, "several labels in one row"),
    "vectors in words": (["[1, 0, 1]", "[0, 1, 1]", "[1, 1, 0]"] * 20, "several labels in one row"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_CLASSES)
def test_numbers_and_several_labels_are_refused_with_what_to_do(case: str) -> None:
    labels, said = NO_CLASSES[case]
    pairs = pairs_of([Image.new("RGB", (4, 4), (k, 0, 0)) for k in range(60)], ["x"] * 60)
    with pytest.raises(BadInputError, match=said):
        compare(replace(pairs, labels=tuple(labels)), ["only-image"], seeds=1)


@pytest.mark.parametrize("labels", [
    ["Food & Drink", "Animals, wild", "Animals, tame", "Tools"], ["0.5", "1.0", "1.5", "2.0"], [1, 2, 3, 4],
    ["Paris, France", "Lyon, France", "Rome, Italy", "Oslo"], [True, False, True, False], ["1.0", "2.0", "3", "4"],
])  # fmt: skip
def test_classes_that_only_look_so_are_taken(labels) -> None:
    pairs = pairs_of([Image.new("RGB", (4, 4), (k, 0, 0)) for k in range(80)], ["x"] * 80)
    assert len(examples(replace(pairs, labels=tuple(labels * 20))).classes) == len(set(labels))


def test_labels_in_hand_that_are_no_classes_are_refused() -> None:
    tokens = {"image": np.zeros((60, 2)), "text": np.zeros((60, 2))}
    with pytest.raises(BadInputError, match=r"measured numbers \(0.5, 1.5, 2.5, ...\)"):
        compare(in_hand(tokens, np.arange(60) % 3 + 0.5, ("a", "b", "c")), ["mean-logits"], seeds=1)
    with pytest.raises(BadInputError, match=r"3 labels an item.*argmax.*one at a time"):
        in_hand(tokens, np.eye(3)[np.arange(60) % 3], ("a", "b", "c"))


def test_a_column_of_lists_is_refused_as_several_labels(tmp_path: Path) -> None:
    import json

    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    rows = [{"image": "a.png", "text": "x", "label": ["cat", "dog"]}] * 20
    pairs = data.load(table(tmp_path, "\n".join(map(json.dumps, rows)), "t.jsonl"))
    with pytest.raises(BadInputError, match="several labels in one row"):
        compare(pairs, ["only-image"], seeds=1)
