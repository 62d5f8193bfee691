"""What each modality does, of models so small that the answer can be written down."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import nn
from torch.nn import functional

from tests.workbench.fusion.small import small_examples
from workbench.fusion import Plan
from workbench.fusion.comparison import contributions
from workbench.fusion.comparison.contributions import (
    coalition_values,
    coalitions,
    emap,
    gradients,
    information,
    interaction,
    shapley,
)
from workbench.fusion.comparison.dataset import bundle
from workbench.fusion.ensemble import Replicas


class Copies:
    """Models without weights in the place of an ensemble: each is a function of the two numbers of an item."""

    def __init__(self, *functions) -> None:
        self.functions, self.count = functions, len(functions)

    def shared(self, function, same):
        return torch.stack([function(self._model(one), same) for one in self.functions])

    @staticmethod
    def _model(one):
        def model(batch):
            image, text = (values[:, 0, 0] for values, _ in batch.values())
            yes = one(image, text)
            return SimpleNamespace(logits=torch.stack([torch.zeros_like(yes), yes], dim=1))

        return model


def items(image, text) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    there = torch.ones(len(image), 1, dtype=torch.bool)
    given = {"image": image, "text": text}
    return {
        name: (torch.tensor(one, dtype=torch.float64)[:, None, None], there) for name, one in given.items()
    }


@pytest.fixture
def signs() -> tuple[np.ndarray, np.ndarray]:
    """All four pairs of signs, 60 times each."""
    return np.tile([-1.0, -1.0, 1.0, 1.0], 60), np.tile([-1.0, 1.0, -1.0, 1.0], 60)


def test_what_is_removed_comes_from_other_items_and_the_rest_stays(signs) -> None:
    """A copy reads the picture alone, one the text, one their product, which is the truth."""
    image, text = signs
    product = (image * text > 0).astype(np.int64)
    copies = Copies(lambda a, b: a, lambda a, b: b, lambda a, b: a * b)
    names = coalitions(("image", "text"))
    assert names == ((), ("image",), ("text",), ("image", "text"))
    found = coalition_values(copies, items(image, text), product)
    assert found.shape == (3, 4)
    assert found[:, 3].tolist() == [0.5, 0.5, 1.0]
    assert (abs(found[2, :3] - 0.5) < 0.1).all()  # one of the two from elsewhere: a guess
    own = coalition_values(copies, items(image, text), (image > 0).astype(np.int64))
    assert own[0, 1] == own[0, 3] == 1  # what is kept is the item's own
    assert own[0, 2] == own[0, 0] and abs(own[0, 0] - 0.5) < 0.1
    assert own[0, 0] * 720 == pytest.approx(round(own[0, 0] * 720))  # a share of three draws of 240 items
    again = coalition_values(copies, items(image, text), product)
    np.testing.assert_array_equal(again, found)
    assert (coalition_values(copies, items(image, text), product, seed=1)[:, :3] != found[:, :3]).any()
    parts = shapley(found, ("image", "text"))
    np.testing.assert_allclose(parts.sum(axis=1), found[:, 3] - found[:, 0])
    assert interaction(found, ("image", "text"))[2] == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("pairs", [4096, 7])
def test_emap_is_the_nearest_sum_of_one_function_a_modality(monkeypatch, pairs: int) -> None:
    """Hessel & Lee 2020, section 3, in float64: of a sum itself; of a product a x b, a E[b] + E[a] b - E[a] E[b]."""
    monkeypatch.setattr(contributions, "_PAIRS", pairs)
    random = np.random.default_rng(0)
    a, b = random.normal(1.0, 1.0, 6), random.normal(-0.5, 2.0, 6)
    copies = Copies(lambda a, b: 3 * a - b**2, lambda a, b: a * b)
    logits, nearest = emap(copies, items(a, b))
    whole = np.stack([3 * a - b**2, a * b])
    wanted = np.stack([3 * a - b**2, a * b.mean() + a.mean() * b - a.mean() * b.mean()])
    for found, yes in ((logits, whole), (nearest, wanted)):
        np.testing.assert_allclose(found[..., 1], yes / 2, atol=1e-6)  # both have mean 0 over the two classes
        np.testing.assert_allclose(found[..., 0], -yes / 2, atol=1e-6)


class Streams(nn.Module):
    """Two streams and what they share; `apart` leaves out one of the two."""

    def __init__(self, apart: str = "") -> None:
        super().__init__()
        where = "streams" if apart != "streams" else "readers"
        setattr(self, where, nn.ModuleDict({"image": nn.Linear(5, 3), "text": nn.Linear(4, 3)}))
        self.heads = nn.Linear(3, 2)  # belongs to the streams, where there are any
        self.mix = nn.Linear(3, 2) if apart != "mix" else None
        if not apart:
            self.idle = nn.Parameter(torch.ones(40))  # shared, and read by nobody: it pulls no way

    def forward(self, batch):
        streams = getattr(self, "streams", None) or self.readers
        pooled = sum((streams[name](x) * mask[..., None]).sum(dim=1) for name, (x, mask) in batch.items())
        logits = self.heads(pooled) + (self.mix(torch.tanh(pooled)) if self.mix is not None else 0)
        return SimpleNamespace(logits=logits)


def slopes(model: nn.Module, batch, label, names: list[str]) -> list[torch.Tensor]:
    """Of one copy's mean loss, by autograd on the module itself."""
    loss = functional.cross_entropy(model(batch).logits, label)
    weights = dict(model.named_parameters())
    return [grad.flatten() for grad in torch.autograd.grad(loss, [weights[name] for name in names])]


