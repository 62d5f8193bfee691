from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from workbench.errors import BadInputError
from workbench.fusion.splits import draw, given_split

SHARES = (0.7, 0.15, 0.15)


def apart(part, labels, shares=SHARES) -> float:
    """How far the worst class is from its share of a part, in shares."""
    total = np.bincount(labels)
    found = [
        np.abs(np.bincount(labels[part == k], minlength=len(total)) / total - shares[k]).max()
        for k in range(len(shares))
    ]
    return float(max(found))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), min_size=1, max_size=60), st.integers(0, 5))
def test_groups_stay_whole_and_every_class_with_three_groups_is_everywhere(drawn, seed: int) -> None:
    groups = np.repeat(np.arange(len(drawn)), [size for size, _ in drawn])
    labels = np.repeat([label for _, label in drawn], [size for size, _ in drawn])
    part = draw(groups, labels, SHARES, seed)
    for group in range(len(drawn)):
        assert len(set(part[groups == group].tolist())) == 1
    for label in set(labels.tolist()):
        where = set(part[labels == label].tolist())
        assert 0 in where  # what is tested is always trained
        if len(set(groups[labels == label].tolist())) >= 3:
            assert where == {0, 1, 2}


@given(st.lists(st.integers(0, 3), min_size=20, max_size=300), st.integers(0, 5))
def test_single_rows_lie_within_one_of_their_share(labels, seed: int) -> None:
    labels = np.array(labels)
    part = draw(np.arange(len(labels)), labels, SHARES, seed)
    for label in set(labels.tolist()):
        count = int((labels == label).sum())
        if count >= 7:  # of fewer, validation and test have one each where their share is less
            found = [int((part[labels == label] == place).sum()) for place in range(3)]
            assert np.abs(np.array(found) - np.array(SHARES) * count).max() <= 1 + 1e-9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_groups_of_several_classes_are_shared_out_as_well_as_scikit_learn_does_it(seed: int) -> None:
    """Two in a hundred rows are of a rare class, in groups of five: a draw by chance is no good."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(200), 5)
    labels = (random.random(1000) < 0.02).astype(int) + 2 * (random.random(1000) < 0.3)
    labels = np.unique(labels, return_inverse=True)[1]
    part = draw(groups, labels, SHARES, seed)
    folds = StratifiedGroupKFold(7, shuffle=True, random_state=seed).split(labels, labels, groups)
    theirs = np.zeros(1000, int)
    for place, (_, held) in zip((1, 2), folds, strict=False):
        theirs[held] = place
    assert apart(part, labels) <= max(apart(theirs, labels, (5 / 7, 1 / 7, 1 / 7)), 1 / 3 * 0.15 + 0.02)


def test_the_seed_draws_other_rows_and_the_same_seed_the_same() -> None:
    labels = np.arange(100) % 3
    one, two, again = (draw(np.arange(100), labels, SHARES, seed) for seed in (0, 1, 0))
    assert (one == again).all() and (one != two).any()


def test_what_is_given_stays_and_only_a_missing_validation_is_drawn() -> None:
    labels = np.array([0, 1] * 20)
    given_parts = ["Train "] * 30 + ["test"] * 10
    split = given_split(given_parts, np.arange(40), labels, 0)
    assert (split[30:] == 2).all() and set(split[:30].tolist()) == {0, 1}
    assert np.bincount(labels[:30][split[:30] == 1]).tolist() == [2, 2]
    both = given_split(["train"] * 20 + ["dev"] * 10 + ["test"] * 10, np.arange(40), labels, 0)
    assert np.bincount(both).tolist() == [20, 10, 10]
    with pytest.raises(BadInputError, match="holds 'fold 3'"):
        given_split(["fold 3"] * 40, np.arange(40), labels, 0)
