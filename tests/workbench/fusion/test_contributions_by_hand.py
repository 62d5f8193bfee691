"""What each modality does, of models so small that the answer can be written down."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.fusion.comparison import contributing
from workbench.fusion.comparison.contributing import coalition_values, coalitions, emap, interaction, shapley


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
    monkeypatch.setattr(contributing, "_PAIRS", pairs)
    random = np.random.default_rng(0)
    a, b = random.normal(1.0, 1.0, 6), random.normal(-0.5, 2.0, 6)
    copies = Copies(lambda a, b: 3 * a - b**2, lambda a, b: a * b)
    logits, nearest = emap(copies, items(a, b))
    whole = np.stack([3 * a - b**2, a * b])
    wanted = np.stack([3 * a - b**2, a * b.mean() + a.mean() * b - a.mean() * b.mean()])
    for found, yes in ((logits, whole), (nearest, wanted)):
        np.testing.assert_allclose(found[..., 1], yes / 2, atol=1e-6)  # both have mean 0 over the two classes
        np.testing.assert_allclose(found[..., 0], -yes / 2, atol=1e-6)
