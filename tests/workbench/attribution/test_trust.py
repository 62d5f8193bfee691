"""Scores beside their baselines: what they are, what they cost, and that they can tell right from wrong."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from workbench import data, models
from workbench.attribution import (
    MEASURES,
    PointingTable,
    Protocol,
    attribute,
    expected_cost,
    faithfulness,
    play_pointing,
    pointing_card,
)
from workbench.attribution.evaluation import faithfulness as scoring
from workbench.attribution.evaluation.faithfulness import randomised, share_of_best
from workbench.attribution.evaluation.masks import covered, hits, named_things, scene_mask, seen_mask
from workbench.attribution.evaluation.pointing_game import scenes_by_count
from workbench.attribution.evaluation.reference_curves import References, _memory, _sizes
from workbench.attribution.methods.baselines import random_map
from workbench.errors import BadInputError, BadWeightsError, UnavailableError, UnknownNameError


@pytest.fixture(scope="module")
def model():
    return models.load("shapes-clip")


@pytest.fixture(scope="module")
def scene() -> data.Pair:
    """A scene of three things."""
    return scenes_by_count(3, 1)[0]


@pytest.fixture(scope="module")
def heatmap(model, scene):
    thing = scene.columns["scene"].things[0]
    return attribute(model, scene, method="hires-cam", target=f"a {thing.colour} {thing.shape}")


def test_the_price_said_before_is_the_price_paid(heatmap) -> None:
    _memory.clear()
    for measures in (("deletion",), ("deletion", "insertion"), MEASURES):
        told, found = expected_cost(heatmap, measures), faithfulness(heatmap, measures=measures)
        assert (told.forwards, told.backwards) == (found.cost.forwards, found.cost.backwards)
        assert tuple(found.measures) == tuple(measures)
    assert expected_cost(heatmap, ("pointing", "overlap")).forwards == 0


def test_thirty_random_maps_with_their_sample_deviation(heatmap) -> None:
    found = faithfulness(heatmap, measures=("deletion", "insertion", "overlap", "randomisation"))
    assert found.protocol.baselines == 30
    for name in ("deletion", "insertion"):
        curve = found.curves[name]
        areas = np.trapezoid(curve.random, curve.share.astype(float), axis=1)
        assert found[name].random == pytest.approx(areas.mean(), abs=1e-6)
        assert found[name].spread == pytest.approx(statistics.stdev(areas.tolist()), rel=1e-4)
    # Kept patches are a random set of the same size in both, so the expectations are equal; so are the samples.
    assert found["deletion"].random == pytest.approx(found["insertion"].random, abs=1e-6)


def test_random_curves_are_those_of_random_orders_masked_by_hand(model, heatmap, scene) -> None:
    """Deletion takes away what insertion of the same map shows last, so the pictures are the same."""
    protocol = Protocol(steps=4, baselines=3, seed=11)
    found = faithfulness(heatmap, protocol=protocol)
    pixels = model.pixels([scene.picture])["pixel_values"]
    grey = pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels)
    text = torch.from_numpy(model.encode_texts([heatmap.target.text]))

    def seen(shown: np.ndarray) -> float:
        keep = np.kron(shown.reshape(8, 8), np.ones((8, 8)))[None, None]
        masked = torch.where(torch.from_numpy(keep) > 0, pixels, grey)
        with torch.no_grad():
            image = model.image_features({"pixel_values": masked})
        return float(torch.nn.functional.normalize(image, dim=-1)[0] @ text[0])

    for baseline in range(3):
        ranks = np.random.default_rng(11 + baseline).random((8, 8)).ravel().argsort()[::-1].argsort()
        for step in (1, 2, 3):
            right = seen(ranks < 16 * step)
            assert found.curves["insertion"].random[baseline, step] == pytest.approx(right, abs=1e-5)
            assert found.curves["deletion"].random[baseline, 4 - step] == pytest.approx(right, abs=1e-5)


def test_a_second_map_on_a_pair_costs_its_own_pictures_and_gives_what_it_would_alone(model, scene) -> None:
    first, second = (attribute(model, scene, method=name) for name in ("hires-cam", "relevance"))
    other = attribute(model, scene, method="hires-cam", target="a thing")
    _memory.clear()
    alone = faithfulness(second)
    _memory.clear()
    assert expected_cost(first).forwards == expected_cost(first, shared=False).forwards + 2 + 7 * 2 + 7 * 30
    costs = []
    for heatmap in (first, second, other):
        told = expected_cost(heatmap)
        found = faithfulness(heatmap)
        assert found.cost.forwards == told.forwards
        costs.append(found.cost.forwards)
    assert costs[1] == costs[2] == 7 * 2 + 1 and costs[0] == costs[1] + 226
    again = faithfulness(second)
    for name in ("deletion", "insertion"):
        for part in ("value", "random", "centre"):
            np.testing.assert_array_equal(
                getattr(again.curves[name], part), getattr(alone.curves[name], part)
            )
    fresh = faithfulness(second, protocol=Protocol(seed=5))  # another protocol is measured anew
    assert fresh.cost.forwards == costs[0] and fresh["deletion"].random != again["deletion"].random


def test_random_maps_are_kept_for_the_model_as_it_is(model, scene) -> None:
    """Neither a hook of somebody else's nor weights changed in place leave a wrong curve behind."""
    changed = copy(model)
    changed.model = deepcopy(model.model)  # the loaded one is everybody's
    heatmap = attribute(changed, scene, method="hires-cam")
    _memory.clear()
    right = faithfulness(heatmap, measures=("deletion",))["deletion"]
    hook = changed.model.visual.register_forward_hook(lambda module, given, output: -output)
    try:
        hooked = faithfulness(heatmap, measures=("deletion",))["deletion"]
    finally:
        hook.remove()
    assert hooked.random == pytest.approx(-right.random, abs=1e-5)
    assert faithfulness(heatmap, measures=("deletion",))["deletion"] == right
    with torch.no_grad():
        changed.model.visual.proj.neg_()
    turned = faithfulness(heatmap, measures=("deletion",))["deletion"]
    assert turned.random == pytest.approx(-right.random, abs=1e-5)


