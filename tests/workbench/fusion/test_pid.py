from __future__ import annotations

import dit
import numpy as np
import pytest
from dit.pid import PID_BROJA
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from workbench.errors import BadInputError
from workbench.fusion.comparison.pid import _least_informative, cluster, decompose, decompose_table


def table(rule, values=2, *, classes=2, weight=lambda a, b: 1.0):
    out = np.zeros((values, values, classes))
    for a in range(values):
        for b in range(values):
            out[a, b, rule(a, b)] += weight(a, b)
    return out / out.sum()


def _second_bit(a, b):
    """The picture holds two bits, a = 2 x1 + x2, and the text the second of them."""
    return a & 1 == b


def composite():
    """Four bits: one that both hold, one of each alone, and the XOR of one bit of each."""
    out = np.zeros((8, 8, 16))
    for bits in np.ndindex(2, 2, 2, 2, 2):
        r, u1, u2, s1, s2 = bits
        out[4 * r + 2 * u1 + s1, 4 * r + 2 * u2 + s2, 8 * r + 4 * u1 + 2 * u2 + (s1 ^ s2)] += 1 / 32
    return out


# redundant, unique image, unique text, synergistic, in bits; by definition or by two solvers of others
TABLE = {
    "redundant": (table(lambda a, b: a, weight=lambda a, b: a == b), (1, 0, 0, 0)),
    "unique-image": (table(lambda a, b: a), (0, 1, 0, 0)),
    "unique-text": (table(lambda a, b: b), (0, 0, 1, 0)),
    "xor": (table(lambda a, b: a ^ b), (0, 0, 0, 1)),
    "and": (table(lambda a, b: a & b), (0.3113, 0, 0, 0.5)),
    "or": (table(lambda a, b: a | b), (0.3113, 0, 0, 0.5)),
    # the text's bit is also in the picture, beside one of its own
    "picture holds both, and": (table(lambda a, b: (a >> 1) & a & 1, 4, weight=_second_bit), (0.3113, 0.5, 0, 0)),
    "picture holds both, xor": (table(lambda a, b: (a >> 1) ^ (a & 1), 4, weight=_second_bit), (0, 1, 0, 0)),
    "match 3": (table(lambda a, b: int(a == b), 3, weight=lambda a, b: 2.0 if a == b else 1.0), (0, 0, 0, 1)),
    "match 4": (table(lambda a, b: int(a == b), 4, weight=lambda a, b: 3.0 if a == b else 1.0), (0, 0, 0, 1)),
    "match 8": (table(lambda a, b: int(a == b), 8, weight=lambda a, b: 7.0 if a == b else 1.0), (0, 0, 0, 1)),
    "sum mod 3": (table(lambda a, b: (a + b) % 3, 3, classes=3), (0, 0, 0, np.log2(3))),
    "composite": (composite(), (1, 1, 1, 1)),
}  # fmt: skip


def numbers(pid):
    return np.array([pid.redundant, *pid.unique.values(), pid.synergistic])


@pytest.mark.parametrize("name", TABLE)
def test_the_exact_table_holds_to_a_thousandth_of_a_bit(name) -> None:
    given, expected = TABLE[name]
    assert numbers(decompose_table(given)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_an_installed_peer_agrees_on_random_tables(seed) -> None:
    random = np.random.default_rng(seed)
    given = random.dirichlet(np.ones(12) * 0.5).reshape(2, 3, 2)
    outcomes = ["".join(map(str, place)) for place in np.ndindex(given.shape)]
    held = dit.Distribution(outcomes, given.ravel().tolist())
    theirs = max((_peer(held, start) for start in range(6)), key=lambda parts: parts[3])
    # Both search the same set for the least informative q. The peer's search starts at random and often stops
    # early, with less synergy than there is, so its best of several starts counts.
    found, q = decompose_table(given), _least_informative(given)
    assert numbers(found) == pytest.approx(np.array(theirs, float), abs=5e-3)
    assert q.sum(axis=1) == pytest.approx(given.sum(axis=1), abs=1e-5)
    assert q.sum(axis=0) == pytest.approx(given.sum(axis=0), abs=1e-5)
    assert found.synergistic > theirs[3] - 1e-3  # the accuracy that the exact table is held to


def _peer(held: dit.Distribution, start: int) -> list[float]:
    """Redundant, unique, unique, synergistic by the peer's search from one random start."""
    before = np.random.get_state()
    np.random.seed(start)  # its only way to be told
    try:
        peer = PID_BROJA(held, [[0], [1]], [2])
    finally:
        np.random.set_state(before)
    return [float(peer.get_pi(part)) for part in (((0,), (1,)), ((0,),), ((1,),), ((0, 1),))]


@pytest.mark.parametrize("seed", range(3))
def test_the_four_parts_add_up_to_mutual_information(seed) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(24)).reshape(3, 4, 2)
    pid = decompose_table(p)
    py = p.sum(axis=(0, 1))

    def information(joint):
        product = joint.sum(axis=-1, keepdims=True) * py
        return float((joint * np.log2(joint / product)).sum())

    one, two, both = information(p.sum(axis=1)), information(p.sum(axis=0)), information(p)
    assert pid.redundant + pid.unique["image"] == pytest.approx(one, abs=1e-6)
    assert pid.redundant + pid.unique["text"] == pytest.approx(two, abs=1e-6)
    assert numbers(pid).sum() == pytest.approx(both, abs=1e-6)


