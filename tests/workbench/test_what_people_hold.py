"""What people hold is taken, gives the very same numbers, and what was assumed of it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from fakes import FakeEncoder, colour_pairs
from PIL import Image

from widgets import show
from workbench import data, models
from workbench.attribution import attribute, available_methods, faithfulness
from workbench.capture import capture, estimate
from workbench.data.pairs_input import as_pair, as_pairs
from workbench.embedding import embed, embed_pictures, embed_texts, embed_to
from workbench.errors import BadCallError, BadInputError, BadPictureError, UnknownNameError
from workbench.fusion import compare, examples
from workbench.projection import place, project, project_layers
from workbench.zeroshot import classify, retrieve

GRID = np.random.default_rng(3).integers(0, 256, (21, 17, 3), dtype=np.uint8)
PICTURE = Image.fromarray(GRID)
CHANNELS, UNIT, BYTE = "first axis", "0..1 was read", "255 as the brightest"


@pytest.fixture(scope="module")
def clip():
    return models.load("emoji-clip")


def forms(folder: Path) -> dict[str, object]:
    """One picture as everything that it can be held as."""
    file = folder / "a red card.png"
    PICTURE.save(file)
    first = GRID.transpose(2, 0, 1)
    alpha = np.dstack([GRID, np.full(GRID.shape[:2], 255, np.uint8)])
    learned = torch.tensor(first / 255.0, requires_grad=True)
    return {
        "Pillow": PICTURE,
        "text of a path": str(file),
        "path": file,
        "bytes": file.read_bytes(),
        "row x col x 3": GRID,
        "3 x row x col": first,
        "floats of 0..1": GRID / 255.0,
        "floats of 0..1, channels first": (first / 255.0).astype(np.float32),
        "floats of 0..255": GRID.astype(np.float32),
        "whole numbers": GRID.astype(np.int64),
        "row x col x 4": alpha,
        "4 x row x col": alpha.transpose(2, 0, 1),
        "a stack of one": GRID[None],
        "a stack of one, channels first": first[None],
        "tensor": torch.from_numpy(first.copy()),
        "tensor, channels last": torch.from_numpy(GRID.copy()),
        "tensor of floats that is learned": learned,
        "tensor of float64 in a stack": torch.from_numpy(first[None] / 255.0),
        "a list": [PICTURE],
        "a tuple of a path": (file,),
        "a list of an array": [first],
        "a list of a tensor": [torch.from_numpy(first.copy())],
        "a list of a stack": [first[None]],
        "a column": pd.Series([str(file)]),
        "an array of paths": np.array([str(file)]),
        "an Arrow column": pa.array([str(file)]),
        "a pair": data.from_pictures([PICTURE])[0],
        "pairs": data.from_pictures([PICTURE]),
        "a slice": data.from_pictures([PICTURE, PICTURE])[:1],
        "a list of a pair": [data.from_pictures([PICTURE])[0]],
    }


def test_one_picture_is_the_same_however_it_is_held(tmp_path):
    for what, given in forms(tmp_path).items():
        pairs = as_pairs(given)
        assert len(pairs) == 1, what
        assert np.array_equal(np.asarray(pairs.picture(0)), GRID), what
        one = as_pair(given)
        assert np.array_equal(np.asarray(one.picture), GRID), what
    for what, given in forms(tmp_path).items():
        if not isinstance(given, data.Pair | data.Pairs) and what != "a list of a pair":
            assert np.array_equal(np.asarray(data.from_pictures(given).picture(0)), GRID), what


@pytest.mark.slow
def test_every_verb_gives_the_same_numbers_for_every_form(tmp_path, clip):
    pairs = data.from_pictures([PICTURE])
    vector, labels = embed(clip, pairs).image, ["red", "blue"]
    drawn = project(embed(clip, data.load("emoji")[:8]), method="pca", seed=0)
    scores, found = classify(clip, pairs, labels), retrieve(clip, pairs, "red")
    spot, trace = place(drawn, PICTURE), capture(clip, (PICTURE, None))
    heat = attribute(clip, (PICTURE, "red"), method="attention").image
    for what, given in forms(tmp_path).items():
        assert np.array_equal(embed(clip, given).image, vector), what
        assert np.array_equal(embed_pictures(clip, given), vector), what
        assert np.array_equal(clip.encode_images(given), vector), what
        assert np.array_equal(classify(clip, given, labels).cosine, scores.cosine), what
        assert np.array_equal(retrieve(clip, given, "red").cosine, found.cosine), what
        if what not in ("an array of paths", "a column", "an Arrow column"):
            assert np.array_equal(place(drawn, given).points, spot.points), what
        again = capture(clip, given, sites="image")
        for site, one in again.maps.items():
            assert np.array_equal(one.values, trace.maps[site].values), what
        assert np.array_equal(attribute(clip, given, target="red", method="attention").image, heat), what


def test_what_was_assumed_of_an_array_is_a_note_on_the_result(clip):
    first = GRID.transpose(2, 0, 1)
    for given, said in (
        (first, [CHANNELS]),
        (GRID / 255.0, [UNIT]),
        (first.astype(np.float32), [CHANNELS, BYTE]),
        (torch.from_numpy(first / 255.0), [CHANNELS, UNIT]),
        (GRID, []),
    ):
        for notes in (
            data.from_pictures(given).notes,
            embed(clip, given).notes,
            classify(clip, given, ["a", "b"]).provenance.notes,
            retrieve(clip, given, "a").provenance.notes,
            capture(clip, given, sites="image").notes,
            attribute(clip, given, target="a", method="attention").notes,
        ):
            told = [note for note in notes if note.startswith(("channels", "shades"))]
            assert len(told) == len(said), notes
            assert all(word in note for word, note in zip(said, told, strict=True)), notes


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((3, 3, 3)), "channels may come first or last"),
        (np.zeros((2, 4, 4, 4), np.uint8), "channels may come first or last"),
        (torch.zeros(3, 9, 3), "channels may come first or last"),
        (np.zeros((3, 9, 1), np.uint8), "channels may come first or last"),
        (np.full((8, 8), 1.02), "not of 0..255 either"),
        (np.full((8, 8), 300.0), "not of 0..255 either"),
        (np.full((8, 8), -0.4), "before it was normalised"),
        (np.full((8, 8), np.nan), "no numbers"),
        (np.full((8, 8), 300), "values from 300 to 300"),
        (np.full((8, 8), 1), "values from 1 to 1"),
        (np.full((8, 8), 9000, np.uint16), "65535"),
        (np.zeros((8, 8), complex), "dtype complex128"),
        (np.zeros(8), "has shape"),
        (np.zeros((1, 1, 8, 8, 3)), "has shape"),
        ({"image": PICTURE}, "A dict"),
        (None, "NoneType"),
        ([None], "NoneType"),
        ([[0, 1], [1, 0]], "A list is no picture"),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(given, said):
    with pytest.raises(BadPictureError, match=said):
        data.from_pictures(given)


def test_a_dark_picture_of_a_stack_is_read_as_the_others_are():
    stack = np.stack([np.full((6, 5, 3), 1.0), np.full((6, 5, 3), 200.0)])
    dark, light = data.from_pictures(stack)
    assert np.asarray(dark.picture).max() == 1 and np.asarray(light.picture).max() == 200


def test_few_rows_are_rows_as_ever_and_that_is_said():
    strip = GRID[:3]
    pairs = data.from_pictures(strip)
    assert np.array_equal(np.asarray(pairs.picture(0)), strip)
    assert any("last axis" in note for note in pairs.notes)
    assert len(data.from_pictures(np.zeros((7, 8, 9), np.uint8))) == 7  # seven grey ones


def test_a_broken_file_of_a_list_is_left_out_where_that_was_asked(tmp_path):
    PICTURE.save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    found = embed(FakeEncoder(), [tmp_path / "a.png", tmp_path / "b.png"], on_bad="skip")
    assert len(found) == 1 and list(found.provenance.parameters["left_out"]) == [1]


@pytest.mark.parametrize(
    "texts",
    [
        "red",
        ["red"],
        ("red",),
        np.array(["red"]),
        np.array("red"),
        pd.Series(["red"]),
        pd.Index(["red"]),
        pa.array(["red"]),
        pa.chunked_array([["red"]]),
        iter(["red"]),
    ],
)
def test_texts_are_taken_in_every_form(texts):
    model = FakeEncoder()
    assert np.array_equal(embed_texts(model, texts), embed_texts(model, ["red"]))


@pytest.mark.parametrize(
    "texts", [b"red", [b"red"], 3, [3], [None], [float("nan")], {"a": 1}, [["red"]], None]
)
def test_no_texts_are_refused_in_words(texts):
    with pytest.raises(BadInputError, match=r"^texts"):
        embed_texts(FakeEncoder(), texts)


@pytest.mark.parametrize("labels", [[b"red"], [["red"]], {"red": 1}, 3, None, [None], [object()]])
def test_no_labels_are_refused_in_words(labels):
    with pytest.raises(BadInputError, match=r"[Ll]abel"):
        classify(FakeEncoder(), colour_pairs(), labels)


def test_labels_are_taken_in_every_form():
    expected = classify(FakeEncoder(), colour_pairs(), ["red", "blue"]).cosine
    for labels in (
        ("red", "blue"),
        np.array(["red", "blue"]),
        pd.Series(["red", "blue"]),
        pa.array(["red", "blue"]),
    ):
        assert np.array_equal(classify(FakeEncoder(), colour_pairs(), labels).cosine, expected)


@pytest.mark.slow
def test_a_models_name_is_the_shelfs_model_everywhere(clip, tmp_path):
    name, pairs = "emoji-clip", data.load("emoji")[:6]
    made = embed(name, pairs)
    drawn = project(made, method="pca", seed=0)
    assert made.model is classify(name, pairs, ["a", "b"]).model is clip
    assert np.array_equal(retrieve(name, pairs, "a cat").cosine, retrieve(clip, pairs, "a cat").cosine)
    assert np.array_equal(embed_texts(name, "a cat"), embed_texts(clip, "a cat"))
    assert capture(name, pairs[0]).model is clip and estimate(name, pairs[0]).bytes
    heat = attribute(name, pairs[0], method="attention")
    assert heat.model is clip and available_methods(name) == available_methods(clip)
    assert faithfulness(heat, model=name, measures=["deletion"]).measures
    assert np.array_equal(place(drawn, "a cat", model=name).points, place(drawn, "a cat").points)
    assert len(project_layers(name, pairs, method="pca", seed=0)) > 1
    assert embed_to(tmp_path / "corpus", name, pairs).items == 6
    learned = data.load("shapes", n=60)
    assert examples(learned, model=name).fingerprint == examples(learned, model=clip).fingerprint
    with pytest.raises(UnknownNameError, match="emoji-clip"):
        compare(learned, ["film"], model="emoji-clpi")


def test_a_librarys_own_module_is_answered_with_what_to_do(clip):
    pairs = colour_pairs()
    raw = clip.model
    for call in (
        lambda: embed(raw, pairs),
        lambda: classify(raw, pairs, ["a", "b"]),
        lambda: retrieve(raw, pairs, "a"),
        lambda: project_layers(raw, pairs),
        lambda: embed_to("nowhere", raw, pairs),
        lambda: examples(pairs, model=raw),
        lambda: embed_texts(raw, "a"),
    ):
        with pytest.raises(BadInputError, match=r"models\.load"):
            call()
    with pytest.raises(BadInputError, match="tensors"):
        capture(raw, pairs[0])


def test_several_queries_are_answered_in_their_order():
    model, pairs = FakeEncoder(), colour_pairs()
    asked = ["red", 1, PICTURE]
    found = retrieve(model, pairs, asked)
    assert isinstance(found, tuple)
    for one, query in zip(found, asked, strict=True):
        alone = retrieve(model, pairs, query)
        assert (one.query, one.direction) == (alone.query, alone.direction)
        assert np.array_equal(one.cosine, alone.cosine)
    assert [one.query for one in retrieve(model, pairs, pd.Series(["red", "blue"]))] == ["red", "blue"]
    with pytest.raises(BadInputError, match="no query"):
        retrieve(model, pairs, [])


def test_a_picture_finds_pictures_and_texts_where_they_are_named():
    model, pairs = FakeEncoder(), colour_pairs(("red", "green", "blue"))
    red = np.zeros((9, 8, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    own = embed(model, pairs).image
    found = retrieve(model, pairs, red)
    assert found.direction == "image to image" and found.top(1)[0][0] == "a red card"
    np.testing.assert_allclose(found.cosine, own @ model.encode_images([Image.fromarray(red)])[0], atol=1e-6)
    words = retrieve(model, pairs, red, among=["green", "red"])
    assert words.direction == "image to text" and words.top(1)[0][0] == "red"
    with pytest.raises(BadInputError, match="a sentence finds pictures"):
        retrieve(model, pairs, "red", among=["green"])


def test_a_widget_takes_a_models_name_too(clip):
    pairs = data.load("emoji")[:6]
    board = show(classify(clip, pairs, ["a cat", "a dog"]), model="emoji-clip")
    assert board._model is clip
    with pytest.raises(UnknownNameError, match="emoji-clip"):
        show(project(embed(clip, pairs), method="pca", seed=0), model="emoji-clpi")


def test_what_is_no_result_is_answered_with_how_one_is_made(clip):
    pairs = data.load("emoji")[:6]
    for given, said in (
        (clip, "A model is asked first"),
        (clip.model, "A model is asked first"),
        (GRID, "from_array"),
        (embed(clip, pairs), r"show\(project\(embeddings\)\)"),
        (PICTURE, "classify"),
        (pairs, "classify"),
        ("folder", "opened first"),
    ):
        with pytest.raises(BadInputError, match=said):
            show(given)
    with pytest.raises(BadCallError, match="'result'"):
        show()
