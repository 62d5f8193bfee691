"""Laws with a formula: rank, naive Bayes, and how Gaussian evidence adds up and wears off."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.fusion.design import Design, Fusion, FusionCard, Spec
from workbench.fusion.expectations import GAUSSIAN_NLL, Bound, judged
from workbench.fusion.late import mean_logits, mean_probabilities, product_of_experts
from workbench.fusion.proof import ProofRow
from workbench.fusion.statistics import ece, nll
from workbench.fusion.tasks import GAUSSIAN
from workbench.runtime import seeded

__all__ = ["NOISE_LEVELS", "gaussian_rows", "noisy_accuracy", "noisy_bayes", "phi", "rank_rows"]

NOISE_LEVELS = (0.0, 0.5, 1.0, 2.0, 4.0)
_WIDTH, _RANKS, _STEPS = 8, (1, 2, 4, 8), 400
_MANY = 400_000
_THREE_SIGMA = 3 * 0.5 / math.sqrt(_MANY)


def phi(x: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def noisy_accuracy(noise: float, means: tuple[float, float] = GAUSSIAN) -> float:
    """Accuracy of the sum rule fixed on clean data, noise of that deviation on the first modality."""
    one, two = means
    return phi((one**2 + two**2) / math.sqrt(one**2 * (1 + noise**2) + two**2))


def noisy_bayes(noise: float, means: tuple[float, float] = GAUSSIAN) -> float:
    """The same for a rule that knows the noise."""
    return phi(math.sqrt(means[0] ** 2 / (1 + noise**2) + means[1] ** 2))


def rank_rows(one: Fusion, seed: int, beat: Callable[[], None]) -> list[ProofRow]:
    """R2 = r / d of a product of `r` factor pairs on y = a . b / sqrt(d), a and b normal.

    Holds for any functions of a and of b (Eckart and Young: all d singular values of a . b are equal),
    so a fusion whose factors are not trained, or of another rank than it claims, is found at once.
    """
    if one.card.name not in ("low-rank", "tensor", "concat-linear"):
        return []
    rows = []
    for rank in _RANKS if one.card.name == "low-rank" else (_WIDTH,):
        expected = {"low-rank": rank / _WIDTH, "tensor": 1.0, "concat-linear": 0.0}[one.card.name]
        found = _fit_products(one, rank, seed, beat)
        what = f"r / d = {rank}/{_WIDTH}" if one.card.name == "low-rank" else f"{expected:g}"
        bound = Bound(f"R2, rank {rank}", expected - 0.02, expected + 0.02, what)
        rows.append(judged(one.card, "rank law", bound, found))
    return rows


def _fit_products(one: Fusion, rank: int, seed: int, beat: Callable[[], None]) -> float:
    spec = Spec({"image": 1, "text": 1}, {"image": 1, "text": 1}, 1)
    with seeded(seed):
        module = one.build(spec, Design(width=_WIDTH, depth=1, heads=1, rank=rank))
    random = torch.Generator().manual_seed(seed)
    free = [value for name, value in module.named_parameters() if not name.startswith("streams.")]
    optimizer = torch.optim.Adam(free, lr=0.03)
    for step in range(_STEPS):
        if step % 50 == 0:
            beat()
        optimizer.param_groups[0]["lr"] = 0.03 * (1 - step / _STEPS)
        predicted, target = _products(module, 256, random)
        optimizer.zero_grad()
        (predicted - target).pow(2).mean().backward()
        optimizer.step()
    with torch.no_grad():
        predicted, target = _products(module, 40_000, random)
    return float(1 - (predicted - target).pow(2).mean() / target.var())


def _products(module: Any, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    a, b = torch.randn(2, count, _WIDTH, generator=random)
    there = torch.ones(count, 2, dtype=torch.bool)
    return module.join([a, b], there).logits[:, 0], (a * b).sum(dim=1) / math.sqrt(_WIDTH)


def gaussian_rows(one: Fusion, seed: int) -> list[ProofRow]:
    """Exact experts, combined: accuracy and calibration, and accuracy as noise grows, by formula."""
    about, combine = one.card, _COMBINERS.get(one.card.name)
    if combine is None:
        return []
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, _MANY)
    clean = [(2 * label - 1) * mean + random.normal(size=_MANY) for mean in GAUSSIAN]
    more = random.normal(size=_MANY)
    rows = []
    for noise in NOISE_LEVELS if about.name == "product-of-experts" else (0.0,):
        chance = _posterior([clean[0] + noise * more, clean[1]], combine)
        right = float(((chance[:, 1] > 0.5) == label).mean())
        expected = noisy_accuracy(noise)
        bound = _within("accuracy", expected, _THREE_SIGMA, f"noise {noise:g}: {expected:.4f}")
        rows.append(judged(about, f"gaussian, noise {noise:g}", bound, right))
    chance = _posterior(clean, combine)
    loss, gap = _CALIBRATION[about.name]
    rows.append(judged(about, "gaussian, exact", _within("NLL", loss, 0.003, f"{loss}"), nll(chance, label)))
    rows.append(judged(about, "gaussian, exact", _within("ECE", gap, 0.005, f"{gap}"), ece(chance, label)))
    return rows + (_prior_rows(about, random) if about.name == "product-of-experts" else [])


def _posterior(evidence: list[np.ndarray], combine: Callable[[Tensor, Tensor], Tensor]) -> np.ndarray:
    """Exact experts (log odds 2 mean x), combined: item x 2."""
    odds = torch.stack(
        [torch.from_numpy(2 * mean * x) for mean, x in zip(GAUSSIAN, evidence, strict=True)], dim=1
    )
    logits = torch.stack([torch.zeros_like(odds), odds], dim=2)
    there = torch.ones(odds.shape, dtype=torch.bool)
    return combine(logits, there).softmax(dim=-1).numpy()


def _prior_rows(about: FusionCard, random: np.random.Generator) -> list[ProofRow]:
    """Conditionally independent discrete evidence: the product with its prior is the exact posterior."""
    prior = np.array([0.2, 0.5, 0.3])
    tables = random.dirichlet(np.ones(4), (2, 3))  # modality x class x value: p(value | class)
    log_joint = np.log(prior)[None, None] + np.log(tables[0].T)[:, None] + np.log(tables[1].T)[None]
    exact = np.exp(log_joint) / np.exp(log_joint).sum(axis=-1, keepdims=True)
    alone = [np.log(prior[None] * table.T) for table in tables]  # value x class, up to a constant
    logits = np.stack(np.broadcast_arrays(alone[0][:, None], alone[1][None]), axis=2).reshape(16, 2, 3)
    there = torch.ones(16, 2, dtype=torch.bool)
    mixed = product_of_experts(torch.from_numpy(logits), there, torch.from_numpy(np.log(prior)))
    error = float(np.abs(mixed.softmax(dim=-1).numpy() - exact.reshape(16, 3)).max())
    bound = Bound("error", 0.0, 1e-6, "0: Bayes' rule, the prior counted once")
    return [judged(about, "naive Bayes", bound, error)]


def _within(measure: str, expected: float, width: float, theory: str) -> Bound:
    return Bound(measure, expected - width, expected + width, theory)


def _even_product(logits: Tensor, present: Tensor) -> Tensor:
    even = torch.full((logits.shape[-1],), 1 / logits.shape[-1], dtype=logits.dtype).log()
    return product_of_experts(logits, present, even)


_COMBINERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean-logits": mean_logits,
    "mean-probabilities": mean_probabilities,
    "product-of-experts": _even_product,
}
# NLL and ECE of the three rules over exact experts with means 1 and 0.7; by quadrature in the tests.
_CALIBRATION = {
    "mean-logits": (0.3146, 0.097),
    "mean-probabilities": (0.3593, 0.141),
    "product-of-experts": (GAUSSIAN_NLL, 0.0),
}
