"""The code of pairs is an expression that loads them again, pictures from memory included."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from PIL import Image

from workbench import data
from workbench.errors import BadInputError

NOISE = np.random.default_rng(0).integers(0, 255, (3, 9, 7, 3), dtype=np.uint8)


def in_memory() -> data.Pairs:
    return data.from_pictures([Image.fromarray(one) for one in NOISE[:2]], texts=["Sea & sky.png", "../猫"])


def test_kept_pictures_load_in_a_fresh_namespace_pixel_for_pixel(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = in_memory()
    kept = data.keep(pairs, "mine")
    names = {"data": data}
    exec(f"again = {kept.code}", names)
    again = names["again"]
    assert again.texts == pairs.texts and again.fingerprint == pairs.fingerprint == kept.fingerprint
    np.testing.assert_array_equal(np.asarray(again.picture(1)), NOISE[1])
    files = sorted(path.name for path in (tmp_path / "mine").iterdir())
    assert len(files) == 2 and files[1].startswith("sea-sky-") and "/" not in files[0]
    data.keep(pairs, "mine")
    assert len(list((tmp_path / "mine").iterdir())) == 2


def test_the_code_can_be_had_without_writing(tmp_path) -> None:
    kept = data.keep(in_memory(), tmp_path / "later", write=False)
    assert not (tmp_path / "later").exists() and "later/sea-sky-" in kept.code


def test_a_folder_that_cannot_be_made_is_said(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="cannot be written into"):
        data.keep(in_memory(), tmp_path / "file")


@pytest.mark.parametrize(
    "pairs",
    [
        in_memory(),
        in_memory() + data.from_pictures([NOISE[2]]),
        (data.load("photos") + in_memory())[[0, 15]],
        (data.load("photos") + in_memory())[1:4].with_texts(["a", "b", "c"]),
    ],
)
def test_code_is_always_one_expression(pairs: data.Pairs) -> None:
    ast.parse(pairs.code, mode="eval")
    assert pairs.in_memory


def test_a_part_of_a_sum_is_a_part_of_the_whole_sum() -> None:
    photos = data.load("photos")
    both = photos[:2] + photos[4:6]
    names = {"data": data}
    exec(f"again = {both[[3, 0]].code}; one = {both[2].code}", names)
    assert names["again"].texts == both[[3, 0]].texts
    assert names["one"].text == both.texts[2]
    assert not both.in_memory


def test_labels_in_hand_stand_in_the_code_and_must_be_one_each(tmp_path) -> None:
    Image.fromarray(NOISE[0]).save(tmp_path / "a.png")
    pairs = data.from_pictures([tmp_path / "a.png"], labels=["sea"])
    names = {"data": data}
    exec(f"again = {pairs.code}", names)
    assert names["again"].labels == ("sea",) and not pairs.in_memory
    with pytest.raises(BadInputError, match="2 labels for 1 picture"):
        data.from_pictures([NOISE[0]], labels=["a", "b"])
