"""Identities and closed forms that hold without training, or with very little."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from workbench.errors import BadInputError
from workbench.fusion import Design, Spec, available
from workbench.fusion.comparison.contributions import coalitions, emap, interaction, shapley
from workbench.fusion.ensemble import Replicas
from workbench.fusion.inside.plane_tasks import additive_ceiling, plane_tasks
from workbench.fusion.modules.builders import build, fusion
from workbench.fusion.modules.flops import count_flops
from workbench.fusion.theory.closed_forms import (
    CALIBRATION,
    COUNTED_TWICE,
    correlated_accuracy,
    gaussian_rows,
    noisy_accuracy,
    noisy_bayes,
    rank_rows,
)
from workbench.fusion.theory.expectations import GAUSSIAN_NLL
from workbench.fusion.theory.tasks import TASKS

SPEC = Spec({"image": 5, "text": 7}, {"image": 6, "text": 4}, 3)
DESIGN = Design(width=12, depth=3, heads=2, rank=2, bottleneck=3)
NAMES = [card.name for card in available()]


def batch(items: int = 6, seed: int = 0, tokens=(6, 4)):
    random = torch.Generator().manual_seed(seed)
    return {
        name: (
            torch.randn(items, count, SPEC.features[name], generator=random),
            torch.ones(items, count, dtype=torch.bool),
        )
        for name, count in zip(SPEC.features, tokens, strict=True)
    }


def made(name: str, design: Design = DESIGN, seed: int = 0):
    torch.manual_seed(seed)
    return build(name, SPEC, design).eval()


def emap_distance(name: str) -> tuple[float, float]:
    """(largest distance of the logits from their EMAP, spread of the logits)."""
    chosen = fusion(name, depth=DESIGN.depth)
    replicas = Replicas(lambda: chosen.build(SPEC, DESIGN), [0, 1])
    with torch.no_grad():  # larger than at the start, so that what is there shows
        for value in replicas.parameters.values():
            value.mul_(2)
    own, summed = emap(replicas, batch(8))
    return float(np.abs(own - summed).max()), float(own.std())


@pytest.mark.parametrize(
    "name",
    [n for n in NAMES if fusion(n).card.kind == "additive" and n != "mean-probabilities"]
    + ["slider-3", "slider-2b4"],
)
def test_the_emap_of_an_additive_model_is_the_model(name) -> None:
    distance, spread = emap_distance(name)
    assert distance < 1e-5 * max(1, spread)


@pytest.mark.parametrize(
    "name", ["slider-1b4", "slider-0b1", "slider-2", "early-tokens", "tensor", "low-rank", "gmu"]
)
def test_the_emap_of_a_fusion_that_interacts_is_not_the_model(name) -> None:
    distance, spread = emap_distance(name)
    assert distance > 1e-3 * spread


def test_concatenation_and_one_linear_map_is_a_sum_of_two_linear_maps() -> None:
    model, inputs = made("concat-linear"), batch()
    vectors = model.encode(inputs)
    weights = model.head.weight.split(DESIGN.width, dim=1)
    apart = sum(vectors[name] @ weight.T for name, weight in zip(SPEC.features, weights, strict=True))
    assert torch.allclose(model(inputs).logits, apart + model.head.bias, atol=1e-6)


def test_tensor_fusion_without_its_products_is_a_sum() -> None:
    model = made("tensor")
    size = model.size + 1
    with torch.no_grad():
        block = model.head.weight.view(SPEC.classes, size, size)
        block[:, 1:, 1:] = 0
    one, other = batch(4), batch(4, seed=1)
    mixed = {"image": one["image"], "text": other["text"]}
    back = {"image": other["image"], "text": one["text"]}
    double = model(one).logits - model(mixed).logits - model(back).logits + model(other).logits
    assert double.abs().max() < 1e-5


def test_low_rank_fusion_of_full_rank_says_all_that_tensor_fusion_says() -> None:
    """The table of each class is a sum of as many products as its smaller side has rows (singular values)."""
    wide = made("tensor")
    rank = wide.size + 1
    narrow = made("low-rank", replace(DESIGN, rank=rank))
    with torch.no_grad():
        table = wide.head.weight.view(SPEC.classes, rank, rank)
        to_factor = []  # from [1; vector] to [1; P vector + b]
        for linear in wide.maps.values():
            first = torch.eye(1, DESIGN.width + 1)
            to_factor.append(torch.cat([first, torch.cat([linear.bias[:, None], linear.weight], dim=1)]))
        u, size, v = torch.linalg.svd(table)
        narrow.factors["image"].copy_((to_factor[0].T @ (u * size[:, None])).permute(1, 2, 0).flatten(1))
        narrow.factors["text"].copy_((to_factor[1].T @ v.mT).permute(1, 2, 0).flatten(1))
        narrow.weights.fill_(1)
        narrow.bias.copy_(wide.head.bias)
        vectors, there = list(torch.randn(2, 7, DESIGN.width)), torch.ones(7, 2, dtype=torch.bool)
        assert torch.allclose(narrow.join(vectors, there).logits, wide.join(vectors, there).logits, atol=1e-5)


def test_film_begins_as_the_picture_alone() -> None:
    model, inputs = made("film"), batch()
    assert torch.equal(model(inputs).logits, model({"image": inputs["image"]}).logits)
    assert torch.equal(model(inputs).gates["scale"], torch.ones(6, DESIGN.width))


def test_the_slider_at_its_last_layer_equals_the_mean_of_its_streams_alone() -> None:
    model, inputs = made("slider-3"), batch()
    heads = [model.head(vector) for vector in model.encode(inputs).values()]
    assert torch.allclose(model(inputs).logits, torch.stack(heads).mean(dim=0), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "early-input"])
def test_without_positions_the_order_of_tokens_does_not_matter(name) -> None:
    model, inputs = made(name), batch()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "positions" in key:
                value.zero_()
    x, mask = inputs["image"]
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    turned = inputs | {"image": (x[:, order], mask)}
    assert torch.allclose(model(inputs).logits, model(turned).logits, atol=1e-5)


@pytest.mark.parametrize("name", [*NAMES, "slider-0", "slider-1b4", "slider-3", "only-image"])
@pytest.mark.parametrize("tokens", [(6, 4), (1, 3)])
def test_flops_counted_by_torch_equal_the_formula(name, tokens) -> None:
    model, inputs = made(name), batch(3, tokens=tokens)
    counts = dict(zip(SPEC.features, tokens, strict=True))
    # what is not there is padded by the two that flatten; the formula takes the full length there
    if name == "early-input":
        counts = dict(SPEC.tokens)
    assert count_flops(model, inputs) == model.formula_flops(counts)


def test_two_threads_that_count_leave_torchs_switches_as_they_were() -> None:
    model, inputs, interval = made("early-tokens"), batch(3), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # the threads meet between any two lines
    try:
        with ThreadPoolExecutor(2) as pool:
            counted = set(pool.map(lambda _: count_flops(model, inputs), range(40)))
    finally:
        sys.setswitchinterval(interval)
    assert counted == {model.formula_flops(dict(zip(SPEC.features, (6, 4), strict=True)))}
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.backends.cuda.flash_sdp_enabled() and torch.backends.cuda.mem_efficient_sdp_enabled()


@pytest.mark.parametrize("name", [*NAMES, "slider-1", "slider-1b4"])
def test_a_missing_modality_is_legal_as_an_absent_key_or_an_empty_mask(name) -> None:
    model, inputs = made(name), batch()
    for gone in SPEC.features:
        x, mask = inputs[gone]
        absent = model({other: pair for other, pair in inputs.items() if other != gone}).logits
        empty = model(inputs | {gone: (torch.full_like(x, float("nan")), torch.zeros_like(mask))}).logits
        assert torch.isfinite(absent).all()
        assert torch.allclose(absent, empty, atol=1e-5)


@pytest.mark.parametrize("name", [*NAMES, "slider-0", "slider-1b4", "slider-3", "only-image"])
def test_every_fusion_gives_logits_each_alone_a_fused_vector_attentions_and_gates(name) -> None:
    model, inputs = made(name), batch()
    out = model(inputs, look=True, alone=True)
    assert out.logits.shape == (6, SPEC.classes) and out.fused.shape[0] == 6 and out.fused.ndim == 2
    for only, logits in out.per_modality.items():
        assert torch.allclose(logits, model({only: inputs[only]}).logits, atol=1e-5)
    assert list(out.per_modality) == list(out.present) == ["image", "text"]
    assert bool(out.attentions) == (name != "early-input")  # an MLP over raw inputs attends to nothing
    for where, weights in out.attentions.items():
        assert weights.shape[:2] == (6, DESIGN.heads) and "->" in where
        assert torch.allclose(weights.sum(dim=-1), torch.ones(()), atol=1e-5)
    gated = name in ("film", "gmu", "learned-weights", "scalar-gate", "hybrid")
    assert bool(out.gates) == gated and all(len(values) == 6 for values in out.gates.values())


WRONG = {
    "an unknown name": (lambda given: given | {"sound": given["text"]}, "inputs name sound; this fusion was built for image, text"),
    "nothing": (lambda given: {}, "inputs name no modality"),
    "another width": (lambda given: given | {"text": given["image"]}, r"text has tokens \(6, 6, 5\).*expected batch x token x 7"),
    "too many tokens": (lambda given: given | {"text": (torch.zeros(6, 9, 7), torch.ones(6, 9, dtype=torch.bool))}, "at most 4 tokens"),
    "a mask of numbers": (lambda given: given | {"text": (given["text"][0], torch.ones(6, 4))}, "mask of text is torch.float32; expected bool"),
    "unequal lengths": (lambda given: given | {"text": tuple(part[:2] for part in given["text"])}, "6 of image, 2 of text"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_inputs_that_do_not_fit_a_fusion_are_refused_with_what_it_was_built_for(case) -> None:
    change, said = WRONG[case]
    with pytest.raises(BadInputError, match=said):
        made("gmu")(change(batch()))


def test_shapley_values_sum_to_what_all_bring_over_none_and_xor_has_an_interaction_of_one_half() -> None:
    names = ("image", "text", "sound")
    values = np.random.default_rng(0).random((5, 2, 8))
    assert shapley(values, names).sum(axis=-1) == pytest.approx(values[..., -1] - values[..., 0])
    xor = np.array([0.5, 0.5, 0.5, 1.0])
    both = ("image", "text")
    assert shapley(xor, both) == pytest.approx([0.25, 0.25])
    assert interaction(xor, both) == pytest.approx(0.5)
    copy = np.array([0.5, 1.0, 1.0, 1.0])
    assert shapley(copy, both) == pytest.approx([0.25, 0.25]) and interaction(copy, both) == pytest.approx(
        -0.5
    )
    assert coalitions(both) == ((), ("image",), ("text",), ("image", "text"))


def test_bilinear_fusion_explains_rank_over_dimension_and_full_rank_all() -> None:
    rows = rank_rows(fusion("low-rank"), 0, lambda: None)
    for row, rank in zip(rows, (1, 2, 4, 8), strict=True):
        assert row.measured == pytest.approx(rank / 8, abs=0.02)
    (full,) = rank_rows(fusion("tensor"), 0, lambda: None)
    assert full.measured == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", ["mean-logits", "mean-probabilities", "product-of-experts"])
def test_gaussian_evidence_is_combined_as_its_closed_form_says(name) -> None:
    rows = gaussian_rows(fusion(name), 3)
    assert rows and [row for row in rows if row.passed is not True] == []


def test_the_curves_of_noise_are_those_of_the_study() -> None:
    levels = (0, 0.5, 1, 2, 4)
    assert [noisy_accuracy(noise) for noise in levels] == pytest.approx(
        [0.8889, 0.8707, 0.8275, 0.7376, 0.6392], abs=1e-4
    )
    assert [noisy_bayes(noise) for noise in levels] == pytest.approx(
        [0.8889, 0.8720, 0.8401, 0.7969, 0.7706], abs=1e-4
    )


def test_the_loss_of_the_exact_posterior_is_what_quadrature_gives() -> None:
    strength = 1.0**2 + 0.7**2  # evidence x with mean +-s and variance s decides y with log odds 2 x

    def integrand(x):
        return norm.pdf(x, strength, strength**0.5) * np.log1p(np.exp(-2 * x))

    assert quad(integrand, -20, 25)[0] == pytest.approx(GAUSSIAN_NLL, abs=1e-4)


def test_the_calibration_of_three_rules_is_what_quadrature_gives() -> None:
    step = np.linspace(-7, 8.5, 1200)
    picture, text = 2 * step[:, None], 1.4 * step[None]  # log odds of each modality's exact expert
    both = {sign: np.outer(norm.pdf(step, sign), norm.pdf(step, sign * 0.7)) for sign in (1, -1)}
    rules = {
        "mean-logits": expit((picture + text) / 2),
        "mean-probabilities": (expit(picture) + expit(text)) / 2,
        "product-of-experts": expit(picture + text),
    }
    cell = (step[1] - step[0]) ** 2
    for name, chance in rules.items():
        loss = -(both[1] * np.log(chance)).sum() * cell
        here = (both[1] + both[-1]) / 2
        sure, right = np.maximum(chance, 1 - chance), expit(np.abs(picture + text))
        gap = abs((here * (sure - right)).sum() * cell)  # each rule is too sure everywhere, or nowhere
        assert (loss, gap) == pytest.approx(CALIBRATION[name], abs=5e-4)


def test_evidence_that_is_counted_twice_is_too_sure_by_what_quadrature_gives() -> None:
    def loss(x):
        return norm.pdf(x, 1) * np.log1p(np.exp(-4 * x))

    def gap(x):
        return norm.pdf(x, 1) * (expit(4 * abs(x)) - expit(2 * abs(x)))

    found = quad(loss, -8, 10)[0], quad(lambda x: (gap(x) + gap(-x)) / 2, -9, 9)[0]
    assert found == pytest.approx(COUNTED_TWICE[:2], abs=1e-4)


def test_a_sum_is_hurt_by_noise_that_both_share_and_helped_by_noise_that_differs() -> None:
    found = [correlated_accuracy(shared) for shared in (-0.5, 0, 0.5, 0.8)]
    assert found == pytest.approx([0.9532, 0.8889, 0.8430, 0.8218], abs=1e-4)


def test_best_sums_on_small_tables_are_three_quarters_and_seven_ninths() -> None:
    assert additive_ceiling(np.array([[0, 1], [1, 0]])) == 0.75
    assert additive_ceiling(np.array([[0, 0], [0, 1]])) == 1.0
    assert additive_ceiling(np.eye(3)) == pytest.approx(7 / 9)
    assert {task.name: task.additive_ceiling for task in plane_tasks()} == pytest.approx(
        {
            "xor": 0.75,
            "and": 1,
            "ring": 1,
            "match": 7 / 9,
            "checkerboard": 0.75,
            "unique-image": 1,
            "redundant": 1,
        }
    )
    assert next(task for task in TASKS if task.name == "xor").additive_accuracy == 0.75
