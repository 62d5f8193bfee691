"""Rollout and the figures of heads, on matrices that can be checked in the head."""

from __future__ import annotations

import numpy as np
import torch

from workbench.attention.head_statistics import crossing_shares, modalities
from workbench.attention.rollout import rolled_out, with_shortcut
from workbench.attention.token_layout import TokenLayout

FIRST = np.array([[0.0, 1.0], [0.5, 0.5]])
SECOND = np.array([[1.0, 0.0], [1.0, 0.0]])


def test_layers_are_followed_from_the_first_to_the_last() -> None:
    wanted = np.array([[1.0, 0.0], [0.5, 0.5]]) @ np.array([[0.5, 0.5], [0.25, 0.75]])
    np.testing.assert_allclose(rolled_out([FIRST, SECOND], np.eye(2)), wanted)
    assert not np.allclose(rolled_out([SECOND, FIRST], np.eye(2)), wanted)


def test_tensors_give_what_arrays_give_and_can_be_differentiated() -> None:
    layers = [torch.tensor(FIRST, requires_grad=True), torch.tensor(SECOND)]
    found = rolled_out(layers, torch.eye(2, dtype=torch.float64))
    np.testing.assert_allclose(found.detach().numpy(), rolled_out([FIRST, SECOND], np.eye(2)))
    found[0, 1].backward()
    assert layers[0].grad is not None and float(layers[0].grad.abs().sum()) > 0


def test_a_token_that_reads_nothing_stays_what_it_is() -> None:
    masked = np.array([[0.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(with_shortcut(masked, np.eye(2)), [[1, 0], [0.25, 0.75]])


def test_what_crosses_is_counted_from_those_who_ask_to_those_who_are_seen() -> None:
    layout = TokenLayout("joint", 5, (1, 2), 3, words=("<s>", "a"), pictured=(2,))
    members = modalities(layout)
    assert members["text"].tolist() == [False, True, False, False, False]
    assert members["image"].tolist() == [False, False, True, True, True]
    values = np.arange(50.0).reshape(2, 5, 5)
    found = crossing_shares(values, members["image"], members["text"])
    assert found.tolist() == [[11, 16, 21], [36, 41, 46]]
