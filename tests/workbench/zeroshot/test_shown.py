"""What a result shows of itself in a notebook: pictures, a diagram, rounded numbers, never markup of users."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.fakes import FakeEncoder, colour_pairs
from workbench.formatting import html_table
from workbench.results import Ranking
from workbench.zeroshot import classify, reject_cost, reliability, retrieve

LABELS = ["red", "green", "blue"]


@pytest.fixture
def ranking() -> Ranking:
    return classify(FakeEncoder(), colour_pairs(labels=True), LABELS)


def rows_of(html: str) -> list[str]:
    return re.findall(r"<tr>.*?</tr>", html)[1:]


def test_a_search_shows_the_pictures_it_found_best_first() -> None:
    found = retrieve(FakeEncoder(), colour_pairs(), "something blue")
    rows = rows_of(found._repr_html_())
    assert len(rows) == 4 and all(row.count("data:image/webp") == 1 for row in rows)
    assert "a blue card" in rows[0] and f"{found.cosine.max():.3f}" in rows[0]
    assert rows[1].split("base64,")[1][:400] != rows[0].split("base64,")[1][:400]


def test_a_search_for_texts_shows_the_picture_that_was_asked_about() -> None:
    found = retrieve(FakeEncoder(), colour_pairs(), 1)
    html = found._repr_html_()
    assert html.count("data:image/webp") == 1
    assert html.index("data:image") < html.index("<table")


def test_a_ranking_shows_its_pictures_and_says_how_many_of_them(ranking: Ranking) -> None:
    assert len(rows_of(ranking._repr_html_())) == 4
    many = classify(FakeEncoder(), colour_pairs(["red", "green"] * 20), LABELS)
    assert ", the first 10" in many._repr_html_() and len(rows_of(many._repr_html_())) == 10
    assert "data:image" not in replace(ranking, pairs=None)._repr_html_()


def test_texts_of_users_are_escaped_and_stand_left_while_numbers_stand_right() -> None:
    html = html_table("<b>", ("text", "share"), [("<script>", "12.3%"), ("b", "−0.4")])
    assert "<script>" not in html and "<b>" not in html
    assert 'style="text-align: left">&lt;script&gt;' in html
    assert 'style="text-align: right">12.3%' in html and 'style="text-align: right">−0.4' in html


def test_the_diagram_draws_each_bin_at_its_own_height(ranking: Ranking) -> None:
    shown = reliability(ranking, bins=5)
    html = shown._repr_html_()
    svg = ElementTree.fromstring(re.search(r"<svg.*</svg>", html)[0])
    filled = np.flatnonzero(shown.count)
    bars = [group for group in svg.iter("g") if group[0].text.endswith("sure")]
    assert len(bars) == len(filled)
    for group, place in zip(bars, filled, strict=True):
        _, accuracy, confidence = group
        assert float(accuracy.get("height")) == pytest.approx(240 * shown.accuracy[place], abs=0.1)
        assert float(confidence.get("y")) + 1.5 == pytest.approx(
            12 + 240 * (1 - shown.confidence[place]), abs=0.2
        )
    assert f"{shown.error:.3f}" in html and "less sure than it is right" in html


def test_the_gap_is_confidence_minus_accuracy(ranking: Ranking) -> None:
    best = np.take_along_axis(ranking.probability, ranking.best[:, None], axis=1)
    assert reliability(ranking).gap == pytest.approx(float(best.mean()) - ranking.accuracy, abs=1e-6)


def test_the_price_of_a_threshold_is_a_sentence_of_rounded_numbers(ranking: Ranking) -> None:
    said = repr(reject_cost(ranking, 0.5123456789, measure="cosine"))
    assert said.startswith("RejectCost(cosine below 0.512: ")
    assert "no wrong ones caught" in said
    assert not re.search(r"\d\.\d{4,}", said) and "np." not in said
