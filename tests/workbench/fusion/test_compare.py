from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.workbench.fusion.small import small_examples
from workbench import data, models
from workbench.data.examples import Tokens
from workbench.errors import BadInputError, Cancelled, UnavailableError, UnknownNameError, UnsupportedError
from workbench.fusion import Design, Plan, TrainingEvent, compare, examples, fused, look
from workbench.projection import align, project

QUICK = Plan(design=Design(width=8), epochs=2, batch_size=32, contributions=False)
NAMES = ["mean-logits", "low-rank", "only-image"]


@pytest.fixture(scope="module")
def full():
    """Two seeds of three fusions on XOR, everything measured."""
    plan = Plan(design=Design(width=16), epochs=8, batch_size=32, learning_rate=8e-3)
    return compare(small_examples(items=800), NAMES, seeds=2, plan=plan)


@pytest.mark.slow
def test_on_xor_a_sum_stays_at_its_ceiling_and_a_product_solves_it(full) -> None:
    mean, _, _ = full.interval("accuracy").T
    assert full.complete and full.fusions == tuple(NAMES)
    assert mean[0] <= 0.77 and mean[1] > 0.95 and mean[2] < 0.62
    assert full.metrics["auroc"][0] == pytest.approx(0.5, abs=0.13)  # 200 test items
    assert full.lines["bayes_accuracy"] == 1 and full.lines["ln K"] == pytest.approx(np.log(2))
    paired = full.paired("low-rank", "mean-logits")
    assert paired.seeds == 2 and paired.mean == pytest.approx(mean[1] - mean[0], abs=1e-6)
    said = f"Paired(accuracy of low-rank minus mean-logits: {paired.mean:+.3f} ({paired.low:.3f} to "
    assert repr(paired).startswith(said) and repr(paired).endswith(", 2 seeds)")
    assert repr(replace(paired, mean=0.1, seeds=1)).endswith(": +0.100, 1 seed)")


def test_contributions_name_the_synergy_and_stay_efficient(full) -> None:
    found = full.contributions
    assert found.shapley.sum(axis=-1) == pytest.approx(found.value[..., -1] - found.value[..., 0], abs=1e-6)
    assert found.interaction[1].min() > 0.35 and abs(found.interaction[2]).max() < 0.1
    assert found.emap_gap[1].min() > 0.1 and found.emap_gap[0] == pytest.approx(0, abs=1e-6)
    assert found.additive_share[0] == pytest.approx(1, abs=1e-3) and found.emap_items == 64
    exact = found.pid["data"]
    assert exact.estimator.startswith("exact") and exact.synergistic > 0.9 and len(exact.null) == 4
    assert found.pid["low-rank"].synergistic > 0.8
    assert np.isfinite(found.gradient_cosine[1]).all() and np.isfinite(found.gradient_ratio[1]).all()


def test_robustness_counts_what_was_really_changed(full) -> None:
    for curve in full.robustness:
        assert curve.accuracy.shape == (3, 2, len(curve.levels))
        assert curve.accuracy[:, :, 0] == pytest.approx(full.metrics["accuracy"], abs=1e-6)
        assert curve.realised[0] == 0 and (np.diff(curve.realised) >= 0).all()
        assert curve.realised[-1] == curve.items == 200
    text = next(c for c in full.robustness if (c.kind, c.modality) == ("missing", "text"))
    assert (text.accuracy[2] == text.accuracy[2, :, :1]).all()  # the picture alone never reads the text


def test_what_training_left_out_is_counted_beside_what_was_asked() -> None:
    """240 items, 120 of them in training, 3 whole batches of 32 an epoch: two epochs of two seeds show 384."""
    plan = replace(QUICK, p_missing_train=0.5)
    report = compare(small_examples(), ["mean-logits"], seeds=2, plan=plan)
    (note,) = [note for note in report.notes if "p_missing_train" in note]
    assert note.startswith("p_missing_train 0.5 (never both): of 384 items shown in training, without image ")
    counts = [int(count) for count in re.findall(r"(\d+) times", note)]
    # half and half alone would lose both in a quarter, and one of them is given back: 3 in 8 each
    assert counts == pytest.approx([384 * 3 / 8] * 2, abs=40) and sum(counts) <= 384
    assert {curve.p_missing_train for curve in report.robustness} == {0.5}
    assert not any(
        "p_missing" in note for note in compare(small_examples(), ["gmu"], seeds=1, plan=QUICK).notes
    )


