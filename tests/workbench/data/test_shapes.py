"""Scenes against a checker of its own: pixels and brute force, none of the product's geometry."""

from __future__ import annotations

import re

import numpy as np
import pytest

from workbench import data
from workbench.data.scenes import COLOURS, SHAPES, SIDE, SIZES, Scene, Thing, outline
from workbench.errors import BadInputError

SHAPES_60 = data.load("shapes", n=60, seed=3)


def scenes() -> list[tuple[int, Scene, np.ndarray]]:
    columns = SHAPES_60.columns["scene"]
    return [(k, scene, np.asarray(SHAPES_60.picture(k)).astype(int)) for k, scene in enumerate(columns)]


def centre(mask: np.ndarray) -> tuple[float, float]:
    rows, cols = np.nonzero(mask)
    return rows.mean(), cols.mean()


def seen_relation(scene: Scene, one: int, other: int) -> str:
    """From the masks' centres of mass."""
    (row, col), (row_2, col_2) = centre(scene.mask(one)), centre(scene.mask(other))
    if abs(col - col_2) > abs(row - row_2):
        return "left of" if col < col_2 else "right of"
    return "above" if row < row_2 else "below"


def test_the_same_seed_gives_the_same_scenes_and_fewer_are_the_first_of_more() -> None:
    assert data.load("shapes", n=60, seed=3).fingerprint == SHAPES_60.fingerprint
    assert data.load("shapes", n=12, seed=3).keys == SHAPES_60.keys[:12]
    assert data.load("shapes", n=12, seed=4).keys != SHAPES_60.keys[:12]
    np.testing.assert_array_equal(
        np.asarray(SHAPES_60.picture(5)), np.asarray(data.load("shapes", n=6, seed=3).picture(5))
    )


def test_every_mask_covers_its_things_colour_and_no_other() -> None:
    for _, scene, pixels in scenes():
        union = np.zeros((SIDE, SIDE), dtype=int)
        for k, thing in enumerate(scene.things):
            mask = scene.mask(k)
            union += mask
            inside = pixels[mask]
            exact = (inside == COLOURS[thing.colour]).all(axis=1)
            assert exact.mean() > 0.6, thing  # the rest is the smooth edge
            assert mask.sum() > 60
        assert union.max() == 1, "things overlap"
        ground = pixels[union == 0]
        assert (ground == 255).all(axis=1).mean() > 0.9


def counted(half_width, rows: range) -> int:
    """Centres at ±0.5, ±1.5, ... that are nearer to the axis than `half_width(y)`, over rows of centres y + 0.5."""
    return sum(2 * sum(k + 0.5 < half_width(row + 0.5) for k in range(20)) for row in rows)


def test_a_mask_is_the_pixels_whose_centre_lies_in_the_shape_by_closed_forms() -> None:
    """Counted from the formula of each shape round a whole pixel; the triangle's base runs through centres."""
    for size, radius in SIZES.items():
        reach, arm, up = 0.95 * radius, 0.3 * radius, range(-20, 20)
        forms = {
            "square": lambda y, r=radius: r / 2**0.5 if abs(y) < r / 2**0.5 else 0.0,
            "triangle": lambda y, r=radius: (y + r) / 3**0.5 if y < r / 2 else 0.0,
            "cross": lambda y, long=reach, thin=arm: (
                long if abs(y) < thin else thin if abs(y) < long else 0.0
            ),
        }
        for shape, half_width in forms.items():
            mask = Scene((Thing(shape, "red", size, 40.0, 50.0),)).mask(0)
            assert mask.sum() == counted(half_width, up), (shape, size)
    told = {"square": {"small": 144, "large": 484}, "triangle": {"small": 96}}
    for shape, by_size in told.items():
        for size, pixels in by_size.items():
            assert Scene((Thing(shape, "red", size, 40.0, 50.0),)).mask(0).sum() == pixels


def test_masks_of_every_shape_are_those_of_another_point_in_polygon_test() -> None:
    from skimage.measure import points_in_poly

    cols, rows = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    centres = np.stack([cols, rows], axis=-1).reshape(-1, 2)
    for shape in SHAPES:
        for size in SIZES:
            thing = Thing(shape, "red", size, 33.0, 61.0)
            # A hair smaller about its centre, so that nothing lies on the line.
            corners = (np.array(outline(thing)) - (61.0, 33.0)) * (1 - 1e-6) + (61.0, 33.0)
            there = points_in_poly(centres, corners).reshape(SIDE, SIDE)
            np.testing.assert_array_equal(Scene((thing,)).mask(0), there, err_msg=f"{shape} {size}")