@pytest.mark.slow
def test_the_null_of_shuffled_labels_shows_what_few_items_find_where_there_is_nothing() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(0, 6, (2, 150))
    pid = decompose(a, b, random.integers(0, 2, 150), permutations=6)
    assert pid.unit == "bit" and pid.items == 150 and len(pid.null) == 4
    assert pid.synergistic > 0.05  # of nothing: 36 cells, 150 items
    assert abs(pid.synergistic - pid.null[3]) < 0.08


def test_clusters_keep_few_values_as_they_are_and_say_how_many_they_made() -> None:
    values = np.repeat(np.eye(3), 4, axis=0)
    assert cluster(values, 6)[1] == "as they are"
    found, how = cluster(np.random.default_rng(0).normal(size=(50, 2)), 4)
    assert how == "k-means, 4 clusters" and set(found.tolist()) <= set(range(4))


def test_clusters_are_where_scikit_learns_stay_and_the_best_of_several_starts_is_theirs() -> None:
    random = np.random.default_rng(9)
    values = random.normal(size=(300, 3)) + 6 * random.integers(0, 2, size=(300, 3))
    spread = []
    for seed in range(5):
        found, _ = cluster(values, 8, seed)
        means = np.stack([values[found == k].mean(axis=0) for k in range(8)])
        apart = ((values[:, None] - means) ** 2).sum(axis=2)
        assert (apart.argmin(axis=1) == found).all()
        again = KMeans(8, init=means, n_init=1).fit(values)
        np.testing.assert_array_equal(again.labels_, found)  # from ours theirs has nowhere to go
        spread.append(apart.min(axis=1).sum())
    assert min(spread) == pytest.approx(KMeans(8, n_init=10, random_state=0).fit(values).inertia_)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 2, 2)),
        np.ones((2, 2)),
        -np.ones((2, 2, 2)),
        np.array([[[1, 1], [1, -0.1]], [[1, 1], [1, 1]]]),
        np.full((2, 2, 2), np.nan),
        np.array([[[1, np.inf]]]),
    ],
)
def test_what_is_no_joint_distribution_is_refused(bad) -> None:
    with pytest.raises(BadInputError, match="expected x1 x x2 x y with counts or probabilities"):
        decompose_table(bad)


def test_paired_values_are_counted_into_the_table_they_are_drawn_from() -> None:
    """Each cell of XOR three times, in names that are no row numbers; the null is of the same items, shuffled."""
    a, b = np.repeat([[0, 0, 1, 1], [0, 1, 0, 1]], 3, axis=1)
    found = decompose(10 + 5 * a, -b, 7 * (a ^ b), names=("one", "two"), permutations=3, seed=4)
    assert (found.redundant, found.unique["one"], found.unique["two"]) == pytest.approx((0, 0, 0), abs=1e-6)
    assert found.synergistic == pytest.approx(1, abs=1e-6) and found.items == 12
    random, null = np.random.default_rng(4), []
    for _ in range(3):
        counts = np.zeros((2, 2, 2))
        np.add.at(counts, (a, b, random.permutation(a ^ b)), 1)
        one = decompose_table(counts, names=("one", "two"))
        null.append([one.redundant, one.unique["one"], one.unique["two"], one.synergistic])
    assert found.null == pytest.approx(np.mean(null, axis=0), abs=1e-9)
    assert decompose(a, b, a).null == () and decompose(a, b, a).unique["image"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_those_that_scikit_learn_finds(seed: int) -> None:
    """Six clouds far apart, of lengths that differ: one cluster each, and every value nearest its own mean."""
    random = np.random.default_rng(seed)
    centres = np.array([[0, 0], [9, 0], [0, 20], [30, 30], [-40, 5], [5, -60]])
    truth = random.integers(0, 6, 240)
    values = centres[truth] + 0.3 * random.normal(size=(240, 2))
    found, how = cluster(values, 6, seed=seed)
    assert how == "k-means, 6 clusters"
    assert adjusted_rand_score(found, truth) == 1
    spread = random.normal(size=(300, 3)) + np.array([4, 0, 0])
    found, _ = cluster(spread, 5, seed=seed)
    means = np.stack([spread[found == k].mean(axis=0) for k in range(5)])
    apart = ((spread[:, None] - means[None]) ** 2).sum(axis=2)
    assert (found == apart.argmin(axis=1)).mean() > 0.97  # thirty rounds: nearly at rest
    best = KMeans(5, n_init=10, random_state=0).fit(spread).inertia_
    assert apart[np.arange(300), found].sum() < 1.15 * best


def test_as_many_values_as_clusters_stay_as_they_are() -> None:
    values = np.array([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0], [5.0, 5.0]])
    found, how = cluster(values, 3)
    assert how == "as they are" and found.tolist() == [0, 1, 0, 2]
    assert cluster(values, 2)[1] == "k-means, 2 clusters"
