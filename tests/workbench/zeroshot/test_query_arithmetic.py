from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadInputError
from workbench.zeroshot import Term, composed_vector, parse_query

AXES = np.eye(4, dtype=np.float32)
WORDS = {"snow": AXES[1], "night": AXES[2]}


def vector(query: str) -> np.ndarray:
    terms = parse_query(query)
    parts = [WORDS[term.words] if term.number is None else AXES[term.number] for term in terms]
    return composed_vector(terms, np.stack(parts))


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("a red heart", (Term(1, "a red heart"),)),
        ("#12", (Term(1, number=12),)),
        ("# 12  +  deep snow − night", (Term(1, number=12), Term(1, "deep snow"), Term(-1, "night"))),
        ("T-shirt + red", (Term(1, "T-shirt"), Term(1, "red"))),
        ("number #12", (Term(1, "number #12"),)),
    ],
)
def test_a_query_is_read_part_by_part_and_hyphens_stay_in_words(query: str, terms: tuple[Term, ...]) -> None:
    assert parse_query(query) == terms


def test_the_vector_is_the_scaled_sum_of_the_parts() -> None:
    np.testing.assert_allclose(vector("#0 + snow - night"), np.array([1, 1, -1, 0]) / np.sqrt(3), rtol=1e-6)
    np.testing.assert_array_equal(vector("#3"), AXES[3])
    np.testing.assert_array_equal(vector("snow"), AXES[1])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("  ", "The query is empty"),
        ("#1 + ", "A part of '#1 \\+' is empty. Write it like: #12"),
        ("- night", "A part of '- night' is empty"),
        ("snow - snow", "cancel each other out"),
    ],
)
def test_a_query_without_a_direction_is_refused(query: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        vector(query)


def test_as_many_vectors_as_terms_are_needed() -> None:
    with pytest.raises(BadInputError, match=r"vectors has shape \(4, 4\); expected axes \(term=2, feature\)"):
        composed_vector(parse_query("#0 + snow"), AXES)
