"""Views of the fusion lab as plain data: graphs, tables, curves, attention, and the order of items."""

from __future__ import annotations

import numpy as np
import pytest

from tests import fusion_fakes as fakes
from widgets.fusion.attention import attention_maps, crossings
from widgets.fusion.example_view import item_order, space_bytes
from widgets.fusion.graph import fusion_graph
from widgets.fusion.plane_view import planes_of, slider_name
from widgets.fusion.presets import PRESETS
from widgets.fusion.report_view import cost_view, curves_view, quality_view
from workbench import fusion


def test_there_are_presets_that_work_and_presets_that_fail() -> None:
    assert {wish.works for wish in PRESETS} == {True, False}


def test_a_tile_that_a_cancelled_run_did_not_reach_is_left_out() -> None:
    made = fakes.regions(("slider-0", "mean-logits"))
    half = made.probability.copy()
    half[1] = np.nan
    assert list(planes_of(fakes.replace(made, probability=half))) == ["slider-0"]


def test_the_slider_names_what_compute_builds() -> None:
    assert [slider_name(*at, 3) for at in ((0, 0), (1, 4), (3, 4))] == ["slider-0", "slider-1b4", "slider-3"]
    for layer in range(4):
        assert fusion.card(slider_name(layer, 0, 3), depth=3).where


@pytest.mark.parametrize("card", fusion.available(), ids=lambda card: card.name)
def test_every_fusion_has_a_graph_whose_edges_join_its_own_nodes(card) -> None:
    graph = fusion_graph(card, depth=2)
    names = [node["id"] for node in graph["nodes"]]
    assert len(set(names)) == len(names) and "answer" in {node["kind"] for node in graph["nodes"]}
    assert {edge[end] for edge in graph["edges"] for end in ("from", "to")} <= set(names)
    reached = {edge["from"] for edge in graph["edges"]}
    assert {node["id"] for node in graph["nodes"] if node["kind"] != "answer"} <= reached | {"b"} | {
        edge["to"] for edge in graph["edges"] if edge["kind"] == "unread"
    }


def test_a_bottleneck_in_the_last_layer_only_is_drawn_as_never_read() -> None:
    def unread(layer: int) -> int:
        card = fusion.card(slider_name(layer, 4, 3), depth=3)
        graph = fusion_graph(card, depth=3, layer=layer, bottleneck=4)
        return sum(edge["kind"] == "unread" for edge in graph["edges"])

    assert unread(2) > 0
    assert fusion.card("slider-2b4", depth=3).kind == "additive"


def test_quality_stands_beside_its_lines_and_differences_are_paired_by_seed() -> None:
    report = fakes.report()
    view = quality_view(report, "accuracy", "mean-logits")
    assert {line["name"] for line in view["lines"]} == {"chance", "upper bound", "best additive model"}
    row = next(row for row in view["rows"] if row["fusion"] == "early-tokens")
    values = report.metrics["accuracy"]
    expected = (values[report.index("early-tokens")] - values[report.index("mean-logits")]).mean()
    assert row["difference"][0] == pytest.approx(expected, abs=1e-4) and row["sure"] is True
    assert view["order"][0] in ("concat-mlp", "early-tokens", "bottleneck")
    assert quality_view(report, "nll", "mean-logits")["order"][-1] in ("mean-logits", "only-image")


def test_nothing_on_the_cost_front_is_beaten_in_both() -> None:
    view = cost_view(fakes.report(), "parameters", "accuracy")
    front = [row for row in view["rows"] if row["front"]]
    for row in front:
        assert not any(o["cost"] < row["cost"] and o["mean"] > row["mean"] for o in view["rows"])
    assert front and len(front) < len(view["rows"])


def test_a_curve_has_the_mean_and_the_range_of_the_seeds() -> None:
    report = fakes.report()
    point = curves_view(report, "train_loss")["rows"][1]["points"][0]
    seeds = report.curves["train_loss"][1, :, 0]
    assert point == [1, *(round(float(v), 4) for v in (seeds.mean(), seeds.min(), seeds.max()))]


def test_attention_sums_to_what_each_side_got_and_crossing_is_what_left_its_own_side() -> None:
    look = fakes.look(fakes.report(), "early-tokens", [25])
    tokens = {"image": 6, "text": 4}
    maps = attention_maps(look.attentions, tokens, 0)
    assert maps and all(0 <= share <= 1.001 for one in maps for share in _numbers(one))
    shares = crossings(look.attentions, tokens)
    assert any(value == pytest.approx(0.75, abs=0.01) for value in _numbers(shares))


def _numbers(thing: object) -> list[float]:
    """Every fraction inside nested dicts and lists (whole numbers are places, not shares)."""
    if isinstance(thing, float):
        return [thing]
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else ()
    return [number for one in inner for number in _numbers(one)]


def test_items_that_only_this_fusion_has_right_come_first() -> None:
    report = fakes.report()
    first = item_order(report, "early-tokens", "only this one right")[0]
    right = report.probability.argmax(axis=2)[:, first] == report.truth[first]
    assert right[report.index("early-tokens")] and right.sum() < len(report)
    wrong = item_order(report, "only-image", "this one wrong")[0]
    assert report.probability[report.index("only-image"), wrong].argmax() != report.truth[wrong]


def test_the_fused_space_fills_its_square_for_every_fusion() -> None:
    report = fakes.report()
    maps = np.frombuffer(space_bytes(report), np.uint16).reshape(len(report), len(report.items), 2)
    assert (maps.min(axis=1) == 0).all() and (maps.max(axis=1) == 65535).all()
