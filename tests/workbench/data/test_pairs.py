from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fakes import colour_pairs
from workbench import data
from workbench.errors import BadInputError, BadPictureError

TEN = data.Pairs(
    "ten",
    colour_pairs(["red"] * 10).sources,
    tuple(f"text {k}" for k in range(10)),
    tuple("ab"[k % 2] for k in range(10)),
    {"number": tuple(range(10))},
)

indices = st.one_of(
    st.slices(10),
    st.lists(st.integers(-10, 9), max_size=12),
    st.lists(st.booleans(), min_size=10, max_size=10).map(lambda mask: np.array(mask)),
)


@given(index=indices)
def test_slicing_pairs_is_slicing_an_array(index) -> None:
    kept = np.arange(10)[np.array(index, dtype=int) if isinstance(index, list) else index]
    chosen = TEN[index]
    assert chosen.columns["number"] == tuple(kept.tolist())
    assert chosen.texts == tuple(f"text {k}" for k in kept)
    assert chosen.labels == tuple("ab"[k % 2] for k in kept)


def test_one_item_is_a_pair_with_its_columns() -> None:
    pair = TEN[-1]
    assert (pair.text, pair.label, pair.columns["number"]) == ("text 9", "b", 9)
    assert pair.picture.size == (7, 5)


@pytest.mark.parametrize("index", [10, -11, [0, 10]])
def test_an_item_that_is_not_there_is_an_index_error_with_the_count(index) -> None:
    with pytest.raises(IndexError, match="'ten' has 10, numbered from 0"):
        TEN[index]


@pytest.mark.parametrize(
    ("index", "said"), [([True] * 9, "mask has 9 entries"), (["a"], "indexed by"), (1.5, "indexed by")]
)
def test_an_index_that_means_nothing_is_refused(index, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        TEN[index]


def test_pictures_are_opened_when_asked_for_and_not_before() -> None:
    def explode() -> Image.Image:
        raise BadPictureError("'x.png' is damaged")

    pairs = data.Pairs(
        "mixed", (*TEN.sources[:2], data.pairs.Source(explode, lambda: "k")), ("a", "b", "<c>")
    )
    assert pairs[1:].texts == ("b", "<c>")
    with pytest.raises(BadPictureError, match=r"Item 2 \('<c>'\): 'x.png' is damaged"):
        pairs.picture(2)
    good, broken = pairs.check()
    assert (good.texts, list(broken)) == (("a", "b"), [2])


def test_the_fingerprint_depends_on_pictures_texts_and_order_only() -> None:
    again = colour_pairs(["red", "blue"])
    assert again.fingerprint == colour_pairs(["red", "blue"]).fingerprint
    assert again.fingerprint != again[::-1].fingerprint
    assert again.fingerprint != again.with_texts(["a", "b"]).fingerprint
    assert again.fingerprint != colour_pairs(["red", "green"]).with_texts(again.texts).fingerprint


def test_two_sets_stand_one_after_the_other() -> None:
    both = TEN[:2] + TEN[5:6]
    assert both.columns["number"] == (0, 1, 5)
    assert both.labels == ("a", "b", "b")
    assert (TEN[:2] + colour_pairs(["red"], labels=False)).labels is None


def test_other_texts_come_from_a_column_or_a_list() -> None:
    assert TEN.with_texts("number").texts[3] == "3"
    with pytest.raises(BadInputError, match="no column 'nmber'; columns are number"):
        TEN.with_texts("nmber")
    with pytest.raises(BadInputError, match="texts has 1 entries"):
        TEN.with_texts(["one"])


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    assert TEN.sample(4, seed=1).columns == TEN.sample(4, seed=1).columns
    assert TEN.sample(4, seed=1).columns != TEN.sample(4, seed=2).columns
    assert len(TEN.sample(99)) == 10


def test_markup_in_texts_is_escaped_where_pairs_show_themselves() -> None:
    html = TEN[:1].with_texts(["<script>alert(1)</script>"])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_pairs_show_their_pictures_and_are_not_changed_by_it() -> None:
    pairs = data.from_pictures([Image.new("RGB", (300, 200), "red")])
    assert pairs._repr_html_().count("data:image/webp") == 1
    assert pairs.picture(0).size == (300, 200)
    pairs.picture(0).thumbnail((5, 5))
    assert pairs.picture(0).size == (300, 200)
