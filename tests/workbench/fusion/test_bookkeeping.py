"""Which items are counted, over what, in a comparison of fusions: numbers that a hand can check."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss

from tests.workbench.fusion.small import small_examples
from workbench.errors import BadInputError, UnknownNameError
from workbench.fusion import Design, Plan, Spec, card
from workbench.fusion.comparison import training
from workbench.fusion.comparison.contributions import coalitions, interaction, shapley
from workbench.fusion.comparison.cost import unmatched
from workbench.fusion.comparison.dataset import bundle
from workbench.fusion.comparison.pid import decompose_table
from workbench.fusion.comparison.report_parts import Robustness
from workbench.fusion.comparison.robustness import collect, conditions
from workbench.fusion.modules.builders import fusion
from workbench.fusion.tokens import patches

THREE = ("image", "text", "sound")


def of_three(worth) -> np.ndarray:
    """coalition: `worth(members)` in the order of `coalitions`."""
    return np.array([worth(set(chosen)) for chosen in coalitions(THREE)])


def test_what_three_modalities_do_only_together_is_their_interaction() -> None:
    """The parity of three bits is a guess until all are there: 1 - 3 x .5 + 2 x .5; a sum of parts has none."""
    parity = of_three(lambda there: 1.0 if len(there) == 3 else 0.5)
    assert interaction(parity, THREE) == pytest.approx(0.5)
    added = of_three(lambda there: 0.4 + 0.1 * len(there))
    assert interaction(added, THREE) == pytest.approx(0)
    copied = of_three(lambda there: 1.0 if there else 0.5)
    assert interaction(copied, THREE) == pytest.approx(1 - 3 + 2 * 0.5)


def test_shapley_values_of_a_glove_game_are_those_of_the_textbook() -> None:
    """One left glove, two right ones; a pair is worth 1: 2/3 and 1/6 each (Shapley 1953)."""
    pair = of_three(lambda there: float("image" in there and len(there) > 1))
    assert shapley(pair, THREE) == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_no_part_of_an_information_is_below_nothing() -> None:
    """Of two independent noises about a label nothing is said: rounding must not be shown as less."""
    random = np.random.default_rng(0)
    for _ in range(20):
        one, two, label = (random.dirichlet(np.ones(size)) for size in (3, 4, 2))
        found = decompose_table(one[:, None, None] * two[None, :, None] * label)
        parts = (found.redundant, *found.unique.values(), found.synergistic)
        assert min(parts) >= 0 and max(parts) < 1e-9


def test_noise_changes_the_items_that_have_the_modality_and_none_at_level_zero() -> None:
    there = torch.ones(6, 2, dtype=torch.bool)
    there[:2] = False  # two of six items have no picture
    there[2, 1] = False  # and one has half of it
    inputs = {
        "image": (torch.zeros(6, 2, 3), there),
        "text": (torch.zeros(6, 1, 3), torch.ones(6, 1, dtype=torch.bool)),
    }
    plan = Plan(noise_test=(0.0, 1.0), p_missing_test=(0.0, 1.0))
    found = {(one.kind, one.modality): one for one in collect({}, [], 1, inputs, plan)}
    assert found["noise", "image"].realised.tolist() == [0, 4]
    assert found["noise", "text"].realised.tolist() == [0, 6]
    assert found["missing", "image"].realised.tolist() == [0, 4]
    assert found["missing", "text"].realised.tolist() == [0, 6]
    assert all(one.items == 6 for one in found.values())
    assert len(conditions(("image", "text"), plan)) == 8


def test_robustness_is_the_mean_height_of_the_curve_over_its_beginning() -> None:
    """From .8 down to .4 in a line, over levels 0 to 2: the mean is .6, three quarters of the beginning."""
    levels = np.array([0.0, 0.5, 2.0], np.float32)
    falling = (0.8 - 0.2 * levels)[None, None]
    found = Robustness("noise", "image", levels, np.zeros(3, np.int64), falling, falling, 10, 0.0)
    assert found.relative == pytest.approx(np.array([[0.75]]))
    even = np.full((1, 1, 3), 0.7, np.float32)
    assert Robustness("noise", "image", levels, np.zeros(3, np.int64), even, even, 10, 0.0).relative == 1


@pytest.mark.parametrize(
    ("ratio", "named"), [(1.4, ()), (1.5, ()), (1.6, ("x",)), (1 / 1.4, ()), (1 / 1.6, ("x",))]
)
def test_a_budget_is_unequal_beyond_half_as_much_again_as_the_median(ratio: float, named: tuple) -> None:
    names = ["a", "b", "x"]
    even, other = np.array([100, 100, 100]), np.array([100, 100, 100 * ratio])
    assert unmatched(names, even, other) == unmatched(names, other, even) == named


def test_patches_stand_in_reading_order_and_pixels_within_them_too() -> None:
    """Every pixel says its own row and column."""
    rows, cols = np.indices((32, 32))
    picture = Image.fromarray(np.stack([rows, cols, 0 * rows], axis=2).astype(np.uint8))
    found = patches(picture, side=32, grid=4).reshape(16, 8, 8, 3) * 255
    for number in range(16):
        top, left = 8 * (number // 4), 8 * (number % 4)
        np.testing.assert_allclose(found[number, ..., 0], rows[top : top + 8, left : left + 8], atol=1e-4)
        np.testing.assert_allclose(found[number, ..., 1], cols[top : top + 8, left : left + 8], atol=1e-4)


def test_the_prior_adds_one_item_to_each_class_so_that_none_is_impossible() -> None:
    """120 training rows; Laplace's rule of succession: (n + 1) / (120 + 3)."""
    examples = small_examples(classes=("no", "yes", "never"))
    data = bundle(examples, Plan(), 1)
    train = examples.labels[data.rows["train"]]
    counts = [int((train == label).sum()) for label in range(3)]
    assert counts[2] == 0
    assert data.log_prior.exp().tolist() == pytest.approx([(n + 1) / 123 for n in counts])