def test_budgets_are_counted_and_unequal_ones_are_named(full) -> None:
    assert (full.budget.flops == full.budget.flops_formula).all()
    assert full.budget.unmatched == ("only-image",)
    assert any("unequal budgets: only-image" in note for note in full.notes)
    assert (full.budget.memory_mb > 0).all() and (full.budget.p95_ms >= full.budget.p50_ms).all()


def test_the_epoch_is_that_of_the_least_validation_loss(full) -> None:
    assert (full.epoch == full.curves["validation_loss"].argmin(axis=2) + 1).all()


def test_looking_into_an_item_gives_the_reports_own_answer(full) -> None:
    found = look(full, "low-rank", full.items[:3])
    assert found.probability == pytest.approx(full.probability[1, :3], abs=1e-5)
    assert set(found.per_modality) == {"image", "text"}
    assert np.abs(found.interaction).max() > 0.5
    assert np.abs(look(full, "mean-logits", full.items[:3]).interaction).max() < 1e-4
    with pytest.raises(UnknownNameError, match="it holds mean-logits, low-rank, only-image"):
        look(full, "gmu", [0])
    with pytest.raises(BadInputError, match="item 9000; expected at least one item number from 0 to 799"):
        look(full, "low-rank", [9000])


def test_fused_spaces_are_maps_of_the_same_items_with_their_answers(full) -> None:
    found = fused(full, "low-rank")
    given = full.fused["low-rank"]
    lengths = np.linalg.norm(given, axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors, given / lengths, atol=1e-6)
    assert len(found) == len(full.items) and found.labels[0] == full.classes[full.truth[0]]
    first, second = (project(fused(full, name), method="pca") for name in ("mean-logits", "low-rank"))
    assert align(first, second).change.shape == (len(full.items),)
    with pytest.raises(UnknownNameError, match="it holds mean-logits"):
        fused(full, "gmu")
    silent = replace(full, fused=dict(full.fused) | {"low-rank": np.zeros_like(given)})
    with pytest.raises(BadInputError, match=r"nothing but zeros of 200 of 200 items, first item \d+"):
        fused(silent, "low-rank")


def test_csv_and_latex_carry_the_configuration_and_the_seeds(full) -> None:
    rows = list(csv.DictReader(io.StringIO(full.to_csv())))
    assert len(rows) == 6 and {row["config_hash"] for row in rows} == {full.config_hash}
    assert [row["seed"] for row in rows[:2]] == ["0", "1"]
    latex = full.to_latex()
    assert f"config {full.config_hash}; seeds 0, 1" in latex and r"\textbf{" in latex and r"$\pm$" in latex


def test_the_same_settings_give_the_same_numbers_and_hash_and_others_do_not() -> None:
    given = small_examples()
    first, again = (compare(given, ["gmu"], seeds=2, plan=QUICK) for _ in range(2))
    assert (first.metrics["nll"] == again.metrics["nll"]).all() and first.config_hash == again.config_hash
    other = compare(given, ["gmu"], seeds=2, plan=replace(QUICK, epochs=1))
    assert other.config_hash != first.config_hash


def test_training_apart_keeps_stacking_at_chance_on_xor_and_refuses_early_fusion() -> None:
    plan = replace(QUICK, training="separate", epochs=4)
    report = compare(small_examples(items=400), ["stacking", "early-tokens"], seeds=2, plan=plan)
    assert report.fusions == ("stacking",) and report.metrics["accuracy"].max() < 0.68
    assert "cannot be trained apart" in report.broken["early-tokens"]
    with pytest.raises(UnsupportedError, match="Nothing is left to compare"):
        compare(small_examples(), ["early-tokens"], seeds=1, plan=plan)


