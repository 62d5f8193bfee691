"""Late fusions whose experts are trained alone first, and then together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.workbench.fusion.small import small_examples
from workbench.data.examples import Examples, Tokens
from workbench.fusion import Design, Plan, compare

QUICK = Plan(design=Design(width=8), epochs=2, batch_size=32, contributions=False)


def kinds(items: int) -> tuple[Examples, float, float]:
    """A question's kind says which expert knows the answer; and two closed forms of mean-probabilities' loss.

    Seven of ten texts hold the answer themselves, yes or no; three ask for one of eight colours that the
    picture shows, as parities of pairs of bits, which are slow to learn. The text expert is sure of yes or no,
    and even over colours. The picture's puts x on its colour and the rest evenly on yes and no, and
    -.7 log((1 + (1 - x) / 2) / 2) - .3 log((x + 1/8) / 2) is convex in x: least at x = .9 - .7 / 8. An expert
    of the picture that sees nothing and says yes or no, x = 0, is where training together stays: then its
    share of what is right about colours is none, and so is its gradient.
    """
    random, share, colours = np.random.default_rng(0), 0.7, 8
    colour, answer = random.integers(0, colours, items), random.integers(0, 2, items)
    told = (random.random(items) < share).astype(int)
    bits = (colour[:, None] >> np.arange(3)) & 1
    half = random.integers(0, 2, bits.shape)
    image = (2 * np.concatenate([half, half ^ bits], axis=1) - 1)[:, None] + 0.3 * random.normal(
        size=(items, 1, 6)
    )
    text = np.stack([2 * told - 1, (2 * answer - 1) * told], axis=1)[:, None]
    made = small_examples(items=items)
    given = replace(
        made,
        name="kinds",
        modalities={
            "image": Tokens.of(image),
            "text": Tokens.of(text + 0.05 * random.normal(size=text.shape)),
        },
        labels=np.where(told == 1, answer, 2 + colour).astype(np.int64),
        classes=("no", "yes", *(f"colour {k}" for k in range(colours))),
        meta={"latents": {"image": colour, "text": 2 * told + answer * told}},
    )

    def loss(x: float) -> float:
        return float(-share * np.log((3 - x) / 4) - (1 - share) * np.log((x + 1 / colours) / 2))

    return given, loss(0.9 - 0.7 / colours), loss(0.0)


def test_from_experts_trained_alone_a_mean_of_probabilities_leaves_where_one_expert_answers_for_both() -> (
    None
):
    given, least, stuck = kinds(2400)
    plan = Plan(
        design=Design(width=16), epochs=12, contributions=False, noise_test=(0.0,), p_missing_test=(0.0,)
    )
    found = {
        way: compare(given, ["mean-probabilities"], seeds=2, plan=replace(plan, training=way))
        for way in ("joint", "experts-first")
    }
    losses = {way: report.metrics["nll"][0] for way, report in found.items()}
    assert losses["joint"] == pytest.approx(stuck, abs=0.15)
    assert (losses["experts-first"] < stuck - 0.12).all() and (losses["experts-first"] > least - 0.05).all()
    right = {way: report.metrics["accuracy"][0] for way, report in found.items()}
    assert right["experts-first"].min() > 0.8 > right["joint"].max() + 0.02
    (note,) = [note for note in found["experts-first"].notes if note.startswith("experts first")]
    assert "alone on the label for 12 epochs" in note and "12 more" in note
    assert not any(note.startswith("experts first") for note in found["joint"].notes)


def test_experts_first_refuses_what_has_no_experts_and_counts_both_parts_of_training() -> None:
    plan = replace(QUICK, training="experts-first", p_missing_train=0.5)
    report = compare(small_examples(), ["mean-logits", "early-tokens"], seeds=2, plan=plan)
    assert report.fusions == ("mean-logits",)
    assert "no experts of its own" in report.broken["early-tokens"]
    (note,) = [note for note in report.notes if "p_missing_train" in note]
    assert "of 768 items shown" in note  # two seeds, two epochs of 96 rows, experts and then all of it
