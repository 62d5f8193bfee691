"""The calibration of photo-lite against a plain count, and what its card says against the model itself."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from workbench import models
from workbench.embedding import embed_pictures, embed_texts
from workbench.models.cards import WEIGHTS
from workbench.recipes.photo_lite.calibrate import AMONG, COUNTS, judge, pictures_of_nothing

FOLDERS = ("photo-lite", "photo-lite-conse", "photo-lite-linear")


def drawn(pictures: int, names: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of pictures with names, one of them right and higher by a good deal more than chance."""
    random = np.random.default_rng(seed)
    own = np.zeros((pictures, names), bool)
    own[np.arange(pictures), random.integers(0, names, pictures)] = True
    return (random.normal(0.2, 0.08, own.shape) + 0.18 * own).astype(np.float32), own


def test_the_threshold_by_number_of_names_is_the_best_cut_of_fresh_pictures_at_each_number() -> None:
    """The best of n normal cosines rises nearly with ln n; each cut is held against scikit-learn's ROC curve."""
    from sklearn.metrics import roc_curve

    found = judge(*drawn(300, 80, seed=1))
    fresh, own = drawn(400, 80, seed=2)
    random = np.random.default_rng(3)
    assert found["growth"] > 0.01 and found["measured_to"] == 40
    for count in COUNTS:
        line = found["threshold"] + found["growth"] * math.log(count / AMONG)
        absent = np.array(
            [
                random.choice(row[~mine], count, replace=False).max()
                for row, mine in zip(fresh, own, strict=True)
            ]
        )
        present = np.maximum(
            fresh[own],
            [
                random.choice(row[~mine], count - 1, replace=False).max()
                for row, mine in zip(fresh, own, strict=True)
            ],
        )
        wrong, right, _ = roc_curve(np.repeat([1, 0], 400), np.concatenate([present, absent]))
        best = ((right + 1 - wrong) / 2).max()
        here = ((present >= line).mean() + (absent < line).mean()) / 2
        assert best - 0.04 < here <= best + 1e-9, count
        told = found["rates"][str(count)]
        assert told["kept"] == pytest.approx((present >= line).mean(), abs=0.1)
        assert told["rejected"] == pytest.approx((absent < line).mean(), abs=0.1)


def test_the_scale_has_the_least_log_loss_among_twenty() -> None:
    """Cosines drawn from a softmax of known scale: the right name is picked with those probabilities."""
    random = np.random.default_rng(0)
    cosine = random.normal(0, 0.15, (4000, AMONG)).astype(np.float32)
    shares = np.exp(12.0 * cosine)
    shares /= shares.sum(axis=1, keepdims=True)
    own = np.zeros(cosine.shape, bool)
    picked = (shares.cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1)
    own[np.arange(4000), picked] = True
    # Nineteen wrong names are left, so lists of ten are the longest: a softmax over fewer has the same scale.
    found = judge(cosine, own)
    assert found["among"] == 10 and found["scale"] == pytest.approx(12.0, rel=0.08)


@pytest.mark.parametrize("name", FOLDERS)
def test_each_half_is_advised_by_its_own_measurement(name: str) -> None:
    config = json.loads((WEIGHTS / name / "joined_config.json").read_text("utf-8"))
    made = config["trained"]["calibration"]
    best = made["found"][made["chosen"]]
    advice = models.load(name).advice
    assert config["scale"] == best["scale"] and advice.threshold == best["threshold"]
    assert advice.growth == best["growth"] > 0 and advice.measured_to == best["measured_to"]
    assert list(advice.templates) == best["templates"]
    assert advice.threshold_for(5) == pytest.approx(best["threshold"] + best["growth"] * math.log(5 / 20))
    assert advice.threshold_for(5) < advice.threshold_for(20) < advice.threshold_for(1000)
    card = (WEIGHTS / "photo-lite" / "MODEL_CARD.md").read_text("utf-8")
    for count, rates in best["rates"].items():
        line = f"{advice.threshold_for(int(count)):.3f}"
        assert f"| {count} | {line} | {100 * rates['kept']:.1f} % | {100 * rates['rejected']:.1f} % |" in card


def test_the_three_have_scales_and_thresholds_of_their_own() -> None:
    read = [json.loads((WEIGHTS / name / "joined_config.json").read_text("utf-8")) for name in FOLDERS]
    assert len({config["scale"] for config in read}) == 3
    assert len({config["advice"]["threshold"] for config in read}) == 3


def test_pictures_of_nothing_are_accepted_as_often_as_the_card_says() -> None:
    """A cosine cannot tell noise from a photograph; that is stated, and other noise does as the stated one."""
    config = json.loads((WEIGHTS / "photo-lite" / "joined_config.json").read_text("utf-8"))
    made = config["trained"]["calibration"]
    model = models.load("photo-lite")
    names = _coco_names()
    templates = model.advice.templates
    total = sum(embed_texts(model, [form.replace("{}", name) for name in names]) for form in templates)
    text = total / np.linalg.norm(total, axis=1, keepdims=True)
    cosine = embed_pictures(model, pictures_of_nothing(seed=7)) @ text.T
    random = np.random.default_rng(0)
    for count in (5, 20):
        picks = np.stack([random.permutation(len(names))[:count] for _ in range(50)])
        taken = cosine[:, picks].max(axis=2) >= model.advice.threshold_for(count)
        assert taken[:20].mean() == pytest.approx(made["nothing"][str(count)]["noise"], abs=0.15)
        assert taken[20:].mean() == pytest.approx(made["nothing"][str(count)]["flat"], abs=0.25)


def _coco_names() -> list[str]:
    return json.loads((WEIGHTS / "photo-lite" / "joined_config.json").read_text("utf-8"))["trained"][
        "calibration"
    ]["names"]
