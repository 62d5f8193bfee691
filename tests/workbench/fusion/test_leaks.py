from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workbench.data.sources import Source
from workbench.fusion.leaks import named_by_file, without_class
from workbench.fusion.near_duplicates import look_of, near_texts, pairs_within, twins


def quiet() -> None:
    return None


def scenes(count: int, seed: int = 0) -> list[Image.Image]:
    random = np.random.default_rng(seed)
    made = [Image.fromarray(random.integers(0, 255, (5, 5, 3), dtype=np.uint8)) for _ in range(count)]
    return [picture.resize((90, 60), Image.Resampling.BICUBIC) for picture in made]


def test_a_look_is_known_again_however_it_lies_and_no_other_is() -> None:
    looks = np.stack([look_of(picture) for picture in scenes(40)])
    others = looks[::-1]
    assert twins(looks, others, quiet).tolist() == list(range(39, -1, -1))
    for turned in (np.rot90(looks, 1, axes=(1, 2)), looks[:, :, ::-1], looks[:, ::-1]):
        assert twins(turned, looks, quiet).tolist() == list(range(40))
    assert (twins(np.stack([look_of(picture) for picture in scenes(40, seed=1)]), looks, quiet) == -1).all()
    assert pairs_within(np.concatenate([looks, looks[5:7]]), quiet).tolist() == [[5, 40], [6, 41]]


def test_pictures_of_one_colour_are_near_to_nothing() -> None:
    flat = np.stack([look_of(Image.new("RGB", (9, 9), (shade, 20, 200))) for shade in (10, 10, 200)])
    assert pairs_within(flat, quiet).shape == (0, 2) and (twins(flat, flat, quiet) == -1).all()


def test_looking_can_be_stopped() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    looks = np.stack([look_of(picture) for picture in scenes(3)])
    with pytest.raises(KeyboardInterrupt):
        twins(looks, looks, stop)


def test_texts_are_near_by_their_words() -> None:
    long = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "tonight"]
    others = [long, ["short", "text"]]
    found = near_texts([long[::-1], [*long[:-1], "here"], [*long, "now"], ["short", "text"], []], others)
    assert found.tolist() == [0, -1, 0, -1, -1]  # Jaccard 1, 9/11, 10/11; too short; nothing at all


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("/a/cats/cat.0.jpg", "cat.0", True), ("/a/cats/cat.0.jpg", "cat 0.JPG", True),
        ("/a/cats/cat_0.jpg", "cats cat 0", True), ("/a/cats/cat.0.jpg", "a cat on a mat", False),
        ("", "cat", False), ("/a/b.jpg", "", False), ("shard/0001", "0001", True),
    ],
)  # fmt: skip
def test_the_name_of_a_file_is_known_in_every_writing(file: str, text: str, named: bool) -> None:
    source = Source(lambda: Image.new("RGB", (2, 2)), lambda: "key", file)
    assert named_by_file([source], [text]).tolist() == [named]


def test_words_that_carry_the_class_leave_a_file_name_and_captions_stay() -> None:
    texts = [f"{'cat' if k % 2 else 'dog'}{k // 2:03} small" for k in range(100)] + ["a cat"] * 4
    labels, named = np.arange(104) % 2, np.arange(104) < 100
    split = np.repeat([0, 1, 2, 0], [60, 20, 20, 4]).astype(np.uint8)
    kept, leak = without_class(texts, named, labels, split, 2)
    assert leak is not None and (leak.right, leak.chance, leak.rows) == (1.0, 0.5, 20)
    assert kept[0] == "000 small" and kept[-1] == "a cat"


def test_file_names_that_still_tell_the_class_are_left_out_whole() -> None:
    """No word is sure enough to be taken out, and still the names answer seven of ten."""
    random = np.random.default_rng(0)
    labels = np.arange(600) % 2
    usual = random.random(600) < 0.7
    texts = ["indoor" if label == often else "outdoor" for label, often in zip(labels, usual, strict=True)]
    split = np.repeat([0, 1, 2], [300, 100, 200]).astype(np.uint8)
    kept, leak = without_class(texts, np.ones(600, bool), labels, split, 2)
    assert leak is not None and leak.right == pytest.approx(0.7, abs=0.08)
    assert set(kept) == {""} and "The texts were left out before training" in leak.text
