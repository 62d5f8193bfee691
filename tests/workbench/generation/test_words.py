"""Tokens become words as people read them."""

from __future__ import annotations

import pytest

from workbench.generation.words import words_of


@pytest.mark.parametrize(
    ("pieces", "ends", "words"),
    [
        (["a", " red", " st", "ar", ".", ""], 1, ["a", " red", " star", ".", ""]),
        (["don", "'", "t", " stop"], 0, ["don't", " stop"]),
        (["half", "-", "red", ","], 0, ["half-red", ","]),
        (["3", ".", "5", " kg"], 0, ["3.5", " kg"]),
        (["star", ".", " 2"], 0, ["star", ".", " 2"]),
        (["一", "个红", "色", "，", "圆"], 0, ["一", "个红", "色", "，", "圆"]),
        (["", "", "红", "", "", "圆", ""], 1, ["红", "圆", ""]),
        (["star.", "Then"], 0, ["star.", "Then"]),
        (["a star", "s"], 0, ["a stars"]),
        ([" ", "red", " ", "dot"], 0, [" red", " dot"]),
        (["हि", "न्दी", " है"], 0, ["हिन्दी", " है"]),
        (["a", "\n", "\n", "b", "\n"], 0, ["a", "\n\nb\n"]),
        (["(", "no", ")", "!", "!"], 0, ["(", "no", ")", "!", "!"]),
        ([""], 1, [""]),
        ([""], 0, [""]),
        (["a", ""], 0, ["a"]),
        ([], 0, []),
    ],
)
def test_tokens_are_grouped_into_words(pieces, ends, words):
    found = words_of(pieces, ends)
    assert ["".join(pieces[start:stop]) for start, stop in found] == words
    assert [step for start, stop in found for step in range(start, stop)] == list(range(len(pieces)))
