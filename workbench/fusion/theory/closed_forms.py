"""Laws with a formula: rank, naive Bayes, and how Gaussian evidence adds up and wears off."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.fusion.design import Design, Fusion, FusionCard, Spec
from workbench.fusion.modules.late import mean_logits, mean_probabilities, product_of_experts
from workbench.fusion.theory.expectations import GAUSSIAN_NLL, Bound, judged
from workbench.fusion.theory.proof import ProofRow
from workbench.fusion.theory.tasks import GAUSSIAN
from workbench.metrics import expected_calibration_error, nll
from workbench.runtime import seeded

__all__ = [
    "CALIBRATION",
    "COUNTED_TWICE",
    "NOISE_LEVELS",
    "correlated_accuracy",
    "gaussian_rows",
    "noisy_accuracy",
    "noisy_bayes",
    "phi",
    "rank_rows",
]

_LAW = "gaussian law"
NOISE_LEVELS = (0.0, 0.5, 1.0, 2.0, 4.0)
_WIDTH, _RANKS, _STEPS = 8, (1, 2, 4, 8), 400
_MANY = 400_000
_BINS = 15  # of confidence, as in a report
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


def correlated_accuracy(shared: float, means: tuple[float, float] = GAUSSIAN) -> float:
    """Accuracy of the sum rule where the two modalities' noise has that correlation."""
    one, two = means
    return phi((one**2 + two**2) / math.sqrt(one**2 + two**2 + 2 * shared * one * two))


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
    """Exact experts, combined: accuracy, calibration and robustness, each by its formula.

    On two classes the three rules decide alike, so noise wears them off by one curve. The product also
    meets what it assumes away: noise that the modalities share, and the same evidence twice.
    """
    about, combine = one.card, _COMBINERS.get(one.card.name)
    if combine is None:
        return []
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, _MANY)
    first, second, more = random.normal(size=(3, _MANY))
    clean = _evidence(label, [first, second])

    def accuracy(where: str, evidence: list[np.ndarray], expected: float, **told: Any) -> ProofRow:
        chance = _posterior(evidence, combine, **told)
        right = float(((chance[:, 1] > 0.5) == label).mean())
        bound = _within(f"accuracy, {where}", expected, _THREE_SIGMA, f"{expected:.4f}")
        return judged(about, _LAW, bound, right)

    def calibrated(
        where: str, evidence: list[np.ndarray], loss: float, gap: float, width: float = 0.003, **told: Any
    ) -> list[ProofRow]:
        chance = _posterior(evidence, combine, **told)
        return [
            judged(about, _LAW, _within(f"NLL{where}", loss, width, f"{loss}"), nll(chance, label)),
            judged(
                about,
                _LAW,
                _within(f"ECE{where}", gap, 0.005, f"{gap}"),
                expected_calibration_error(chance, label, bins=_BINS),
            ),
        ]

    rows = [
        accuracy(f"noise {noise:g}", [clean[0] + noise * more, clean[1]], noisy_accuracy(noise))
        for noise in NOISE_LEVELS
    ]
    rows.append(accuracy("picture gone", clean, phi(GAUSSIAN[1]), present=(False, True)))
    rows += calibrated("", clean, *CALIBRATION[about.name])
    if about.name != "product-of-experts":
        return rows
    for noise in NOISE_LEVELS[1:]:
        evidence = [(clean[0] + noise * more) / (1 + noise**2), clean[1]]
        rows.append(accuracy(f"noise {noise:g} that the expert knows of", evidence, noisy_bayes(noise)))
    for shared in (-0.5, 0.5, 0.8):
        both = _evidence(label, [first, shared * first + math.sqrt(1 - shared**2) * second])
        rows.append(accuracy(f"noise correlated by {shared:g}", both, correlated_accuracy(shared)))
    twice = [(2 * label - 1) + first] * 2
    rows += calibrated(", one evidence twice", twice, *COUNTED_TWICE, means=(1.0, 1.0))
    return rows + _prior_rows(about, random)


def _evidence(label: np.ndarray, noise: list[np.ndarray]) -> list[np.ndarray]:
    return [(2 * label - 1) * mean + each for mean, each in zip(GAUSSIAN, noise, strict=True)]


def _posterior(
    evidence: list[np.ndarray],
    combine: Callable[[Tensor, Tensor], Tensor],
    *,
    means: tuple[float, float] = GAUSSIAN,
    present: tuple[bool, bool] = (True, True),
) -> np.ndarray:
    """Exact experts (log odds 2 mean x), combined: item x 2."""
    odds = torch.stack(
        [torch.from_numpy(2 * mean * x) for mean, x in zip(means, evidence, strict=True)], dim=1
    )
    logits = torch.stack([torch.zeros_like(odds), odds], dim=2)
    return combine(logits, torch.tensor(present).expand(odds.shape)).softmax(dim=-1).numpy()


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
CALIBRATION = {
    "mean-logits": (0.3146, 0.0965),
    "mean-probabilities": (0.3594, 0.141),
    "product-of-experts": (GAUSSIAN_NLL, 0.0),
}
COUNTED_TWICE = (0.4322, 0.0754, 0.005)
"""NLL and ECE of the product where both modalities hold one evidence of mean 1; three sigma of the NLL."""