def test_an_interrupted_run_keeps_what_was_finished() -> None:
    done = []
    report = compare(
        small_examples(), ["mean-logits", "gmu", "film"], seeds=2, plan=QUICK,
        on_event=lambda event: done.append(event.fusion), should_stop=lambda: done.count("gmu") == 1,
    )  # fmt: skip
    assert not report.complete and "interrupted after 1 fusion of 3" in " ".join(report.notes)
    assert np.isfinite(report.metrics["accuracy"][0]).all() and np.isnan(report.metrics["accuracy"][1:]).all()
    assert np.isfinite(report.curves["train_loss"][1, :, 0]).all()  # the curve as far as it went
    assert (report.epoch[1:] == -1).all() and "interrupted" in repr(report)
    assert report.to_csv().count("\n") == 7 and "--" in report.to_latex()
    with pytest.raises(UnavailableError, match="gmu was not finished"):
        look(report, "gmu", report.items[:1])


def test_the_stop_button_of_a_notebook_keeps_what_was_finished_too() -> None:
    def stop(event) -> None:
        if event.fusion == "gmu":
            raise KeyboardInterrupt

    report = compare(small_examples(), ["mean-logits", "gmu"], seeds=1, plan=QUICK, on_event=stop)
    assert not report.complete and np.isfinite(report.metrics["accuracy"][0]).all()
    assert np.isnan(report.metrics["accuracy"][1]).all()


def test_rows_without_a_label_are_left_out_and_counted() -> None:
    given = small_examples()
    labels = given.labels.copy()
    labels[[3, 130, 200]] = -1  # one of each part
    report = compare(replace(given, labels=labels), ["mean-logits"], seeds=1, plan=QUICK)
    assert report.counts == {"train": 119, "validation": 59, "test": 59}
    assert "3 items without a label left out." in report.notes


def test_cancelled_before_anything_was_finished_is_cancelled() -> None:
    with pytest.raises(Cancelled, match="nothing to keep yet"):
        compare(small_examples(), ["gmu"], seeds=1, plan=QUICK, should_stop=lambda: True)


def absent(given):
    image = given.modalities["image"]
    gone = Tokens(image.values, np.zeros_like(image.mask))
    return replace(given, modalities={"image": gone, "text": given.modalities["text"]})


def poisoned(given):
    values = given.modalities["text"].values.copy()
    values[7, 1, 2] = np.nan
    return replace(given, modalities={"image": given.modalities["image"], "text": Tokens.of(values)})


def unseen(given):
    labels = given.labels.copy()
    labels[given.rows("test")[0]] = 2
    return replace(given, labels=labels, classes=("no", "yes", "never shown"))