def test_no_two_things_of_a_scene_are_alike() -> None:
    for _, scene, _ in scenes():
        kinds = [(thing.shape, thing.colour) for thing in scene.things]
        assert len(set(kinds)) == len(kinds)


def test_every_claimed_relation_is_seen_in_the_masks() -> None:
    claimed = 0
    for _, scene, _ in scenes():
        for one in range(len(scene.things)):
            for other in range(len(scene.things)):
                relation = scene.relation(one, other) if one != other else None
                if relation:
                    claimed += 1
                    assert relation == seen_relation(scene, one, other)
    assert claimed > 200


def test_captions_name_every_thing_in_both_languages() -> None:
    for k, scene, _ in scenes():
        english, chinese = SHAPES_60.columns["caption_en"][k], SHAPES_60.columns["caption_zh"][k]
        for thing in scene.things:
            assert f"{thing.size} {thing.colour} {thing.shape}" in english
        assert english.count("small") + english.count("large") == len(scene.things)
        assert chinese.count("一个") == len(scene.things)


def test_every_answer_follows_from_the_picture() -> None:
    kinds: dict[str, list[str]] = {}
    for k, scene, _ in scenes():
        there = {(thing.colour, thing.shape): place for place, thing in enumerate(scene.things)}
        for question in SHAPES_60.columns["questions"][k]:
            kinds.setdefault(question.kind, []).append(question.answer)
            assert question.answer == answer(question.text, scene, there)
    assert set(kinds) == {"existence", "count", "colour", "shape", "relation"}
    for kind in ("existence", "relation"):
        assert 0.3 < kinds[kind].count("yes") / len(kinds[kind]) < 0.7


def answer(text: str, scene: Scene, there: dict[tuple[str, str], int]) -> str:
    words = re.findall(r"[a-z]+", text)
    colours, shapes = [w for w in words if w in COLOURS], [w for w in words if w in SHAPES]
    if text.startswith("is there"):
        return "yes" if (colours[0], shapes[0]) in there else "no"
    if text.startswith("how many"):
        return ("zero", "one", "two", "three", "four", "five")[
            sum(t.colour == colours[0] for t in scene.things)
        ]
    if text.startswith("what colour"):
        return next(t.colour for t in scene.things if t.shape == shapes[0])
    if text.startswith("what shape"):
        return next(t.shape for t in scene.things if t.colour == colours[0])
    one, other = there[colours[0], shapes[0]], there[colours[1], shapes[1]]
    asked = next(r for r in ("left of", "right of", "above", "below") if r in text)
    return "yes" if seen_relation(scene, one, other) == asked else "no"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 0}, "n is 0"),
        ({"language": "fr"}, "'en' and 'zh'"),
        ({"m": 1}, "no option 'm'"),
        ({"seed": "x"}, "seed is 'x'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        data.load("shapes", **options)


def test_the_relation_a_caption_states_is_seen_in_the_masks_in_both_languages() -> None:
    said = {"to the left of": "左边", "to the right of": "右边", "above": "上面", "below": "下面"}
    stated = 0
    for k, scene, _ in scenes():
        english, chinese = SHAPES_60.columns["caption_en"][k], SHAPES_60.columns["caption_zh"][k]
        found = re.fullmatch(r"an? (.+?) (to the left of|to the right of|above|below) an? (.+)", english)
        assert (found is None) == (not any(words in chinese for words in said.values()))
        if found is None:
            continue
        stated += 1
        first, words, second = found.groups()
        names = [f"{thing.size} {thing.colour} {thing.shape}" for thing in scene.things]
        relation = seen_relation(scene, names.index(first), names.index(second))
        assert relation == words.removeprefix("to the ")
        assert chinese.endswith(said[words])
    assert stated > 8


def test_the_scenes_of_seed_0_are_those_of_the_day_they_were_published() -> None:
    assert data.load("shapes", n=200, seed=0).fingerprint == "ef1dbf3791c6dcd4"
