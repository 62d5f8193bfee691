"""One bad picture stops nobody: it is named, left out where that is wished, and what was finished is used again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cases.making import tar
from tests.fakes import FakeEncoder
from widgets import show
from workbench import data, models
from workbench.embedding import embed, embed_pictures, embed_to, forget, open_corpus
from workbench.errors import BadInputError, BadPictureError
from workbench.models.adapters.tower import thick_enough
from workbench.projection import project
from workbench.zeroshot import classify

COUNT = 40


class Counting(FakeEncoder):
    """Remembers which pictures it was given."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.shades: list[int] = []

    def encode_images(self, pictures: list[Image.Image]) -> np.ndarray:
        self.shades += [_shade(picture) for picture in pictures]
        return super().encode_images(pictures)


def _picture(shade: int, size: tuple[int, int] = (16, 16)) -> Image.Image:
    return Image.new("RGB", size, (shade, 255 - shade, 7))


def _shade(picture: Image.Image) -> int:
    found = picture.getpixel((0, 0))
    assert isinstance(found, tuple)
    return found[0]


def folder_of(where: Path, shades: range | list[int]) -> Path:
    """A folder with a picture of each shade, named by it."""
    where.mkdir(exist_ok=True)
    for shade in shades:
        _picture(shade).save(where / f"{shade:03d}.png")
    return where


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def no_picture(file: Path) -> None:
    file.write_text("<html>not found</html>")


def gone(file: Path) -> None:
    file.unlink()


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


HURTS = (cut_off, emptied, no_picture, gone, a_folder)


@pytest.fixture
def where(tmp_path: Path) -> Path:
    forget()
    return folder_of(tmp_path / "pictures", range(COUNT))


@pytest.mark.parametrize("hurt", HURTS, ids=lambda hurt: hurt.__name__)
def test_a_bad_picture_is_named_or_left_out_by_embed(where: Path, hurt: Any) -> None:
    pairs = data.load(where)
    hurt(where / "035.png")
    with pytest.raises(BadPictureError, match=r"Item 35 \('035'\)"):
        embed(FakeEncoder(), pairs)
    told = embed(FakeEncoder(), pairs, on_bad="skip")
    assert len(told) == len(told.pairs) == COUNT - 1
    assert told.texts == tuple(f"{shade:03d}" for shade in range(COUNT) if shade != 35)
    (note,) = (note for note in told.provenance.notes if "left out" in note)
    assert note.startswith("1 of 40 pictures could not be read and was left out. Item 35 ('035'): ")
    assert list(told.provenance.parameters["left_out"]) == [35]
    assert told.pairs.notes[-1] == note
    assert note in show(project(told, method="pca"))._view["notes"]
    good = data.load(where)[[*range(35), *range(36, COUNT)]] if hurt in HURTS[:3] else told.pairs
    np.testing.assert_array_equal(told.image, embed(FakeEncoder(), good).image)


@pytest.mark.parametrize("hurt", HURTS, ids=lambda hurt: hurt.__name__)
def test_a_bad_picture_is_left_out_of_a_corpus_and_listed(where: Path, tmp_path: Path, hurt: Any) -> None:
    pairs = data.load(where)
    hurt(where / "035.png")
    model = Counting()
    with pytest.raises(BadPictureError, match=r"Item 35 \('035'\)"):
        embed_to(tmp_path / "c", model, pairs, partition=10)
    assert open_corpus(tmp_path / "c").done == (0, 1, 2)
    corpus = embed_to(tmp_path / "c", model, pairs, partition=10, on_bad="skip")
    assert corpus.complete and list(corpus.left_out) == [35]
    listed = json.loads((tmp_path / "c" / "manifest.json").read_text("utf-8"))["left_out"]
    assert [(one["item"], one["text"]) for one in listed] == [(35, "035")] and "035" in listed[0]["why"]
    found = corpus.embeddings(pairs=pairs)
    assert found.texts == tuple(f"{shade:03d}" for shade in range(COUNT) if shade != 35)
    assert [_shade(found.pairs.picture(row)) for row in range(COUNT - 1)] == [
        s for s in range(COUNT) if s != 35
    ]
    assert any("Item 35" in note for note in found.provenance.notes)
    assert "1 left out" in repr(corpus) and corpus.notes == found.notes
    assert found.notes[0] in project(corpus.embeddings(), method="pca").notes
    seen = len(model.shades)
    again = embed_to(tmp_path / "c", model, pairs, partition=10, on_bad="skip")
    assert len(model.shades) == seen and again.left_out == corpus.left_out
    with pytest.raises(BadPictureError, match="Item 35"):
        embed_to(tmp_path / "c", model, pairs, partition=10)
    assert open_corpus(tmp_path / "c").complete  # what is there stays, and stays listed
    assert list(open_corpus(tmp_path / "c").left_out) == [35]