BAD = {
    "one class": (lambda given: replace(given, labels=np.zeros(240, int)), 1, "hold 1 class; .* at least two"),
    "no labels": (lambda given: replace(given, labels=np.full(240, -1)), 1, "No item of 'bits' has a label"),
    "a modality absent": (absent, 1, "'image' is absent from every training row"),
    "NaN": (poisoned, 1, "'text' holds NaN or infinite features in 1 item, first in item 7"),
    "a class that is only tested": (unseen, 1, r"hold 1 class that the training rows do not: 'never shown' \(1 row\)"),
    "too few rows": (lambda given: given.take([0, 1, 2, 3, *range(121, 126), *range(181, 186)]), 5, "too few rows .* for 5 seeds"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_data_that_cannot_be_compared_on_are_refused_with_what_is_wrong(case) -> None:
    damage, seeds, said = BAD[case]
    with pytest.raises(BadInputError, match=said):
        compare(damage(small_examples()), ["mean-logits"], seeds=seeds, plan=QUICK)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(BadInputError, match="'image' has 240 items and there are 3 labels"):
        small_examples(labels=np.zeros(3, int))


@pytest.mark.parametrize(
    ("fusions", "seeds", "said"),
    [([], 1, "There are no fusions"), (["gmu", "gmu"], 1, "names gmu twice"), (["gmu"], 0, "seeds is 0")],
)
def test_a_comparison_of_nothing_is_refused(fusions, seeds, said) -> None:
    with pytest.raises(BadInputError, match=said):
        compare(small_examples(), fusions, seeds=seeds, plan=QUICK)


@pytest.mark.parametrize(
    ("fusions", "seeds", "said"),
    [
        ("gmu", 1, r"single fusion 'gmu'; expected a list: \['gmu'\]"),
        ([3], 1, "got 3 among the fusions"),
        (["gmu"], 2.5, "seeds is 2.5"),
        (["gmu"], [0, 0], r"seeds is \[0, 0\]; expected .* different seeds"),
    ],
)
def test_a_list_that_is_none_is_refused(fusions, seeds, said) -> None:
    with pytest.raises(BadInputError, match=said):
        compare(small_examples(), fusions, seeds=seeds, plan=QUICK)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 0}, "Plan.epochs is 0; expected a whole number of at least 1"),
        ({"batch_size": True}, "Plan.batch_size is True"),
        ({"most_train": 0}, "Plan.most_train is 0"),
        ({"learning_rate": float("nan")}, "Plan.learning_rate is nan; expected a number above 0"),
        ({"weight_decay": -1}, "Plan.weight_decay is -1"),
        (
            {"training": "seperate"},
            "Plan.training is 'seperate'; expected 'joint', 'separate' or 'experts-first'",
        ),
        ({"p_missing_train": 70}, "Plan.p_missing_train is 70; expected the share of items that lose a"),
        ({"p_missing_test": 0.5}, "Plan.p_missing_test is 0.5; expected rising rates from 0 to 1"),
        ({"noise_test": (1.0, 0.5)}, r"Plan.noise_test is \(1.0, 0.5\); expected rising levels"),
        ({"noise_test": ()}, "at least one"),
        ({"design": 32}, "Plan.design is 32; expected a Design"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused_where_it_is_made(changes, said) -> None:
    with pytest.raises(BadInputError, match=said):
        Plan(**changes)


def test_texts_taken_for_labels_are_suspected() -> None:
    given = small_examples()
    each = replace(
        given, labels=np.arange(240), classes=tuple(map(str, range(240))), split=np.zeros(240, np.uint8)
    )
    with pytest.raises(BadInputError, match="240 classes in 240 rows: is this the column of the labels"):
        compare(each, ["gmu"], seeds=1, plan=QUICK)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The user's own CSV: flat pictures in two colours, a question, an answer that needs both."""
    folder = tmp_path_factory.mktemp("own")
    rows = ["picture,question,answer"]
    random = np.random.default_rng(0)
    for row in range(60):
        red, asks = random.integers(0, 2, 2)
        tone = int(random.integers(150, 255))
        Image.new("RGB", (9, 6), (tone, row, 0) if red else (0, row, tone)).save(folder / f"{row}.png")
        rows.append(f"{row}.png,is it {'red' if asks else 'blue'}?,{'yes' if red == asks else 'no'}")
    path = folder / "table.csv"
    path.write_text("\n".join(rows))
    return data.load(path, image_column="picture", text_column="question", label_column="answer")


def test_a_users_csv_goes_through_with_one_call(table) -> None:
    report = compare(table, ["low-rank", "mean-logits"], seeds=1, plan=QUICK)
    assert report.classes == ("no", "yes") and report.complete
    assert sum(report.counts.values()) == 60
    assert "4 x 4 patches" in " ".join(report.notes)


def test_a_users_csv_goes_through_with_frozen_features_of_a_loaded_model(table) -> None:
    model = models.load("emoji-clip")
    report = compare(table, ["early-tokens", "co-attention", "mean-logits"], seeds=1, plan=QUICK, model=model)
    assert report.complete and "frozen features of emoji-clip" in " ".join(report.notes)
    assert report.modalities == ("image", "text")


def test_the_code_of_examples_makes_the_same_rows_and_tokens(table) -> None:
    for given in (examples(table, limit=40), examples(table, model=models.load("emoji-clip"), seed=3)):
        again = eval(given.code, {"data": data, "examples": examples, "models": models})
        assert again.fingerprint == given.fingerprint


def test_pairs_without_labels_or_with_one_class_are_refused_before_any_picture_is_read(table) -> None:
    bare = data.from_pictures([Image.new("RGB", (5, 4))] * 3, texts=["a", "b", "c"])
    with pytest.raises(BadInputError, match="has no labels, so there is nothing to learn"):
        compare(bare, ["gmu"], seeds=1)
    same = replace(table, labels=("yes",) * len(table))
    with pytest.raises(
        BadInputError, match="has the label 'yes'; to compare fusions there must be at least two"
    ):
        compare(same, ["gmu"], seeds=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["easy-vqa", "emoji-match", "digits-words", "shapes-questions"])
def test_every_named_data_set_goes_through_with_one_call(name: str) -> None:
    plan = replace(QUICK, most_train=200)
    report = compare(name, ["mean-logits", "tensor"], seeds=1, plan=plan)
    assert report.complete and report.data.startswith(name) and report.counts["train"] == 200
    most_common = np.bincount(report.truth).max() / len(report.truth)  # among the items kept, of all tested
    assert report.lines["chance"] == pytest.approx(most_common, abs=0.03)
    loss = report.curves["train_loss"]  # fourteen steps teach little: only that it goes down can be asked
    assert np.isfinite(loss).all() and (loss[..., -1] < loss[..., 0]).all()


def test_pictures_never_cross_the_split() -> None:
    pictures = [Image.new("RGB", (5, 4), (k % 10 * 20, 0, 0)) for k in range(60)]
    pairs = data.from_pictures(pictures, texts=[f"question {k}" for k in range(60)])
    labelled = replace(pairs, labels=tuple("ab"[k % 2] for k in range(60)))
    made = examples(labelled)
    for shade in range(10):
        assert len(set(made.split[shade::10].tolist())) == 1


def test_rows_that_are_taken_bring_their_own_words_and_values_along() -> None:
    given = examples(data.load("digits-words", task="xor", n=60))
    rows = [7, 3, 40]
    taken = given.take(rows)
    assert taken.meta["words"] == tuple(given.meta["words"][row] for row in rows)
    for side in ("image", "text"):
        assert taken.meta["latents"][side].tolist() == given.meta["latents"][side][rows].tolist()
    assert taken.code.endswith(".take([7, 3, 40])") and taken.meta["image_grid"] == given.meta["image_grid"]


def test_digits_bring_their_own_values_so_that_information_is_exact() -> None:
    made = examples(data.load("digits-words", n=200))
    assert set(made.meta["latents"]) == {"image", "text"} and made.meta["bayes_accuracy"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("training", ["joint", "separate", "experts-first"])
def test_progress_counts_training_and_measuring_and_never_goes_back(training: str) -> None:
    told: list[TrainingEvent] = []
    plan = Plan(epochs=2, noise_test=(0.0, 1.0), p_missing_test=(0.0, 1.0), training=training)
    compare(small_examples(), ["mean-logits", "stacking"], seeds=2, plan=plan, on_event=told.append)
    done, total = [event.done for event in told], told[-1].total
    assert done == sorted(done) and done[-1] == total and {event.total for event in told} == {total}
    assert {event.stage for event in told} == {"comparing"}
    said = [event.message for event in told]
    for part in ("test rows", "robustness", "contributions", "the EMAP"):
        assert f"stacking, measuring {part}" in said
    assert any(message.startswith("stacking, experts") for message in said) == (training != "joint")
    trained = max(event.done for event in told if event.message == "stacking, epoch 2 of 2")
    assert trained < total
