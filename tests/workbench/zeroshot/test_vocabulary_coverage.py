"""Words that a text tower cannot tell apart are named; vocabularies that spell words out name none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fakes import FakeEncoder, colour_pairs
from workbench import models
from workbench.models.base import TokenView
from workbench.zeroshot import classify, unread_words


class ThreeWords(FakeEncoder):
    """Knows red, green and blue; every other word is its unknown token."""

    def tokens(self, text: str) -> TokenView:
        pieces = tuple(word if word in ("red", "green", "blue") else "[UNK]" for word in text.split())
        unknown = tuple(place for place, piece in enumerate(pieces) if piece == "[UNK]")
        return TokenView(pieces, 16, False, unknown)


def test_the_words_themselves_are_named_once_each() -> None:
    assert unread_words(ThreeWords(), ["red", "red 猫 猫", "狗"]) == ((), ("猫",), ("狗",))


def test_a_vocabulary_without_an_unknown_token_is_not_asked_about_every_text() -> None:
    encoder = FakeEncoder()
    asked: list[str] = []
    tokens = encoder.tokens
    encoder.tokens = lambda text: asked.append(text) or tokens(text)  # type: ignore[method-assign]
    assert unread_words(encoder, [f"word {k}" for k in range(5000)]) == ((),) * 5000
    assert len(asked) == 1


def test_a_ranking_says_which_labels_were_not_read() -> None:
    ranking = classify(ThreeWords(), colour_pairs(), ["red", "猫", "狗"])
    assert ranking.unread == ((), ("猫",), ("狗",))
    assert any(
        "1 of 3 labels is made of words this model's text tower knows" in n for n in ranking.provenance.notes
    )
    assert classify(ThreeWords(), colour_pairs(), ["red", "blue"]).provenance.notes == ()


@pytest.mark.parametrize(
    ("name", "text", "unread"),
    [
        ("photo-lite", "a 猫 on a mat", ("猫",)),
        ("photo-lite", "Katze", ()),
        ("shapes-clip", "a red cat", ("cat",)),
        ("emoji-clip", "猫", ()),
        ("emoji-clip", "кошка", ()),
    ],
)
def test_shipped_models(name: str, text: str, unread: tuple[str, ...]) -> None:
    assert unread_words(models.load(name), [text]) == (unread,)


def test_unread_words_have_one_vector_between_them() -> None:
    first, second = models.load("photo-lite").encode_texts(["猫", "狗"])
    np.testing.assert_allclose(first, second, atol=1e-6)