def test_a_picture_that_was_mended_is_taken_in_and_no_other_is_computed(where: Path, tmp_path: Path) -> None:
    cut_off(where / "012.png")
    embed_to(tmp_path / "c", Counting(), data.load(where), partition=10, on_bad="skip")
    _picture(12).save(where / "012.png")
    model = Counting()
    corpus = embed_to(tmp_path / "c", model, data.load(where), partition=10)
    assert model.shades == [12] and corpus.left_out == {} and len(corpus.embeddings()) == COUNT
    assert "left_out" not in json.loads((tmp_path / "c" / "manifest.json").read_text("utf-8"))


def test_going_on_without_it_computes_nothing_twice(where: Path, tmp_path: Path) -> None:
    cut_off(where / "035.png")
    pairs, model = data.load(where), Counting()
    with pytest.raises(BadPictureError):
        embed_to(tmp_path / "c", model, pairs, partition=10, batch_size=4)
    good, _ = pairs.check()
    corpus = embed_to(tmp_path / "c", model, good, partition=10, batch_size=4)
    assert corpus.complete and len(corpus.embeddings(pairs=good)) == COUNT - 1
    assert sorted(model.shades)[:30] == list(range(30)) and len([s for s in model.shades if s < 30]) == 30


@pytest.mark.parametrize("new", [[200, 201, 202], [], [100], list(range(100, 130))], ids=len)
@pytest.mark.parametrize("at", ["z", "a", "0105_"])
def test_a_corpus_grows_when_its_folder_grows(where: Path, tmp_path: Path, new: list[int], at: str) -> None:
    embed_to(tmp_path / "c", Counting(), data.load(where), partition=10)
    for shade in new:  # after all others, before all others, and in the middle of them
        _picture(shade).save(where / f"{at}{shade:03d}.png")
    pairs, model = data.load(where), Counting()
    corpus = embed_to(tmp_path / "c", model, pairs, partition=10)
    assert sorted(model.shades) == sorted(new)
    assert corpus.items == COUNT + len(new) and corpus.complete
    calm = embed_to(tmp_path / "calm", Counting(), pairs, partition=10)
    _same(corpus.embeddings(pairs=pairs), calm.embeddings(pairs=pairs))
    assert sorted(path.name for path in corpus.folder.iterdir()) == sorted(
        path.name for path in calm.folder.iterdir()
    )


def test_partitions_that_still_stand_are_not_touched(where: Path, tmp_path: Path) -> None:
    corpus = embed_to(tmp_path / "c", Counting(), data.load(where), partition=10)
    before = {number: corpus.path(number).stat().st_mtime_ns for number in corpus.done}
    _picture(250).save(where / "999.png")
    grown = embed_to(tmp_path / "c", Counting(), data.load(where), partition=10)
    assert grown.partitions == 5
    assert {number: grown.path(number).stat().st_mtime_ns for number in before} == before


def test_what_was_renamed_removed_and_relabelled_is_moved_and_not_computed(
    where: Path, tmp_path: Path
) -> None:
    embed_to(tmp_path / "c", Counting(), data.load(where), partition=10)
    os.replace(where / "003.png", where / "zzz.png")
    (where / "020.png").unlink()
    pairs, model = data.load(where).with_labels([str(n % 2) for n in range(COUNT - 1)]), Counting()
    found = embed_to(tmp_path / "c", model, pairs, partition=10).embeddings(pairs=pairs)
    assert model.shades == [] and model.texts_seen == ["zzz"]
    _same(found, embed_to(tmp_path / "calm", Counting(), pairs, partition=10).embeddings(pairs=pairs))
    assert found.labels == pairs.labels


def test_a_part_given_once_by_mistake_loses_nothing(where: Path, tmp_path: Path) -> None:
    pairs = data.load(where)
    embed_to(tmp_path / "c", Counting(), pairs, partition=10)
    part = embed_to(tmp_path / "c", Counting(), pairs[5:12], partition=10)
    assert part.items == 7 and part.complete
    model = Counting()
    whole = embed_to(tmp_path / "c", model, pairs, partition=10)
    assert model.shades == [] and len(whole.embeddings(pairs=pairs)) == COUNT
    assert not list(whole.folder.glob("earlier-*"))


