"""The lens without a browser, on hand-made traces: what is sent, what is refused, what can be read back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from tests.fakes import FakeEncoder
from widgets import AttentionLens, show
from widgets.lens.snapshot import coloured
from widgets.lens.view import AIM, COLOURS, decode, groups_of, pack, token_ids
from workbench import data, models
from workbench.capture import AttentionMap, Site, TokenLayout, Trace, capture, rollout
from workbench.errors import BadInputError, UnknownNameError

IMAGE = TokenLayout("image", 7, (2, 3), 1, pooling="token", pooled=0)
TEXT = TokenLayout("text", 5, words=("<start>", "a", "cat", "<end>"), padded=(4,))
HOSTILE = "<img src=x onerror=alert(1)>"


def soft(*shape: int, causal: bool = False, seed: int = 0) -> np.ndarray:
    scores = np.exp(2 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)
    if causal:
        scores *= np.tril(np.ones(shape[-2:], np.float32))
    return scores / scores.sum(axis=-1, keepdims=True)


def made(
    query: TokenLayout,
    key: TokenLayout,
    *,
    layers: int = 3,
    heads: int = 2,
    kind: str = "self",
    name: str = "",
):
    maps = {}
    for layer in range(layers):
        own = f"{name or query.side}.{layer}"
        site = Site(own, f"blocks.{own}", kind, layer, heads, query, key)  # type: ignore[arg-type]
        causal = kind == "self" and query.side == "text"
        maps[own] = AttentionMap(site, soft(heads, query.count, key.count, causal=causal, seed=layer))
    return maps


@pytest.fixture
def trace() -> Trace:
    picture = np.zeros((20, 30, 3), np.uint8)
    return Trace(made(IMAGE, IMAGE) | made(TEXT, TEXT, layers=2), picture=picture, text="a cat")


@pytest.fixture
def lens(trace: Trace) -> Iterator[AttentionLens]:
    lens = show(trace)
    yield lens
    assert lens.wait(10)


@pytest.fixture(scope="module")
def real() -> tuple[Trace, object]:
    model = models.load("shapes-clip")
    return capture(model, data.load("shapes", n=4)[0]), model


def choose(lens: AttentionLens, **changes: object) -> None:
    lens.selected = dict(lens.selected) | changes


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
    monkeypatch.setattr("widgets.lens.view.MOST", 10)
    monkeypatch.setattr("widgets.lens.view.AIM", 5)
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
    assert said in lens._status["error"]
    assert lens.selected == before
    choose(lens, token=3)
    assert lens._status["error"] == ""


def test_a_choice_without_all_its_parts_is_refused(lens: AttentionLens) -> None:
    lens.selected = {"site": "image.0"}
    assert "selected lacks 'reading'" in lens._status["error"]


def test_rollout_is_refused_where_maps_are_not_square() -> None:
    cross = made(TEXT, IMAGE, kind="cross", name="cross")
    lens = show(Trace(cross))
    choose(lens, reading="rollout")
    assert "Rollout multiplies whole square maps" in lens._status["error"]
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
    assert "this trace has none" in lens._status["error"]
    assert lens.without is None


def test_taking_parts_away_gives_the_score_beside_random_parts(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    lens.masked = {"patches": [9, 10], "words": [3]}
    assert lens.wait(60)
    assert lens.without is not None and len(lens.without.random) == 8
    assert lens._now["without"]["before"] == pytest.approx(trace.score, abs=1e-4)
    assert "score_without(model, pair, patches=[9, 10], words=[3])" in lens.code() or lens._now["code"]
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
    assert said in lens._status["error"]


def test_words_and_patches_of_two_towers_are_compared_by_their_own_heads(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    assert lens.wait(60)
    words = len(trace.group("text")[-1].query.words)
    assert np.frombuffer(lens._alike, "<f4").size == words * 64


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
    assert lens._status["state"] == "error"


def test_the_code_gives_the_numbers_on_the_screen(real) -> None:
    trace, model = real
    lens = show(trace, model=model)
    for changes in (
        {"reading": "head", "head": 2, "token": 7, "site": "image.1"},
        {"reading": "mean", "backwards": True},
        {"reading": "rollout"},
        {"backwards": False},
    ):
        choose(lens, **changes)
        space: dict[str, object] = {}
        exec(lens.code(), space)
        assert np.abs(space["weights"] - lens.weights).max() < 1e-5  # type: ignore[operator]
    assert lens.wait(60)


def test_the_snapshot_escapes_text_and_holds_the_numbers(tmp_path) -> None:
    words = TokenLayout("text", 3, words=(HOSTILE, "a", "b"))
    lens = show(Trace(made(words, words), text=HOSTILE))
    page = lens.snapshot()
    assert HOSTILE not in page.html and "&lt;img" in page.html
    files = page.save(tmp_path / "lens")
    stored = np.load(files[2])
    assert np.array_equal(stored["text.2"], lens.trace.attention("text.2").values)
    assert np.array_equal(stored["text.2.shown"], lens.weights)
    assert json.loads(files[3].read_text())["selected"]["site"] == "text.2"


@pytest.mark.parametrize("backwards", [False, True])
def test_the_snapshot_of_a_picture_has_one_row_a_layer(lens: AttentionLens, backwards: bool) -> None:
    choose(lens, backwards=backwards, token=5, reading="head", head=1)
    page = lens.snapshot()
    assert page.html.count("<img") == 3
    assert "row 1, column 1" in page.title


def test_one_kept_row_is_enough_for_a_lens(trace: Trace) -> None:
    site = trace.attention("image.0").site
    only = AttentionMap(site, soft(2, 1, 7), np.array([0]))
    lens = show(Trace({"image.0": only}))
    assert lens._view["groups"][0]["queries"] == [0]
    assert np.array_equal(lens.weights, only.values.mean(axis=0)[0])


def test_colours_rise_evenly_in_lightness_and_a_flat_map_is_one_colour() -> None:
    stops = np.array([[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in COLOURS]) / 255
    linear = np.where(stops <= 0.04045, stops / 12.92, ((stops + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)
    steps = np.diff(lightness)
    assert steps.min() > 0.75 * steps.mean() and steps.max() < 1.25 * steps.mean()
    assert len(np.unique(coloured(np.full((4, 5), 0.01), 0.2).reshape(-1, 3), axis=0)) == 1


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
