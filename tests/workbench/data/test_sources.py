"""Names, folders and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from workbench import data
from workbench.data.emoji_table import emoji_rows
from workbench.errors import BadInputError, BadPictureError, UnknownNameError


def put(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (7, 5), colour).save(path)
    return path


def test_the_emoji_are_counted_named_and_grouped() -> None:
    emoji = data.load("emoji")
    assert len(emoji) == 1914
    assert len(emoji_rows(skin_tones=True)) == 3944
    assert len(set(emoji.labels or ())) == 9
    row = emoji.columns["character"].index("🐱")
    assert (emoji.texts[row], (emoji.labels or ())[row]) == ("cat face", "Animals & Nature")
    assert emoji.columns["name_zh"][row] == "猫脸"
    assert emoji.picture(row).size == (72, 72)
    assert "Twemoji" in emoji.credit
    assert "CC BY 4.0" in emoji.credit


def test_emoji_come_in_other_languages_and_an_unknown_one_is_refused() -> None:
    assert data.load("emoji", language="de").texts[0] == "grinsendes gesicht"
    with pytest.raises(BadInputError, match="language is 'xx'; the emoji names come in en, ar"):
        data.load("emoji", language="xx")


def test_photographs_come_without_a_network() -> None:
    photos = data.load("photos")
    assert {"astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"} <= set(photos.columns["file"])
    assert all(photos.picture(k).mode == "RGB" for k in range(len(photos)))
    assert len(photos.columns["author"]) == len(photos) and all(photos.columns["author"])
    assert {"NASA", "SpaceX", "Rachel Michetti"} <= set(photos.columns["author"])
    assert all(author.split(" (")[0].split(",")[0] in photos.credit for author in photos.columns["author"])


@pytest.mark.parametrize("name", ["emojis", "Emoji", "shape", "easyvqa"])
def test_a_typo_names_the_nearest(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean"):
        data.load(name)


def test_a_path_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no folder or table"):
        data.load(tmp_path / "nothing.csv")


def test_available_prints_every_card() -> None:
    assert {row.name for row in data.available()} == {
        "emoji", "shapes", "photos", "easy-vqa", "digits-words", "emoji-match", "shapes-questions",
        "shapes-instructions",
    }  # fmt: skip
    assert "CC-BY-4.0" in repr(data.available())


def test_class_folders_become_labels_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "one_red-cat.png")
    put(tmp_path / "dog" / "two.JPG", "blue")
    put(tmp_path / ".hidden" / "x.png")
    put(tmp_path / "dog" / "._x.png")
    (tmp_path / "dog" / "notes.md").write_text("no picture")
    pairs = data.load(tmp_path)
    assert pairs.texts == ("one red cat", "two")
    assert pairs.labels == ("cat", "dog")
    assert pairs.columns["file"][0].endswith("one_red-cat.png")


def test_a_flat_folder_has_no_labels_and_a_text_beside_a_picture_is_its_caption(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "b.png")
    (tmp_path / "b.txt").write_text("a <b>bold</b>\n caption", "utf-8")
    pairs = data.load(tmp_path)
    assert pairs.labels is None
    assert pairs.texts == ("a", "a <b>bold</b> caption")


def test_a_link_that_leaves_the_folder_is_followed_and_said(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "blob.png")
    inside = tmp_path / "inside"
    put(inside / "own.png")
    (inside / "link.png").symlink_to(outside)
    pairs = data.load(inside)
    assert pairs.texts == ("link", "own")
    assert pairs.notes == ("1 picture is a link to a place outside the folder ('link.png')",)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no pictures"):
        data.load(tmp_path)


def test_a_broken_file_is_named_when_it_is_opened(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    pairs = data.load(tmp_path)
    with pytest.raises(BadPictureError, match=r"Item 1 \('b'\): .*b\.png"):
        pairs.picture(1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_table_is_read_in_any_usual_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    put(tmp_path / "pictures" / "一.png")
    separator = "\t" if ending == "tsv" else ","
    rows = [["Image", "Caption", "class"], ["pictures/一.png", "红色的卡片", "card"]]
    (tmp_path / f"t.{ending}").write_text("\n".join(separator.join(row) for row in rows), encoding)
    pairs = data.load(tmp_path / f"t.{ending}")
    assert (pairs.texts, pairs.labels) == (("红色的卡片",), ("card",))
    assert pairs.picture(0).size == (7, 5)


def test_rows_whose_file_is_missing_are_left_out_and_listed(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    frame = pd.DataFrame({"image": ["a.png", "b.png", None], "text": ["one", "two", "three"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    pairs = data.load(tmp_path / "t.csv")
    assert pairs.texts == ("one",)
    assert pairs.notes[0].startswith("2 rows left out: the picture is missing ('b.png'")


def test_a_table_with_no_picture_left_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"image": ["a.png"], "text": ["one"]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BadInputError, match=r"None of the 1 row of 't\.csv' has a picture that is there"):
        data.load(tmp_path / "t.csv")


def test_a_missing_column_is_said_with_those_there_are(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    pd.DataFrame({"bild": ["a.png"], "worte": ["eins"]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BadInputError, match=r"its columns are 'bild', 'worte'.*image_column=") as refused:
        data.load(tmp_path / "t.csv")
    assert "no column one of image, picture" in str(refused.value)
    pairs = data.load(tmp_path / "t.csv", image_column="bild", text_column="worte")
    assert pairs.texts == ("eins",)
    with pytest.raises(BadInputError, match=r"no column 'wort'.*Did you mean 'worte'"):
        data.load(tmp_path / "t.csv", image_column="bild", text_column="wort")


def test_a_parquet_may_hold_the_bytes_as_hubs_store_them(tmp_path: Path) -> None:
    content = put(tmp_path / "a.png", "blue").read_bytes()
    frame = pd.DataFrame(
        {"image": [{"bytes": content, "path": "a.png"}, {"bytes": None, "path": "a.png"}], "text": ["x", "y"]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    pairs = data.load(tmp_path / "t.parquet")
    assert [pairs.picture(k).getpixel((3, 2)) for k in (0, 1)] == [(0, 0, 255)] * 2


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(BadInputError, match=r"'t\.parquet' cannot be read as a table"):
        data.load(tmp_path / "t.parquet")


def test_a_file_that_is_no_table_says_how_to_load_one_picture(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="from_pictures"):
        data.load(put(tmp_path / "a.png"))
    assert data.from_path(tmp_path / "a.png").texts == ("a",)


def test_pictures_in_hand_become_pairs() -> None:
    pairs = data.from_pictures(
        [Image.new("RGB", (7, 5), "red"), Image.new("RGB", (9, 5), "red")], texts=["x", "y"]
    )
    assert pairs.texts == ("x", "y")
    assert pairs.keys[0] != pairs.keys[1]
    with pytest.raises(BadInputError, match="No picture was given"):
        data.from_pictures([])
    with pytest.raises(BadInputError, match="1 text for 2 pictures"):
        data.from_pictures([Image.new("RGB", (2, 2))] * 2, texts=["x"])


def test_every_photograph_has_the_name_a_person_would_give_it() -> None:
    photos = data.load("photos")
    assert photos.labels is not None and len(set(photos.labels)) == len(photos) == 15
    named = dict(zip(photos.columns["file"], photos.labels, strict=True))
    assert named["chelsea.png"] == "cat" and named["china.jpg"] == "temple"


@pytest.mark.parametrize(
    "name", ["emoji", "shapes", "photos", "easy-vqa", "digits-words", "emoji-match", "shapes-questions"]
)
def test_an_option_that_a_data_set_does_not_have_is_refused_with_those_it_has(name: str) -> None:
    with pytest.raises(BadInputError, match=rf"data\.load\('{name}'\) has no option 'q'\. It takes"):
        data.load(name, q=0)


def test_so_is_one_of_a_folder_a_table_and_a_table_in_hand(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    rows = pd.DataFrame({"image": ["a.png"], "text": ["a square"]})
    rows.to_csv(tmp_path / "rows.csv")
    for given, what in ((tmp_path, "folder"), (tmp_path / "rows.csv", "table"), (rows, "table")):
        with pytest.raises(BadInputError, match=rf"data\.load\({what}\) has no option 'text_colum'. Did you"):
            data.load(given, text_colum="text")
        with pytest.raises(BadInputError, match=r"data\.load\(\w+\) has no option 'table'"):
            data.load(given, table=rows)
        with pytest.raises(BadInputError, match="label_column is 3; expected a text"):
            data.load(given, label_column=3)


def test_emoji_match_takes_a_seed_that_can_be_drawn_from() -> None:
    with pytest.raises(BadInputError, match="seed is -1; expected a whole number of at least 0"):
        data.load("emoji-match", seed=-1)


def test_a_sample_is_counted_in_whole_pairs() -> None:
    with pytest.raises(BadInputError, match="count is 'x'; expected a whole number"):
        data.load("shapes", n=2).sample("x")  # type: ignore[arg-type]