def test_gradients_are_compared_on_what_is_shared_and_between_the_streams() -> None:
    data = bundle(small_examples(), Plan(), 2)
    rows = torch.from_numpy(data.rows["train"])
    label = data.labels[rows]
    whole = {name: (x[rows], mask[rows]) for name, (x, mask) in data.inputs.items()}
    copies = Replicas(Streams, [3, 4])
    cosine, ratio = gradients(copies, data)
    for copy in range(2):
        model = copies.model(copy)
        image, text = (
            torch.cat(slopes(model, whole, label, [f"streams.{name}.weight", f"streams.{name}.bias"])).norm()
            for name in ("image", "text")
        )
        assert ratio[copy] == pytest.approx(float(image / text), rel=1e-4)
        alone = []
        for name in whole:
            only = {
                other: (x, mask if other == name else torch.zeros_like(mask))
                for other, (x, mask) in whole.items()
            }
            alone.append(torch.cat(slopes(model, only, label, ["mix.weight", "mix.bias"])))
        assert cosine[copy] == pytest.approx(float(functional.cosine_similarity(*alone, dim=0)), rel=1e-4)


def test_without_streams_there_is_no_ratio_and_without_anything_shared_no_cosine() -> None:
    data = bundle(small_examples(), Plan(), 2)
    cosine, ratio = gradients(Replicas(lambda: Streams("streams"), [0, 1]), data)
    assert np.isnan(ratio).all() and np.isfinite(cosine).all() and cosine.shape == (2,)
    cosine, ratio = gradients(Replicas(lambda: Streams("mix"), [0, 1]), data)
    assert np.isnan(cosine).all() and np.isfinite(ratio).all() and ratio.shape == (2,)


@pytest.mark.parametrize("known", [True, False], ids=["a generator's values", "clusters of tokens"])
def test_information_is_of_the_generators_values_or_of_clusters_and_says_which(
    known: bool, monkeypatch
) -> None:
    """XOR: all of the label's entropy, and nothing of it in one alone but what few items find by chance."""
    monkeypatch.setattr(contributions, "_CLUSTERS", 3)
    examples = small_examples(items=400)
    data, rows = bundle(examples, Plan(), 2), np.arange(50, 390)
    bits = examples.meta["latents"]
    found = information(
        bits if known else None, data, rows, {"guess": bits["image"][rows], "right": examples.labels[rows]}
    )
    whole = entropy(np.bincount(examples.labels[rows]), base=2)
    spread = 0.01 if known else 0.05
    assert found["data"].synergistic == pytest.approx(whole, abs=spread)
    assert found["right"].synergistic == pytest.approx(whole, abs=spread)
    assert found["guess"].unique["image"] == pytest.approx(1, abs=spread)
    assert found["data"].estimator == found["guess"].estimator
    assert ("exact" in found["data"].estimator) == known and ("k-means" in found["data"].estimator) != known
    assert len(found["data"].null) == 4 and found["guess"].null == () and found["data"].items == 340
