"""Input that once got through: each was found by trying, and each has its message here."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import EpsImagePlugin, Image

from workbench import data
from workbench.data import pictures
from workbench.data.pictures import open_picture
from workbench.errors import BadInputError, BadPictureError, UnknownNameError

LONG = "x" * 5000


def saved(picture: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def noise(height: int = 20, width: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


def table(folder: Path, content: str, name: str = "t.csv") -> Path:
    noise(5, 7).save(folder / "a.png")
    (folder / name).write_text(content, "utf-8")
    return folder / name


def test_a_postscript_file_is_refused_and_no_program_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a program was started for a picture")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    monkeypatch.setattr(subprocess, "check_call", started)
    with pytest.raises(BadPictureError, match=r"'x\.png'.*PostScript or PDF document; export it as PNG"):
        open_picture(saved(Image.new("RGB", (8, 6), "red"), "EPS"), name="x.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_whatever_is_damaged_raises_one_kind_of_error(form: str) -> None:
    whole, chance = saved(noise(), form), random.Random(form)
    refused = 0
    for _ in range(250):
        content = bytearray(whole[: chance.randrange(1, len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.choice((1, 1, 3))):
            content[chance.randrange(min(len(content), chance.choice((40, 200, 10_000))))] = chance.randrange(
                256
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
            try:
                open_picture(bytes(content), name="holiday")
            except BadPictureError as problem:
                refused += 1
                assert "'holiday'" in str(problem)
    assert refused > 20


def test_a_tiff_without_dimensions_is_said_to_be_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: bytes) -> Image.Image:
        raise TypeError("Missing dimensions")  # what Pillow raises, found by the test above

    monkeypatch.setattr(pictures, "_header", missing)
    with pytest.raises(BadPictureError, match=r"'x\.tif' is damaged or cut off \(Missing dimensions\)"):
        open_picture(b"II*\0", name="x.tif")


def test_pillow_pictures_that_are_cut_off_or_empty_are_refused() -> None:
    with pytest.raises(BadPictureError, match="the picture is damaged or cut off"):
        open_picture(Image.open(io.BytesIO(saved(noise(40, 60), "PNG")[:2000])))
    with pytest.raises(BadPictureError, match="has 0 x 4 pixels"):
        open_picture(Image.new("RGB", (0, 4)))


def test_opening_does_not_move_an_animation_that_is_in_use() -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime")]
    film = Image.open(io.BytesIO(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    film.seek(1)
    assert open_picture(film).getpixel((3, 2)) == (0, 255, 0)
    assert film.tell() == 1


@pytest.mark.parametrize(("given", "kind"), [(None, "NoneType"), (3, "int"), ({}, "dict")])
def test_what_is_no_source_of_a_picture_is_refused_by_its_kind(given: object, kind: str) -> None:
    with pytest.raises(BadPictureError, match=f"A {kind} is no picture"):
        open_picture(given)  # type: ignore[arg-type]


def test_shades_survive_floats_with_holes_and_thirty_two_bits() -> None:
    ramp = np.linspace(0, 5, 64, dtype=np.float32).reshape(8, 8)
    ramp[0, :2] = (np.nan, np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = np.asarray(open_picture(Image.fromarray(ramp)))[:, :, 0]
    assert (pixels[0, 0], pixels[0, 1], pixels[7, 7]) == (0, 255, 255)
    assert len(np.unique(pixels)) > 50
    deep = np.linspace(0, 2**31 - 1, 64).astype(np.int32).reshape(8, 8)
    assert len(np.unique(np.asarray(open_picture(Image.fromarray(deep))))) > 50


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Threads change over as often as they can, so that a race shows itself."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_hasty_threads")
def test_threads_that_open_pictures_leave_the_filters_of_warnings_alone() -> None:
    content = saved(Image.new("RGB", (4, 3)), "PNG")
    with warnings.catch_warnings():  # if the test fails, the filters are put right for the others
        before = list(warnings.filters)
        for _ in range(10):
            threads = [
                threading.Thread(target=lambda: [open_picture(content) for _ in range(100)]) for _ in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert warnings.filters == before


def test_a_file_that_may_not_be_read_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noise().save(tmp_path / "mine.png")

    def forbidden(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(BadPictureError, match=r"mine\.png' cannot be read: Permission denied"):
        open_picture(tmp_path / "mine.png")


@pytest.mark.parametrize("give", [data.load, data.from_path, open_picture])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("https://example.org/a.png", "Nothing is fetched from addresses"),
        (Path("https://example.org/a.csv"), "Nothing is fetched from addresses"),
        ("s3://bucket/a.parquet", "Nothing is fetched from addresses"),
        (LONG + ".png", "cannot be looked up on this machine: File name too long"),
        (" ", "The path is empty"),
    ],
)
def test_a_place_that_is_no_path_is_refused_wherever_it_is_given(give, place, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as refused:
        give(place)
    assert len(str(refused.value)) < 300


def test_the_home_of_nobody_is_simply_not_there() -> None:
    with pytest.raises(UnknownNameError, match="no folder or table"):
        data.load("~nobody-by-this-name/x")
    with pytest.raises(BadPictureError, match="There is no file"):
        open_picture("~nobody-by-this-name/x.png")


def test_a_stack_of_arrays_is_a_list_of_pictures() -> None:
    assert len(data.from_pictures(np.zeros((2, 5, 7, 3), np.uint8))) == 2  # type: ignore[arg-type]


def test_a_caption_that_links_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    noise().save(inside / "a.png")
    (tmp_path / "secret.txt").write_text("a secret")
    (inside / "a.txt").symlink_to(tmp_path / "secret.txt")
    assert data.load(inside).texts == ("a",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_captions_are_read_in_any_usual_encoding(tmp_path: Path, encoding: str) -> None:
    noise().save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("红色的卡片", encoding)
    assert data.load(tmp_path).texts == ("红色的卡片",)


def test_a_file_name_that_is_no_utf8_can_be_shown_and_digested(tmp_path: Path) -> None:
    noise().save(tmp_path / "x.png")
    try:
        os.rename(os.fsencode(tmp_path / "x.png"), os.fsencode(tmp_path) + b"/caf\xe9.png")
    except OSError:
        assert os.name == "nt" or os.uname().sysname == "Darwin"  # there no such name can exist
        return
    pairs = data.load(tmp_path)
    assert (pairs.texts, pairs.columns["file"]) == (("caf�",), ("caf�.png",))
    assert pairs.picture(0).size == (30, 20)
    assert pairs.fingerprint
    assert pairs._repr_html_().encode()


def test_values_of_a_table_stay_as_they_are_written(tmp_path: Path) -> None:
    rows = "image,text,label,count,code\na.png,None,NA,1,x\na.png,null,01,2,\n"
    pairs = data.load(table(tmp_path, rows))
    assert pairs.texts == ("None", "null")
    assert pairs.labels == ("NA", "01")
    assert pairs.columns == {"count": (1, 2), "code": ("x", "")}


def test_a_file_name_of_digits_is_a_file_name(tmp_path: Path) -> None:
    noise().save(tmp_path / "001", "PNG")
    assert data.load(table(tmp_path, "image,text\n001,x\n")).texts == ("x",)


def test_what_is_missing_in_a_parquet_is_empty_and_dates_stay_dates(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    day = pd.Timestamp("2026-01-02")
    frame = pd.DataFrame(
        {"image": ["a.png"] * 2, "text": ["x", None], "label": [None, "b"], "day": [day] * 2}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    pairs = data.load(tmp_path / "t.parquet")
    assert (pairs.texts, pairs.labels) == (("x", ""), ("", "b"))
    assert pairs.columns["day"] == (day, day)


@pytest.mark.parametrize(("name", "mark"), [("t.csv", ";"), ("t.TSV", "\t"), ("t.CSV", ",")])
def test_tables_are_read_with_the_mark_their_program_writes(tmp_path: Path, name: str, mark: str) -> None:
    assert data.load(table(tmp_path, f"image{mark}text\na.png{mark}hello\n", name)).texts == ("hello",)


def test_rows_longer_than_the_first_line_are_never_shifted(tmp_path: Path) -> None:
    pairs = data.load(table(tmp_path, "image,text\na.png,a red, round card\na.png,b,c\n"))
    assert pairs.texts == ("a red, round card", "b,c")
    assert pairs.notes == ("2 rows with more separators than columns: they belong to the text",)
    with pytest.raises(BadInputError, match=r"more values than its first line names.*in double quotes"):
        data.load(table(tmp_path, "image,label\na.png,a red, round card\na.png,b,c\n"))


@pytest.mark.parametrize("value", ["https://example.org/a.png", "~nobody-by-this-name/a.png", LONG])
def test_a_row_whose_place_is_no_path_is_a_row_left_out(tmp_path: Path, value: str) -> None:
    pairs = data.load(table(tmp_path, f"image,text\na.png,here\n{value},there\n"))
    assert pairs.texts == ("here",)
    assert "1 row left out" in pairs.notes[0]


def test_a_table_of_addresses_says_that_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nothing is fetched from addresses"):
        data.load(table(tmp_path, "image,text\nhttps://example.org/a.png,x\n"))


@pytest.mark.parametrize("n", [0, -1, 2.5, "5", True, None])
def test_a_number_of_scenes_that_is_none_is_refused(n: object) -> None:
    with pytest.raises(BadInputError, match="expected a whole number"):
        data.load("shapes", n=n)


def test_pairs_refuse_empty_labels_negative_samples_and_items_that_are_not_there() -> None:
    pairs = data.load("shapes", n=5)
    with pytest.raises(BadInputError, match="labels has 0 entries; expected one for each of 5"):
        data.Pairs("x", pairs.sources, pairs.texts, ())
    with pytest.raises(BadInputError, match="count is -1"):
        pairs.sample(-1)
    with pytest.raises(IndexError, match="Item 99 was asked for; 'shapes' has 5"):
        pairs.picture(99)
