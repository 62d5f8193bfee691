"""Our maps equal the numbers that the authors' own programs printed for the same weights, picture and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.oracles.golden import GOLDEN, TEXT, fill, heads_of, picture, plain_output
from workbench import data, models
from workbench.attribution import attribute
from workbench.models.base import DualEncoder


@pytest.fixture(scope="module")
def golden() -> Mapping[str, NDArray[np.floating]]:
    with np.load(GOLDEN) as kept:
        return dict(kept)


@pytest.fixture(scope="module")
def pair() -> data.Pair:
    return data.from_pictures([picture()], texts=[TEXT])[0]


@pytest.fixture(scope="module")
def clip(clip_folder) -> Callable[[int], DualEncoder]:
    def make(heads: int) -> DualEncoder:
        model = models.load(str(clip_folder(**heads_of(heads), quick_gelu=True)))
        fill(model.model)
        if heads == 1:
            plain_output(model.model)
        # Gradients times attention cancel: in single precision the last bits, and so the CPU, decide the sixth digit.
        model.model.double()
        model.dtype = torch.float64
        return model

    return make


def _same(found, wanted) -> None:
    """To one part in a million of the largest value, or in five where the authors' program ran in single precision."""
    share = 1e-6 if wanted.dtype == np.float64 else 5e-6
    np.testing.assert_allclose(np.asarray(found, float), wanted, atol=share * np.abs(wanted).max())


def test_relevance_of_the_last_layer_and_of_all_is_that_of_the_authors_notebook(golden, clip, pair) -> None:
    model, end = clip(2), np.eye(8)[-1]
    for name, start in (("last", -1), ("all", 0)):
        heatmap = attribute(model, pair, method="relevance", start_layer=start)
        assert heatmap.score == pytest.approx(float(golden["cosine"]), abs=1e-6)
        _same(heatmap.image.ravel(), golden[f"relevance_image_{name}"])
        _same(heatmap.text, golden[f"relevance_text_{name}"] - end)  # theirs counts what the end is by itself


def test_legrad_of_two_layers_is_that_of_the_authors_package(golden, clip, pair) -> None:
    heatmap = attribute(clip(2), pair, method="legrad", start_layer=1)
    # They give the map enlarged to the picture and stretched over 0 to 1.
    small = torch.tensor(np.array(heatmap.image))[None, None].float()
    large = torch.nn.functional.interpolate(small, scale_factor=8, mode="bilinear")[0, 0].numpy()
    _same((large - large.min()) / (large.max() - large.min()), golden["legrad"])


def test_grad_eclip_of_picture_and_words_is_that_of_the_authors_program(golden, clip, pair) -> None:
    heatmap = attribute(clip(1), pair, method="grad-eclip")
    assert heatmap.score == pytest.approx(float(golden["eclip_cosine"]), abs=1e-6)
    _same(heatmap.image, golden["eclip_image"])
    words = np.asarray(heatmap.text, float)[
        1:-1
    ]  # theirs leaves out the marks, and lets the words sum to one
    _same(words / words.sum(), golden["eclip_text"])