@pytest.mark.parametrize("chunk", [512, 25, 7])
def test_validation_is_the_same_whatever_rows_are_computed_at_once(chunk: int, monkeypatch) -> None:
    """Loss and accuracy over 60 rows by scikit-learn; chunks of 25 and 7 leave a short one at the end."""
    monkeypatch.setattr(training, "_EVALUATED", chunk)
    data = bundle(small_examples(), Plan(), 2)
    chosen = fusion("concat-mlp")
    trained = training.train(
        chosen, data, Plan(Design(width=8), epochs=1), [0, 1], beat=lambda: None, tick=lambda *_: None
    )
    rows = data.rows["validation"]
    probability = training.answers(
        trained.replicas, {name: (x[rows], mask[rows]) for name, (x, mask) in data.inputs.items()}
    ).astype(float)
    probability /= probability.sum(axis=2, keepdims=True)
    label = data.labels.numpy()[rows]
    for seed in range(2):
        assert trained.curves["validation_loss"][seed, 0] == pytest.approx(
            log_loss(label, probability[seed]), rel=1e-5
        )
        right = accuracy_score(label, probability[seed].argmax(axis=1))
        assert trained.curves["validation_accuracy"][seed, 0] == pytest.approx(right)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (({"image": 3, "text": 3}, {"image": 1, "text": 1}, 0), "Spec.classes is 0; expected a whole"),
        (
            ({"image": 3, "text": 3}, {"image": 1, "text": 1}, "x"),
            "Spec.classes is 'x'; expected a whole number",
        ),
        (({"image": 0, "text": 3}, {"image": 1, "text": 1}, 2), r"Spec.features\['image'\] is 0; expected"),
        (({"image": 3, "text": 3}, {"image": 1, "text": -1}, 2), r"Spec.tokens\['text'\] is -1; expected"),
        (([3, 3], [1, 1], 2), "expected of each modality a number"),
    ],
)
def test_data_of_no_size_have_no_spec(given: tuple, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        Spec(*given)


@pytest.mark.parametrize("name", ["slider-9", "slider-3", "slider-0b0", "slider-00"])
def test_the_slider_has_as_many_stops_as_the_design_has_layers(name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"There is no fusion '{name}'"):
        card(name)
    assert card("slider-2").where == "late" and card("slider-3", depth=3).where == "late"
    with pytest.raises(BadInputError, match="depth is 0; expected a whole number of at least 1"):
        card("slider-0", depth=0)