def test_growing_that_is_interrupted_goes_on(
    where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed_to(tmp_path / "c", Counting(), data.load(where), partition=10)
    _picture(250).save(where / "0000.png")  # before all others: every partition moves
    pairs = data.load(where)
    plain, left = os.replace, 3

    def killed(source: Any, target: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        plain(source, target)

    for _ in range(12):
        monkeypatch.setattr(os, "replace", killed)
        left = 3
        try:
            embed_to(tmp_path / "c", Counting(), pairs, partition=10)
        except KeyboardInterrupt:
            continue
        finally:
            monkeypatch.setattr(os, "replace", plain)
        break
    model = Counting()
    corpus = embed_to(tmp_path / "c", model, pairs, partition=10)
    assert model.shades == [] and corpus.complete
    _same(corpus.embeddings(), embed_to(tmp_path / "calm", Counting(), pairs, partition=10).embeddings())


def test_what_was_set_aside_and_is_damaged_is_computed_anew(where: Path, tmp_path: Path) -> None:
    pairs = data.load(where)
    corpus = embed_to(tmp_path / "c", Counting(), pairs, partition=10)
    embed_to(tmp_path / "c", Counting(), pairs[:5], partition=10)
    aside = sorted(corpus.folder.glob("earlier-*.parquet"))
    assert len(aside) == 4
    raw = aside[1].read_bytes()
    aside[1].write_bytes(
        raw[:40] + bytes(len(raw) // 2) + raw[40 + len(raw) // 2 :]
    )  # the end, and so the names, is whole
    aside[2].write_bytes(b"PAR1")
    model = Counting()
    assert len(embed_to(tmp_path / "c", model, pairs, partition=10).embeddings(pairs=pairs)) == COUNT
    assert set(range(20, 30)) <= set(model.shades) <= set(range(10, 30))


def test_another_folder_is_still_refused(where: Path, tmp_path: Path) -> None:
    embed_to(tmp_path / "c", Counting(), data.load(where), partition=10)
    others = data.load(folder_of(tmp_path / "others", range(100, 140)))
    with pytest.raises(BadInputError, match="belongs to another run"):
        embed_to(tmp_path / "c", Counting(), others, partition=10)
    assert len(open_corpus(tmp_path / "c").embeddings()) == COUNT


def test_a_partition_of_bad_pictures_alone_is_empty_and_no_more(where: Path, tmp_path: Path) -> None:
    for shade in range(10, 20):
        cut_off(where / f"{shade:03d}.png")
    corpus = embed_to(tmp_path / "c", Counting(), data.load(where), partition=10, on_bad="skip")
    assert list(corpus.left_out) == list(range(10, 20)) and corpus.complete
    found = corpus.embeddings(pairs=data.load(where))
    assert len(found) == 30 and found.image.shape == (30, 7)
    (note,) = found.provenance.notes
    assert note.startswith("10 of 40 pictures") and note.endswith(" And 7 more.")


def test_where_no_picture_can_be_read_that_is_said(where: Path, tmp_path: Path) -> None:
    pairs = data.load(where)
    for file in where.iterdir():
        cut_off(file)
    with pytest.raises(BadPictureError, match=r"None of the 40 pictures can be read. Item 0"):
        embed(FakeEncoder(), pairs, on_bad="skip")
    corpus = embed_to(tmp_path / "c", FakeEncoder(), pairs, partition=10, on_bad="skip")
    with pytest.raises(BadInputError, match="no picture of it could be read"):
        corpus.embeddings()


def test_every_row_of_a_bad_picture_is_left_out(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", range(3))
    cut_off(tmp_path / "p" / "001.png")
    rows = [f"p/{n:03d}.png,{words}" for n in range(3) for words in ("one", "two")]
    (tmp_path / "t.csv").write_text("image,text\n" + "\n".join(rows))
    pairs = data.load(tmp_path / "t.csv")
    told = embed(FakeEncoder(weights_hash="rows"), pairs, on_bad="skip")
    assert list(told.provenance.parameters["left_out"]) == [2, 3] and len(told) == 4
    assert told.texts == ("one", "two", "one", "two")


def test_a_shard_with_a_bad_picture(tmp_path: Path) -> None:
    import io

    held = io.BytesIO()
    _picture(3).save(held, "PNG")
    members = [("a.png", held.getvalue()), ("a.txt", "a"), ("b.png", held.getvalue()[:40]), ("b.txt", "b")]
    pairs = data.load(tar(tmp_path / "a.tar", members))
    assert embed(FakeEncoder(weights_hash="shard"), pairs, on_bad="skip").texts == ("a",)
    (tmp_path / "a.tar").unlink()
    with pytest.raises(BadPictureError, match="Item 0"):
        embed(FakeEncoder(weights_hash="gone"), pairs)


def test_what_is_left_is_remembered_on_disk_and_only_the_bad_is_tried_again(where: Path) -> None:
    cut_off(where / "035.png")
    embed(Counting(weights_hash="disk"), data.load(where), on_bad="skip")
    forget()
    model = Counting(weights_hash="disk")
    assert len(embed(model, data.load(where), on_bad="skip")) == COUNT - 1
    assert model.shades == []


class Picky(Counting):
    """Refuses pictures that are too thin, the whole batch with them, as preprocessing does."""

    def encode_images(self, pictures: list[Image.Image]) -> np.ndarray:
        if any(max(one.size) > 50 * min(one.size) for one in pictures):
            raise ValueError("height and width must be > 0")
        return super().encode_images(pictures)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_a_picture_that_a_model_cannot_take_is_named_and_left_out(
    where: Path, tmp_path: Path, batch_size: int
) -> None:
    for shade in (0, 17, 39):
        _picture(shade, (600, 2)).save(where / f"{shade:03d}.png")
    pairs = data.load(where)
    named = r"Item 0 \('000'\): the picture has 600 x 2 pixels, and fake cannot take it \(ValueError: height"
    with pytest.raises(BadPictureError, match=named):
        embed(Picky(weights_hash="picky"), pairs, batch_size=batch_size)
    told = embed(Picky(weights_hash="picky"), pairs, on_bad="skip", batch_size=batch_size)
    assert list(told.provenance.parameters["left_out"]) == [0, 17, 39]
    corpus = embed_to(tmp_path / "c", Picky(), pairs, partition=16, on_bad="skip", batch_size=batch_size)
    assert list(corpus.left_out) == [0, 17, 39] and "Item 39" in corpus.left_out[39]


class Broken(FakeEncoder):
    """Takes no picture at all."""

    def encode_images(self, pictures: list[Image.Image]) -> np.ndarray:
        raise ZeroDivisionError("the model itself")


@pytest.mark.parametrize("on_bad", ["stop", "skip"])
def test_a_model_that_takes_no_picture_is_not_blamed_on_the_pictures(where: Path, on_bad: Any) -> None:
    with pytest.raises(ZeroDivisionError, match="the model itself"):
        embed(Broken(weights_hash="broken"), data.load(where), on_bad=on_bad)


def test_a_word_that_is_neither_is_refused(where: Path, tmp_path: Path) -> None:
    for verb in (lambda: embed(FakeEncoder(), data.load(where), on_bad="ignore"),  # type: ignore[arg-type]
                 lambda: embed_to(tmp_path / "c", FakeEncoder(), data.load(where), on_bad=True)):  # type: ignore[arg-type]  # fmt: skip
        with pytest.raises(BadInputError, match=r"expected 'stop'.* or 'skip'"):
            verb()
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("name", ["shapes-clip", "emoji-clip", "photo-lite"])
@pytest.mark.parametrize("size", [(1300, 10), (10, 1300), (2000, 3), (1, 20_000), (60_000, 1)])
def test_a_very_thin_picture_is_seen_as_the_line_it_is(name: str, size: tuple[int, int]) -> None:
    model = models.load(name)
    pairs = data.from_pictures([Image.new("RGB", (50, 50), "red"), Image.new("RGB", size, "blue")])
    vectors = embed_pictures(model, pairs)
    assert np.isfinite(vectors).all() and not np.allclose(vectors[0], vectors[1])
    view = model.preprocess_view(pairs.picture(1))
    assert view.size == model.card.image_size[::-1] if model.card.image_size else True
    assert len(classify(model, pairs, ["red", "blue"])) == 2


def test_only_what_could_not_be_fitted_otherwise_is_changed() -> None:
    for size in ((64, 64), (700, 10), (10, 700), (1000, 8)):
        picture = Image.new("RGB", size)
        assert thick_enough(picture, 64, "longest") is picture
        assert thick_enough(picture, 224, "shortest") is picture
        assert thick_enough(picture, 224, "squash") is picture
    assert thick_enough(Image.new("RGB", (1300, 10)), 64, "longest").size == (64, 1)
    assert thick_enough(Image.new("RGB", (10, 1300)), 64, "longest").size == (1, 64)


def test_the_middle_of_a_very_long_picture_is_what_the_centre_crop_sees() -> None:
    """A ramp from left to right: the middle cut out first and then fitted shows what was fitted first and then cut."""
    ramp = Image.fromarray(np.repeat(np.linspace(0, 255, 30_000).round().astype(np.uint8)[None], 12, axis=0))
    cut = thick_enough(ramp.convert("RGB"), 224, "shortest")
    assert cut.size == (48, 12)
    left = (30_000 - 12) // 2
    np.testing.assert_array_equal(
        np.asarray(cut)[:, 18:30], np.asarray(ramp.convert("RGB"))[:, left : left + 12]
    )


def _same(one: Any, other: Any) -> None:
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.text, other.text)
    assert one.texts == other.texts and one.labels == other.labels
    assert (one.pairs is None) == (other.pairs is None)
    if one.pairs is not None:
        assert one.pairs.fingerprint == other.pairs.fingerprint