def test_maps_scored_side_by_side_in_threads_get_what_they_get_alone(model, scene) -> None:
    maps = [attribute(model, scene, method=name) for name in ("hires-cam", "relevance", "legrad", "rollout")]
    alone = [dict(faithfulness(heatmap).measures) for heatmap in maps]
    _memory.clear()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda heatmap: dict(faithfulness(heatmap).measures), maps * 2))
    assert together == alone * 2


def test_odd_numbers_of_patches_have_their_own_random_pictures_at_every_step() -> None:
    """With seven by seven cells no step lies at the middle, so the two curves read other pictures there."""
    protocol = Protocol(steps=8, baselines=2)
    inner, sizes = _sizes((7, 7), protocol)
    assert set(sizes) == set(inner.tolist()) | {49 - count for count in inner.tolist()}
    values = np.arange(2 + 14 + 2 * len(sizes), dtype=float)
    held = References(values, (7, 7), protocol)
    for name in ("deletion", "insertion"):
        shown = inner if name == "insertion" else 49 - inner
        wanted = [16 + sizes.index(int(count)) for count in shown]
        assert held.random(name)[0, 1:-1].tolist() == wanted
    assert held.centre("insertion")[1:-1].tolist() == values[2:9].tolist()
    assert held.centre("deletion")[[0, -1]].tolist() == [0, 1] == held.random("deletion")[1, [0, -1]].tolist()


def test_curves_begin_and_end_where_they_must(heatmap) -> None:
    found = faithfulness(heatmap)
    deletion, insertion = found.curves["deletion"], found.curves["insertion"]
    assert deletion.value[0] == pytest.approx(heatmap.score, abs=1e-5)
    assert insertion.value[-1] == pytest.approx(heatmap.score, abs=1e-5)
    assert deletion.value[-1] == pytest.approx(insertion.value[0], abs=1e-5)
    for curve in (deletion, insertion):
        assert curve.share[0] == 0 and curve.share[-1] == 1
        assert curve.random.shape == (found.protocol.baselines, found.protocol.steps + 1)
        area = np.trapezoid(curve.value, curve.share)
        assert found[curve.name].value == pytest.approx(float(area), abs=1e-5)


