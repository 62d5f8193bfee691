"""The distribution that a token is drawn from is transformers' own, in double, equals included."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from workbench.errors import BadInputError
from workbench.generation import How, beam, filtered, filtered_alternatives, greedy, sample

SETTINGS = list(itertools.product((1.0, 0.3, 2.5), (None, 1, 3, 40), (1.0, 0.9, 0.5, 0.05)))


def theirs(logits, temperature, top_k, top_p):
    scores = torch.as_tensor(np.asarray(logits), dtype=torch.float64)
    warpers = [TemperatureLogitsWarper(temperature)]
    warpers += [] if top_k is None else [TopKLogitsWarper(top_k)]
    warpers += [] if top_p == 1 else [TopPLogitsWarper(top_p)]
    for warper in warpers:
        scores = warper(None, scores)
    return scores.softmax(-1).numpy()


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), SETTINGS)
def test_filtered_is_what_the_warpers_of_transformers_leave(temperature, top_k, top_p):
    draws = np.random.default_rng(0)
    logits = draws.normal(scale=3, size=(50, 33))
    ours = filtered(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    np.testing.assert_allclose(ours, theirs(logits, temperature, top_k, top_p), rtol=0, atol=1e-12)
    assert (ours > 0).sum() == (theirs(logits, temperature, top_k, top_p) > 0).sum()


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), SETTINGS)
def test_filtered_treats_equals_as_the_warpers_do(temperature, top_k, top_p):
    draws = np.random.default_rng(1)
    logits = draws.integers(-1, 2, (50, 9)).astype(float)  # three values among nine tokens
    ours, wanted = (
        filtered(logits, temperature=temperature, top_k=top_k, top_p=top_p),
        theirs(logits, temperature, top_k, top_p),
    )
    # torch sorts equals in any order: which of them is left may differ, how many and what they have may not
    np.testing.assert_allclose(np.sort(ours), np.sort(wanted), rtol=0, atol=1e-12)


def test_filtered_leaves_out_what_can_never_be():
    ours = filtered([[0.0, -np.inf, 0.0]], top_p=0.9)
    assert ours.tolist() == [[0.5, 0.0, 0.5]]


@pytest.mark.parametrize("logits", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf], [], 3.0])
def test_filtered_refuses_scores_that_are_none(logits):
    with pytest.raises(BadInputError):
        filtered(logits)


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 0}, {"temperature": np.nan}, {"top_k": 0}, {"top_k": 1.5}, {"top_p": 0}, {"top_p": 1.1}],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_written(settings):
    with pytest.raises(BadInputError):
        sample(**settings)
    with pytest.raises(BadInputError):
        filtered([0.0, 1.0], **settings)


@pytest.mark.parametrize("width", [0, True, 1.5])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(BadInputError):
        beam(width)


def test_a_way_to_decode_reads_as_the_call_that_makes_it():
    assert [str(one) for one in (greedy(), beam(3, 1.0), sample(0.7, 5, 0.9, 2), How("given"))] == [
        "greedy()",
        "beam(3, length_penalty=1)",
        "sample(temperature=0.7, top_k=5, top_p=0.9, seed=2)",
        "given",
    ]


# From the tokens that were kept ---------------------------------------------------------------


@pytest.mark.parametrize(("temperature", "top_k", "top_p"), SETTINGS)
@pytest.mark.parametrize("count", [4, 33])
def test_kept_tokens_give_the_whole_distribution_or_nothing(temperature, top_k, top_p, count):
    logits = np.random.default_rng(2).normal(scale=3, size=(50, 33))
    whole = np.log(filtered(logits))
    order = np.argsort(-whole, axis=-1)[:, :count]
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    ours = filtered_alternatives(np.take_along_axis(whole, order, -1), **settings)
    wanted = np.take_along_axis(filtered(logits, **settings), order, -1)
    known = ~np.isnan(ours).any(axis=-1)
    np.testing.assert_allclose(ours[known], wanted[known], rtol=0, atol=1e-12)
    left = (filtered(logits, **settings) > 0).sum(axis=-1)
    if count == 33 or (top_k is not None and top_k <= count):
        assert known.all()
    elif temperature == 1 and top_k is None:
        assert np.array_equal(known, (left <= count) | (top_p == 1))
        assert top_p == 1 or known.sum() > 0
    else:
        assert not known.any()


def test_padding_with_nothing_changes_nothing():
    kept = np.array([[np.log(0.5), np.log(0.5), -np.inf]])
    assert filtered_alternatives(kept, temperature=3.0).tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("logp", [[0.5], [np.nan], 0.0])
def test_numbers_above_one_are_no_log_probabilities(logp):
    with pytest.raises(BadInputError):
        filtered_alternatives(logp)
