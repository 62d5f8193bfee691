"""The lens without a browser, on hand-made traces: what is sent, what is refused, what can be read back."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.fakes import FakeEncoder
from tests.widgets.lens_maps import IMAGE, TEXT, choose, made, soft
from widgets import AttentionLens, show
from widgets.lens.linking import link_of
from widgets.lens.trace_view import AIM, decode, groups_of, pack, token_ids
from workbench import data, models
from workbench.attribution import WordPointing
from workbench.capture import AttentionMap, TokenLayout, Trace, capture, rollout
from workbench.errors import BadInputError, UnknownNameError


def test_show_takes_a_trace(lens: AttentionLens) -> None:
    assert isinstance(lens, AttentionLens)
    assert lens.selected == {"site": "image.2", "reading": "mean", "head": 0, "token": 0, "backwards": False}


def test_every_weight_comes_back_within_the_stated_error(trace: Trace) -> None:
    groups = groups_of(trace)
    packed = pack(groups)
    for number, group in enumerate(groups):
        sent = decode(packed, group, number)
        for layer in range(len(group.maps)):
            exact = group.values(layer)
            assert np.all(
                np.abs(sent[layer] - exact) <= np.sqrt(exact) / packed.levels + 0.26 / packed.levels**2
            )
    assert np.all(decode(packed, groups[1], 1)[:, :, 0, 1:] == 0)  # a causal zero is exactly zero


def test_padding_that_nobody_attends_to_stays_behind(trace: Trace) -> None:
    text = groups_of(trace)[1]
    assert text.queries.tolist() == text.keys.tolist() == [0, 1, 2, 3]


def test_padding_that_is_attended_to_is_sent() -> None:
    maps = made(TEXT, TEXT, layers=1)
    site = maps["text.0"].site
    maps["text.0"] = AttentionMap(site, np.full((2, 5, 5), 0.2, np.float32))
    group = groups_of(Trace(maps))[0]
    assert group.keys.tolist() == [0, 1, 2, 3, 4]


def test_a_vit_b16_lens_is_under_four_megabytes() -> None:
    layout = TokenLayout("image", 197, (14, 14), 1, pooling="token", pooled=0)
    lens = show(Trace(made(layout, layout, layers=12, heads=12)))
    assert len(lens._maps) < AIM
    assert len(json.dumps(lens._view)) < 100_000


def test_maps_too_large_for_a_message_are_refused_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setattr("widgets.lens.trace_view.MOST", 10)
    monkeypatch.setattr("widgets.lens.trace_view.AIM", 5)
    trace = Trace(made(IMAGE, IMAGE))
    with pytest.raises(
        BadInputError, match=r"more than a browser is sent.*sites=\['image.11'\].*rows='pooled'"
    ):
        AttentionLens(trace)


def test_some_sites_can_be_shown_alone(trace: Trace) -> None:
    lens = show(trace, sites=["image.1"])
    assert [group["sites"] for group in lens._view["groups"]] == [["image.1"]]
    with pytest.raises(UnknownNameError, match=r"image\.9"):
        show(trace, sites=["image.9"])
    with pytest.raises(BadInputError, match="sites is empty"):
        show(trace, sites=[])


def test_the_view_is_json_and_its_figures_are_those_of_compute(lens: AttentionLens, trace: Trace) -> None:
    from workbench.capture import head_statistics

    group = json.loads(json.dumps(lens._view, allow_nan=False))["groups"][0]
    for layer, name in enumerate(group["sites"]):
        figures = head_statistics(trace.attention(name))
        assert group["figures"]["entropy"][layer] == pytest.approx(figures.entropy.tolist(), rel=1e-3)
        assert group["figures"]["distance"][layer] == pytest.approx(figures.distance.tolist(), rel=1e-3)
    assert group["figures"]["cross"][0] == [None, None]


def test_the_weights_on_the_screen_are_those_captured(lens: AttentionLens, trace: Trace) -> None:
    values = trace.attention("image.1").values
    choose(lens, site="image.1", reading="head", head=1, token=4)
    assert np.array_equal(lens.weights, values[1, 4])
    choose(lens, backwards=True)
    assert np.array_equal(lens.weights, values[1, :, 4])
    choose(lens, backwards=False, reading="mean")
    assert lens.weights == pytest.approx(values[:, 4].mean(axis=0), abs=1e-7)
    choose(lens, reading="rollout")
    flow = rollout([trace.attention(name) for name in ("image.0", "image.1")])
    assert lens.weights == pytest.approx(flow[4])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"site": "image.9"}, "no site 'image.9' in this lens"),
        ({"head": 7}, "no head 7; image.2 has 2, from 0"),
        ({"reading": "max"}, "reading is 'max'; expected one of head, mean, rollout"),
        ({"token": 99}, "no token 99 to look from; there are 0 to 6"),
    ],
)
def test_a_wrong_choice_is_said_in_the_lens_and_what_was_there_stays(lens, wrong, said) -> None:
    before = dict(lens.selected)
    choose(lens, **wrong)
    assert said in lens.errors[""]
    assert lens.selected == before
    choose(lens, token=3)
    assert lens.errors == {}


def test_a_choice_without_all_its_parts_is_refused(lens: AttentionLens) -> None:
    lens.selected = {"site": "image.0"}
    assert "selected lacks 'reading'" in lens.errors[""]


def test_rollout_is_refused_where_maps_are_not_square() -> None:
    cross = made(TEXT, IMAGE, kind="cross", name="cross")
    lens = show(Trace(cross))
    choose(lens, reading="rollout")
    assert "Rollout multiplies whole square maps" in lens.errors[""]
    assert lens._view["groups"][0]["square"] is False


def test_a_token_keeps_its_name_in_every_sequence_it_stands_in() -> None:
    joint = TokenLayout("joint", 12, (2, 3), 6, ("[CLS]", "a", "cat"), 0, (3, 4), "token", 0)
    assert token_ids(IMAGE)[1:] == [f"p:{k}" for k in range(6)]
    assert token_ids(joint)[6:] == [f"p:{k}" for k in range(6)]
    assert token_ids(joint)[:3] == ["w:0", "w:1", "w:2"] == token_ids(TEXT)[:3]
    assert token_ids(TokenLayout("image", 1), "pooling") == ["q:image:0"]


def test_without_a_model_nothing_is_taken_away_and_the_reason_stands_there(lens: AttentionLens) -> None:
    assert "this trace has none" in lens._now["refusal"]
    lens.masked = {"patches": [1], "words": []}
    assert "this trace has none" in lens.errors["mask"]
    assert lens.without is None


def test_taking_parts_away_gives_the_score_beside_random_parts(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    lens.masked = {"patches": [9, 10], "words": [3]}
    assert lens.wait(60)
    assert lens.without is not None and len(lens.without.random) == 8
    assert lens._now["without"]["before"] == pytest.approx(trace.score, abs=1e-4)
    assert "score_without(model, pair, patches=[9, 10], words=[3])" in lens._now["code"]
    lens.masked = {"patches": [], "words": []}
    assert lens.wait(10) and lens.without is None and lens._now["without"] is None


@pytest.mark.parametrize(
    ("masked", "said"),
    [
        ({"patches": list(range(64))}, "All 64 patches would be taken away; leave at least one"),
        ({"patches": [64]}, "patches holds 64; those that can be taken away are 0 to 63"),
        ({"words": [0]}, "words holds 0; those that can be taken away are"),
    ],
)
def test_impossible_masks_are_said_in_the_lens(real, masked, said) -> None:
    trace, model = real
    lens = show(trace, model=model)
    lens.masked = masked
    assert lens.wait(60)
    assert said in lens.errors["mask"]


def test_words_and_patches_of_two_towers_are_compared_by_their_own_heads(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    assert lens.wait(60)
    sent = np.frombuffer(lens._alike, "<f4")
    assert sent.size == len(trace.group("text")[-1].query.words) * 64
    assert np.array_equal(sent, lens.cosines.ravel(), equal_nan=True)
    assert lens.pointing is not None and lens.pointing.holds("values")
    assert "62 % ± 5 % of 350 words" in lens._now["link"]["said"] and not lens._now["link"]["measure"]


def test_cosines_that_do_not_tell_words_apart_are_not_offered() -> None:
    pairs = data.load("emoji")
    model = models.load("emoji-clip")
    lens = show(capture(model, pairs[pairs.texts.index("red apple")]))
    assert lens.wait(60)
    assert lens.cosines is None and lens._alike == b""
    assert re.search(r"not offered here.* 14 % ± 4 % .*any object 45 %", lens._now["link"]["said"])


def test_a_model_that_nobody_measured_says_so_and_is_measured_on_demand(real, monkeypatch) -> None:
    trace, model = real
    monkeypatch.setattr("widgets.lens.attention_lens.pointing_of", lambda model: None)
    lens = show(trace, model=model)
    assert lens.wait(60)
    assert "not measured for this model" in lens._now["link"]["said"] and lens._now["link"]["measure"]
    assert lens.cosines is not None and lens.pointing is None
    lens._handle_custom_msg({"kind": "measure"}, [])
    assert lens.wait(120)
    assert lens.pointing is not None and lens.pointing.words == 350
    assert "62 % ± 5 %" in lens._now["link"]["said"] and lens.working == {}


def test_a_measurement_that_turns_out_badly_takes_the_cosines_away(real, monkeypatch) -> None:
    trace, model = real
    made = WordPointing({"values": 0.3}, 0.07, 0.45, 100, 20)
    monkeypatch.setattr("widgets.lens.attention_lens.pointing_of", lambda model: None)
    monkeypatch.setattr(
        "workbench.attribution.evaluation.word_pointing_game.point_words", lambda *_, **__: made
    )
    lens = show(trace, model=model)
    assert lens.wait(60) and lens.cosines is not None
    lens.measure()
    assert lens.wait(60)
    assert lens.cosines is None and lens._alike == b"" and "not offered" in lens._now["link"]["said"]


def test_what_is_said_of_cosines_follows_the_figures() -> None:
    assert link_of(None).measure and link_of(None).offered
    good = link_of(WordPointing({"values": 0.7}, 0.07, 0.45, 350, 60))
    bad = link_of(WordPointing({"values": 0.47}, 0.07, 0.45, 350, 60))
    assert good.offered and not bad.offered and not good.measure and not bad.measure
    assert "chance 7 %" in good.said and "47 %" in bad.said


def test_a_model_that_is_gone_is_named_with_the_remedy(real) -> None:
    from dataclasses import replace

    trace, _ = real
    lens = show(replace(trace, live=None))
    assert "show(trace, model=model)" in lens._now["refusal"]


def test_a_model_of_another_kind_refuses_and_the_lens_stays(real) -> None:
    trace, _ = real
    lens = show(trace, model=FakeEncoder())
    assert lens.wait(10)
    lens.masked = {"patches": [1], "words": []}
    assert lens.wait(10)
    assert lens.errors["mask"] and lens.working == {}


def test_a_choice_that_does_not_exist_is_refused(trace: Trace) -> None:
    with pytest.raises(BadInputError, match="A lens has no 'colour'; it has selected, masked"):
        show(trace, colour="red")
    with pytest.raises(BadInputError, match="There is no head 7"):
        show(trace, selected={"head": 7})
    lens = show(trace, selected={"head": 1, "reading": "head"}, opacity=0.25)
    assert lens.selected["site"] == "image.2" and lens.selected["head"] == 1 and lens.opacity == 0.25


def test_one_kept_row_is_enough_for_a_lens(trace: Trace) -> None:
    site = trace.attention("image.0").site
    only = AttentionMap(site, soft(2, 1, 7), np.array([0]))
    lens = show(Trace({"image.0": only}))
    assert lens._view["groups"][0]["queries"] == [0]
    assert np.array_equal(lens.weights, only.values.mean(axis=0)[0])


def test_attention_between_two_sequences_is_read_in_both_directions() -> None:
    cross = made(TEXT, IMAGE, kind="cross", name="cross")
    lens = show(Trace(made(IMAGE, IMAGE) | cross))
    group = lens._view["groups"][1]
    assert (group["query_patches"], group["key_patches"]) == (False, True)
    choose(lens, site="cross.1", reading="head", head=0, token=2)
    assert np.array_equal(lens.weights, cross["cross.1"].values[0, 2])
    choose(lens, token=6, backwards=True)
    assert np.array_equal(lens.weights, cross["cross.1"].values[0, :, 6])


def test_models_of_other_shapes_get_a_grid_of_their_own() -> None:
    wide = TokenLayout("image", 9, (2, 4), 1, pooling="token", pooled=0)
    maps = made(IMAGE, IMAGE) | made(IMAGE, IMAGE, heads=3, name="late")
    groups = show(Trace(maps))._view["groups"]
    assert [(group["key"], group["heads"]) for group in groups] == [("image", 2), ("image#2", 3)]
    assert show(Trace(made(wide, wide)))._view["grid"] == (2, 4)