def test_a_map_of_the_mask_beats_random_and_its_opposite_does_not(model, heatmap, scene) -> None:
    truth = covered(seen_mask(model, scene, scene_mask(scene, heatmap.target.text)), (8, 8))
    right = faithfulness(
        replace(heatmap, image=truth), measures=("deletion", "insertion", "pointing", "overlap")
    )
    wrong = faithfulness(
        replace(heatmap, image=-truth), measures=("deletion", "insertion", "pointing", "overlap")
    )
    assert right["deletion"].value < right["deletion"].random < wrong["deletion"].value
    assert right["insertion"].value > right["insertion"].random > wrong["insertion"].value
    for name in ("pointing", "overlap"):
        assert right[name].beats_random and not wrong[name].beats_random, name
    assert right["pointing"].value == 1 and wrong["pointing"].value == 0
    chance = right["pointing"].random
    assert right["pointing"].spread == pytest.approx((chance * (1 - chance)) ** 0.5)
    assert right["pointing"].random == pytest.approx(hits(truth_mask(model, scene, heatmap), (8, 8)).mean())


def truth_mask(model, scene, heatmap):
    return seen_mask(model, scene, scene_mask(scene, heatmap.target.text))


def test_a_flat_map_gains_nothing(heatmap) -> None:
    flat = replace(heatmap, image=np.zeros((8, 8)))
    found = faithfulness(flat, measures=("pointing", "randomisation"))
    assert found["pointing"].value == pytest.approx(found["pointing"].random)
    assert found["randomisation"].value == 0
    assert share_of_best(np.zeros((2, 2)), np.array([[True, False], [False, False]])) == 0.25


def test_shuffled_weights_change_a_map_that_explains_and_leave_the_model_alone(model, heatmap) -> None:
    before = {name: value.clone() for name, value in model.model.state_dict().items()}
    other = randomised(model)
    assert all(torch.equal(before[name], value) for name, value in model.model.state_dict().items())
    weight = "visual.transformer.resblocks.0.attn.in_proj_weight"
    shuffled = other.model.state_dict()[weight]
    assert not torch.equal(shuffled, before[weight])
    assert torch.equal(shuffled.flatten().sort().values, before[weight].flatten().sort().values)
    found = faithfulness(heatmap, measures=("randomisation",))["randomisation"]
    assert found.value < 0.6 and found.centre == 1


def test_a_mask_is_brought_to_what_the_model_sees(clip_folder) -> None:
    from PIL import Image

    picture = np.full((40, 80, 3), 128, np.uint8)
    pair = data.from_pictures([Image.fromarray(picture)], texts=["x"])[0]
    model = models.load(str(clip_folder()))  # shortest side to 32, then a crop of the middle
    mask = np.zeros((40, 80), bool)
    mask[:20, 20:40] = True  # after the crop: the upper left quarter
    seen = seen_mask(model, pair, mask)
    assert seen.shape == (32, 32)
    assert seen[:15, :15].mean() > 0.98 and seen[17:].sum() == 0 and seen[:, 17:].sum() == 0
    outside = np.zeros((40, 80), bool)
    outside[:, :10] = True
    with pytest.raises(BadInputError, match="Nothing of the mask is left"):
        seen_mask(model, pair, outside)
    with pytest.raises(BadInputError, match=r"mask has shape \(3, 3\); expected .*\(40, 80\)"):
        seen_mask(model, pair, np.ones((3, 3)))


def test_what_padding_adds_round_a_picture_is_never_in_the_mask(model) -> None:
    from PIL import Image

    pair = data.from_pictures([Image.new("RGB", (96, 48), "red")], texts=["x"])[0]
    seen = seen_mask(model, pair, np.ones((48, 96), bool))  # shapes-clip pads to a square
    assert 0.4 < seen.mean() < 0.55 and not seen[:10].any() and not seen[-10:].any()


def test_named_things_follow_from_colour_and_shape(scene) -> None:
    things = scene.columns["scene"].things
    text = f"a {things[0].colour} {things[0].shape}"
    assert named_things(scene, text) == (0,)
    assert set(named_things(scene, f"{text} and a {things[2].colour} {things[2].shape}")) == {0, 2}
    assert named_things(scene, "nothing of the kind") == ()
    assert 0 in named_things(scene, f"something {things[0].colour}")


def test_without_a_mask_the_reason_is_given(heatmap, model) -> None:
    plain = data.from_pictures([heatmap.pair.picture], texts=["a red circle"])[0]
    found = faithfulness(attribute(model, plain), measures=("pointing",))
    assert not found.measures and "there is no mask" in found.skipped["pointing"]
    with pytest.raises(BadInputError, match="There is no measure 'pointing' here: there is no mask"):
        found["pointing"]


