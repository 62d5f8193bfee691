"""Layouts, single rows, figures of heads and rollout, on maps made by hand and in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.capture import AttentionMap, Site, TokenLayout, Trace, head_statistics, rollout
from workbench.errors import BadInputError

GRID = TokenLayout("image", 7, grid=(2, 3), first_patch=1, pooling="token", pooled=0)
TEXT = TokenLayout("text", 5, words=("<start>", "a", "cat", "<end>"), padded=(4,))
JOINT = TokenLayout(
    "joint", 10, grid=(2, 2), first_patch=6, words=("[CLS]", "a", "cat", "[SEP]"), padded=(4,)
)


def attention(
    values: np.ndarray, query: TokenLayout, key: TokenLayout, name: str = "x.0", **options
) -> AttentionMap:
    kind = "self" if query is key else "cross"
    return AttentionMap(Site(name, f"blocks.{name}", kind, 0, len(values), query, key), values, **options)


def even(heads: int, query: int, key: int) -> np.ndarray:
    return np.full((heads, query, key), 1 / key)


def test_a_layout_names_every_token() -> None:
    assert GRID.names[:3] == ("class token", "row 0, column 0", "row 0, column 1")
    assert GRID.names[6] == "row 1, column 2"
    assert TEXT.kinds == ("special", "word", "word", "special", "padding")
    assert JOINT.kinds == ("special", "word", "word", "special", "padding", "special", *["patch"] * 4)


def test_tokens_are_found_by_number_word_and_place_on_the_grid() -> None:
    assert GRID.place_of((1, 2)) == 6
    assert TEXT.place_of("cat") == 2
    assert TEXT.place_of(-1) == 4
    assert TokenLayout("text", 2, words=("mel", "ting</w>")).place_of("ting") == 1
    for token, said in (
        ((2, 0), "grid is 2 x 3"),
        ("dog", "no word 'dog'; there are '<start>', 'a'"),
        (9, "has 5, from 0"),
    ):
        with pytest.raises(BadInputError, match=said):
            (GRID if isinstance(token, tuple) else TEXT).place_of(token)


def test_values_lie_on_the_grid_row_by_row() -> None:
    np.testing.assert_array_equal(GRID.on_grid(np.arange(7)), [[1, 2, 3], [4, 5, 6]])
    with pytest.raises(BadInputError, match=r"holds no patches"):
        TEXT.on_grid(np.arange(5))


def test_a_layout_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"A sequence of 5 tokens cannot hold 6 patches"):
        TokenLayout("image", 5, grid=(2, 3))


def test_single_rows_are_read_by_token_and_head() -> None:
    values = np.random.default_rng(0).dirichlet(np.ones(7), size=(2, 7))
    found = attention(values, GRID, GRID)
    np.testing.assert_allclose(found.row((0, 1), head=1), values[1, 2], atol=1e-7)
    np.testing.assert_allclose(found.row(0), values[:, 0].mean(axis=0), atol=1e-7)
    with pytest.raises(BadInputError, match=r"There is no head 2; x.0 has 2"):
        found.row(0, head=2)
    one = attention(values[:, [0]], GRID, GRID, kept=np.array([0]))
    with pytest.raises(BadInputError, match=r"Capture again with rows='all'"):
        one.row(3)


def test_attention_is_causal_by_its_weights() -> None:
    lower = np.tril(np.ones((5, 5))) / np.arange(1, 6)[:, None]
    assert attention(lower[None], TEXT, TEXT).causal
    assert not attention(even(1, 5, 5), TEXT, TEXT).causal


def test_even_attention_has_the_most_entropy_and_one_sided_none() -> None:
    one = np.zeros((2, 7, 7))
    one[0] = 1 / 7
    one[1, :, 3] = 1
    found = head_statistics(attention(one, GRID, GRID))
    np.testing.assert_allclose(found.entropy, [np.log2(7), 0], atol=1e-6)
    assert found.uniform == pytest.approx(np.log2(7))
    np.testing.assert_allclose(found.own, [1 / 7, 1 / 7], atol=1e-6)


def test_padding_neither_asks_nor_is_in_reach() -> None:
    """Uniform attention over seven of nine tokens: the mean over rows that stand for a token, by hand."""
    padded = TokenLayout("text", 9, words=tuple("abcdefg"), padded=(7, 8))
    weights = np.zeros((1, 9, 9))
    weights[:, :, :7] = 1 / 7
    found = head_statistics(attention(weights, padded, padded))
    assert found.own == pytest.approx([1 / 7]) and found.entropy == pytest.approx([np.log2(7)])
    assert found.uniform == pytest.approx(np.log2(7))


def test_the_most_entropy_of_a_causal_layer_is_the_mean_over_its_rows() -> None:
    weights = np.tril(np.ones((9, 9))) / np.arange(1, 10)[:, None]
    whole = TokenLayout("text", 9, words=tuple("abcdefghi"))
    found = head_statistics(attention(weights[None], whole, whole))
    expected = np.mean([np.log2(count) for count in range(1, 10)])
    assert found.uniform == pytest.approx(expected) and found.entropy == pytest.approx([expected])


def test_distance_is_counted_in_patches_beside_that_of_even_attention() -> None:
    self_only = np.zeros((1, 7, 7))
    self_only[0] = np.eye(7)
    assert head_statistics(attention(self_only, GRID, GRID)).distance == pytest.approx([0])
    spread = head_statistics(attention(even(1, 7, 7), GRID, GRID))
    at = np.array([(r, c) for r in range(2) for c in range(3)], float)
    expected = np.linalg.norm(at[:, None] - at[None], axis=-1).mean()
    assert spread.distance == pytest.approx([expected]) and spread.even_distance == pytest.approx(expected)


def test_the_share_across_modalities_counts_words_and_patches_only() -> None:
    assert head_statistics(attention(even(1, 5, 7), TEXT, GRID)).cross == pytest.approx([1])
    nowhere = head_statistics(attention(even(3, 7, 7), GRID, GRID)).cross
    assert nowhere.shape == (3,) and np.isnan(nowhere).all()  # a number a head, even where there is none
    joint = head_statistics(attention(even(1, 10, 10), JOINT, JOINT)).cross
    # Two words look at four patches of ten tokens, four patches at two words of ten.
    assert joint == pytest.approx([(2 * 0.4 + 4 * 0.2) / 6])


def test_rollout_of_even_layers_is_worked_out_by_hand() -> None:
    layer = attention(even(3, 7, 7), GRID, GRID)
    mixed = 0.5 * np.eye(7) + 0.5 / 7
    np.testing.assert_allclose(rollout([layer, layer]), mixed @ mixed, atol=1e-6)
    assert rollout([layer]).sum(axis=1) == pytest.approx(np.ones(7))
    with pytest.raises(BadInputError, match=r"whole square maps of 7 tokens; x.0 has 5 x 7"):
        rollout([layer, attention(even(1, 5, 7), TEXT, GRID)])
    with pytest.raises(BadInputError, match=r"at least one layer"):
        rollout([])


def test_rollout_equals_an_independent_derivation_in_float64() -> None:
    random = np.random.default_rng(1)
    layers = [random.dirichlet(np.ones(7), size=(4, 7)) for _ in range(5)]
    expected = np.eye(7)
    for heads in layers:
        step = heads.sum(0) / 4
        expected = ((step + np.eye(7)) / 2) @ expected
    found = rollout([attention(one, GRID, GRID) for one in layers])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_trace_refuses_what_does_not_fit() -> None:
    one = attention(even(1, 7, 7), GRID, GRID)
    with pytest.raises(BadInputError, match=r"at least one site"):
        Trace({})
    with pytest.raises(BadInputError, match=r"no site of this trace"):
        Trace({"x.0": one}, {"y": np.zeros((7, 4))})
    with pytest.raises(BadInputError, match=r"values has shape \(1, 7, 5\)"):
        attention(even(1, 7, 5), GRID, GRID)
    trace = Trace({"x.0": one})
    with pytest.raises(BadInputError, match=r"hidden=True"):
        trace.hidden("x.0")
    with pytest.raises(ValueError, match=r"read-only"):
        one.values[0, 0, 0] = 1


def test_rollout_of_the_largest_head_is_worked_out_by_hand() -> None:
    """Two heads of two tokens: the larger weight of each pair, rows scaled to 1, half the way the shortcut."""
    two = TokenLayout("text", 2, words=("a", "b"))
    heads = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.3, 0.7], [0.2, 0.8]]])
    largest = np.array([[0.9, 0.7], [0.5, 0.8]])
    step = 0.5 * largest / np.array([[1.6], [1.3]]) + 0.5 * np.eye(2)
    layer = attention(heads, two, two)
    np.testing.assert_allclose(rollout([layer], head_mean=False), step, atol=1e-6)
    np.testing.assert_allclose(rollout([layer, layer], head_mean=False), step @ step, atol=1e-6)
    mean = 0.5 * heads.mean(axis=0) + 0.5 * np.eye(2)
    np.testing.assert_allclose(rollout([layer]), mean, atol=1e-6)