def test_requests_that_cannot_be_met_are_refused(heatmap) -> None:
    with pytest.raises(UnknownNameError, match=r"There is no measure 'deletoin'.*Did you mean 'deletion'"):
        faithfulness(heatmap, measures=("deletoin",))
    with pytest.raises(BadInputError, match="needs two of each"):
        faithfulness(heatmap, protocol=Protocol(steps=1))
    with pytest.raises(BadInputError, match="The model of this map is no longer loaded"):
        faithfulness(replace(heatmap, live=None))
    with pytest.raises(BadInputError, match="gave no map of the picture"):
        faithfulness(replace(heatmap, image=None, text=np.zeros(len(heatmap.tokens))))


@pytest.mark.slow
def test_with_two_things_named_the_second_order_map_finds_each(model) -> None:
    table = play_pointing(model, methods=["layer-cam", "interactions"], counts=(1, 3), scenes=6)
    both = table.scores["all named"]
    assert both["interactions"][1] >= 0.8
    assert both["layer-cam"][1] <= 0.4  # one map for three things
    assert table.scores["one named"]["layer-cam"][1] > 3 * table.scores["one named"]["random"][1]
    assert both["random"][1] < 0.15 and table.asked["all named"] == (6, 18)
    again = PointingTable.from_json(table.to_json())
    assert again.to_json() == table.to_json()
    assert "LayerCAM" in table._repr_html_()


def test_the_shipped_table_is_of_the_shipped_weights(model) -> None:
    table = pointing_card()
    assert table.provenance.weights == model.weights_hash
    assert table.counts == (1, 2, 3, 4)
    four = {name: row[3] for name, row in table.scores["all named"].items()}
    first_order = max(share for name, share in four.items() if name != "interactions")
    assert first_order <= 0.3 < 0.8 <= four["interactions"]
    with pytest.raises(UnavailableError, match="play_pointing"):
        pointing_card("emoji-clip")
    with pytest.raises(BadWeightsError, match="no table of the pointing game"):
        PointingTable.from_json("{}")
    with pytest.raises(BadInputError, match="expected at least 1 scene of 1 to 5 things"):
        scenes_by_count(9, 1)


def test_overlap_counts_the_patches_above_the_mean_and_none_of_a_flat_map(heatmap) -> None:
    """Intersection over union by plain sets, of a map in which half the patches are the mean itself."""
    height, width = heatmap.image.shape
    rows = np.indices((height, width))[0]
    values = np.where(rows < 2, 3.0, np.where(rows < height - 2, 2.0, 1.0)).astype(np.float32)
    assert (values == values.mean()).any()
    mask = np.zeros((height, width), bool)
    mask[:4, : width // 2] = True
    above = {(r, c) for r in range(2) for c in range(width)}
    right = set(zip(*np.nonzero(mask), strict=True))
    expected = len(above & right) / len(above | right)
    assert scoring._iou(values, mask) == pytest.approx(expected)
    assert scoring._iou(np.full((height, width), 0.5), mask) == 0


@pytest.mark.parametrize(("turned", "expected"), [(1, 1.0), (-1, 1.0)], ids=["the same map", "its opposite"])
def test_a_map_turned_round_by_shuffled_weights_has_not_changed(
    heatmap, monkeypatch: pytest.MonkeyPatch, turned: int, expected: float
) -> None:
    """Adebayo et al. 2018, section 3: the size of the rank correlation counts, as SciPy has it."""
    again = replace(heatmap, image=turned * heatmap.image)
    monkeypatch.setattr(scoring, "attribute", lambda *_given, **_options: again)
    found = faithfulness(heatmap, measures=("randomisation",))["randomisation"]
    assert found.value == pytest.approx(expected)
    other = random_map(heatmap.image.shape, 4)
    monkeypatch.setattr(scoring, "attribute", lambda *_given, **_options: replace(heatmap, image=other))
    found = faithfulness(heatmap, measures=("randomisation",))["randomisation"]
    assert found.value == pytest.approx(
        abs(spearmanr(heatmap.image.ravel(), other.ravel()).statistic), abs=1e-6
    )
