"""What the world's data sets look like is read as they mean it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.cases.making import pictures, png, shade, table, tar
from workbench import data
from workbench.errors import BadInputError


@pytest.mark.parametrize(
    ("names", "labels", "split"),
    [
        (["test/cat/0", "test/dog/0", "train/cat/0", "train/dog/0"], ("cat", "dog", "cat", "dog"), ("test", "test", "train", "train")),
        (["train2017/0", "val2017/0"], None, ("train", "validation")),
        (["cat/test/0", "cat/train/0", "dog/test/0"], ("cat", "cat", "dog"), ("test", "train", "test")),
        (["images/cat/0", "images/dog/0"], ("cat", "dog"), None),
        (["images/0", "images/1"], None, None),
        (["test/images/0", "train/images/0"], None, ("test", "train")),
        (["cat/0", "dog/0", "stray"], ("cat", "dog", ""), None),
        (["a", "more/0"], None, None),
        (["dev/cat/0", "training/cat/0", "training/dog/0"], ("cat", "cat", "dog"), ("validation", "train", "train")),
    ],
)  # fmt: skip
def test_folders_are_classes_parts_or_only_a_place(tmp_path: Path, names, labels, split) -> None:
    pairs = data.load(pictures(tmp_path, [f"{name}.png" for name in names]))
    assert pairs.labels == labels
    assert pairs.columns.get("split") == split
    plain = labels is not None and split is None and "" not in labels and names[0].count("/") == 1
    assert (pairs.notes == ()) == plain  # whatever was decided is said


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_an_image_folder_with_metadata_has_its_captions_labels_and_columns(tmp_path: Path, form: str) -> None:
    pictures(tmp_path / "train", ["0.png", "1.png", "2.png"])
    rows = [
        {"file_name": "0.png", "text": "a dog", "label": "d", "n": 1},
        {"file_name": "1.png", "text": "a car", "label": "c", "n": 2},
        {"file_name": "9.png", "text": "gone", "label": "c", "n": 3},
    ]
    frame = pd.DataFrame(rows)
    place = tmp_path / "train" / f"metadata.{form}"
    if form == "jsonl":
        place.write_text("\n".join(map(json.dumps, rows)))
    else:
        frame.to_csv(place, index=False) if form == "csv" else frame.to_parquet(place)
    pairs = data.load(tmp_path)
    assert pairs.texts == ("a dog", "a car", "2")
    assert pairs.labels == ("d", "c", "")
    assert pairs.columns["n"] == (1, 2, None)
    said = " | ".join(pairs.notes)
    assert "1 row of" in said and "'9.png'" in said
    assert "1 picture without a caption: named by its file" in said


def test_captions_beside_pictures_have_three_names(tmp_path: Path) -> None:
    pictures(tmp_path, ["a.png", "b.png", "c.png"])
    (tmp_path / "a.txt").write_text("words", "utf-16")
    (tmp_path / "b.caption").write_text("kohya")
    (tmp_path / "c.png.txt").write_text("both endings")
    assert data.load(tmp_path).texts == ("words", "kohya", "both endings")


TABLES = {
    "results.csv": ("image_name| comment_number| comment\n0.png| 0| Two dogs .\n0.png| 1| A dog, running .\n", ("Two dogs .", "A dog, running .")),
    "openclip.csv": ("filepath\ttitle\n0.png\ta dog\n", ("a dog",)),
    "captions.txt": ("image,caption\n0.png,A child .\n", ("A child .",)),
    "flickr8k.csv": ("image,caption\n0.png,A child in a dress .\n1.png,Two dogs, one ball .\n", ("A child in a dress .", "Two dogs, one ball .")),
    "results.token": ("0.png#0\tTwo dogs .\n0.png#1\tA dog .\n1.png#0\tA child .\n".replace(".png", ".jpg"), ("Two dogs .", "A dog .", "A child .")),
    "metadata.jsonl": ('{"file_name": "0.png", "text": "a dog"}\n\n{"file_name": "1.png", "text": "b"}', ("a dog", "b")),
    "rows.ndjson": ('{"image": "0.png", "caption": "2026-01-02"}\n', ("2026-01-02",)),
    "coco.json": (json.dumps({"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"image_id": 1, "caption": "a"}, {"image_id": 1, "caption": "b"}]}), ("a", "b")),
    "karpathy.json": (json.dumps({"images": [{"filename": "0.png", "split": "test", "sentences": [{"raw": "a"}, {"raw": "b"}]}]}), ("a", "b")),
    "list.json": (json.dumps([{"image": "0.png", "text": "a"}]), ("a",)),
    "columns.json": (json.dumps({"image": ["0.png", "1.png"], "text": ["a", "b"]}), ("a", "b")),
    "win.csv": ("image,text\nimg\\0.png,a\n", ("a",)),
    "drive.csv": ("image,text\nC:\\data\\0.png,a\nC:\\data\\1.png,b\n", ("a", "b")),
    "spaces.csv": ("image, text\n0.png, a dog \n", ("a dog ",)),
    "semi.csv": ("image;text\n0.png;a, b\n", ("a, b",)),
    "upper.CSV": ("Image,Caption\n0.png,a\n", ("a",)),
    "numbered.csv": ("image,caption_0,caption_1\n0.png,a,b\n1.png,c,\n", ("a", "b", "c")),
    "twice.csv": ("image,text,text\n0.png,a,b\n", ("a",)),
    "commas.tsv": ("image,text\n0.png,a\n", ("a",)),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_people_have(tmp_path: Path, name: str) -> None:
    content, texts = TABLES[name]
    pictures(tmp_path, ["0.png", "1.png", "0.jpg", "1.jpg"])
    pairs = data.load(table(tmp_path, content, name))
    assert pairs.texts == texts
    assert eval(pairs.code, {"data": data}).texts == texts  # the code on the screen reads the same
    pictured = [shade(pairs.picture(k)) for k in range(len(pairs))]
    assert pictured == sorted(pictured)


def test_pictures_in_the_folder_that_the_archive_has_are_found_and_it_is_said(tmp_path: Path) -> None:
    pictures(tmp_path / "Images", ["0.png", "1.png"])
    pairs = data.load(table(tmp_path, "image,caption\n0.png,a\n1.png,b\n", "captions.txt"))
    assert pairs.texts == ("a", "b")
    assert "The pictures were found in 'Images'" in pairs.notes[0]
    (tmp_path / "annotations").mkdir()
    told = {"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"image_id": 1, "caption": "x"}]}
    assert data.load(table(tmp_path / "annotations", json.dumps(told), "captions_val.json")).texts == ("x",)


def test_the_folder_of_relative_paths_can_be_given(tmp_path: Path) -> None:
    pictures(tmp_path / "elsewhere", ["0.png"])
    (tmp_path / "tables").mkdir()
    file = table(tmp_path / "tables", "image,text\n0.png,a\n")
    with pytest.raises(BadInputError, match=r"root='\.\.\.' names another folder"):
        data.load(file)
    assert data.load(file, root=tmp_path / "elsewhere").texts == ("a",)


def test_paths_that_no_two_rows_share_never_become_one(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png"])
    with pytest.raises(BadInputError, match="has a picture that is there"):
        data.load(table(tmp_path, "image,text\nC:\\a\\0.png,a\nC:\\b\\0.png,b\n"))


def packed(count: int) -> pa.Array:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": png(k + 1), "path": "x.png"} for k in range(count)], kind)


NAMES = {b"huggingface": json.dumps({"info": {"features": {"kind": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}).encode()}  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "texts", "labels"),
    [
        ({"image": 3, "text": ["a", "b", "c"], "label": [0, 1, 1]}, ("a", "b", "c"), ("cat", "dog", "dog")),
        ({"image": 3, "text": ["a", "b", "c"], "label": [0, -1, None]}, ("a", "b", "c"), ("cat", "", "")),
        ({"image": 3, "label": [0, 1, 1]}, ("cat", "dog", "dog"), ("cat", "dog", "dog")),
        ({"img": 3, "fine_label": [5, 6, 6]}, ("5", "6", "6"), ("5", "6", "6")),
        ({"jpg": 3, "txt": ["a", "b", "c"]}, ("a", "b", "c"), None),
        ({"kind": 3, "text": ["a", "b", "c"]}, ("a", "b", "c"), None),
    ],
)
def test_parquet_of_the_hub(tmp_path: Path, columns, texts, labels) -> None:
    held = {
        name: packed(cells) if isinstance(cells, int) else pa.array(cells) for name, cells in columns.items()
    }
    pq.write_table(pa.table(held).replace_schema_metadata(NAMES), tmp_path / "t.parquet")
    pairs = data.load(tmp_path / "t.parquet")
    assert (pairs.texts, pairs.labels) == (texts, labels)
    assert [shade(pairs.picture(k)) for k in range(3)] == [1, 2, 3]


def test_a_folder_of_parquet_shards_is_one_set_with_its_split(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for part, count in (("train-00000-of-00002", 2), ("train-00001-of-00002", 1), ("test-00000-of-00001", 1)):
        texts = [f"{part[:5]} {k}" for k in range(count)]
        pq.write_table(
            pa.table({"image": packed(count), "text": texts}), tmp_path / "data" / f"{part}.parquet"
        )
    (tmp_path / "README.md").write_text("card")
    pairs = data.load(tmp_path)
    assert len(pairs) == 4
    assert sorted(pairs.columns["split"]) == ["test", "train", "train", "train"]
    assert all(
        text.startswith(split) for text, split in zip(pairs.texts, pairs.columns["split"], strict=True)
    )
    assert any(".md" in note for note in pairs.notes)


def test_captions_and_labels_of_a_shard_come_from_its_json(tmp_path: Path) -> None:
    members = [
        ("1.png", png(1)),
        ("1.json", '{"caption": "a dog", "label": 3, "url": "u"}'),
        ("2.png", png(2)),
        ("2.json", '{"caption": ["x", "y"]}'),
        ("3.png", png(3)),
    ]
    pairs = data.load(tar(tmp_path / "j.tar", members))
    assert pairs.texts == ("a dog", "x", "y", "3")
    assert pairs.labels == ("3", "", "", "")
    assert pairs.columns["url"] == ("u", None, None, None)
    assert pairs.groups.tolist() == [0, 1, 1, 2]
    assert any("1 picture without a caption: named by its sample ('3')" in note for note in pairs.notes)


@pytest.mark.parametrize(("name", "mode"), [("x.tar.gz", "w:gz"), ("x.tgz", "w:gz"), ("x.tar.bz2", "w:bz2")])
def test_compressed_shards_are_read(tmp_path: Path, name: str, mode: str) -> None:
    pairs = data.load(tar(tmp_path / name, [("1.png", png(7)), ("1.txt", "a")], mode))
    assert (pairs.texts, shade(pairs.picture(0))) == (("a",), 7)
    assert len(data.load(tmp_path)) == 1
    assert tarfile.is_tarfile(tmp_path / name)


def test_a_pandas_table_in_hand_is_read_as_it_is(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png", "1.png"])
    frame = pd.DataFrame(
        {"image": ["0.png", "1.png", "2.png"], "text": ["a", None, "c"], "id": [2**60 + 1, None, 3]},
        dtype=object,
    )
    pairs = data.load(frame, root=tmp_path)
    assert (pairs.texts, pairs.columns["id"]) == (("a", ""), (2**60 + 1, None))
    assert any("1 row left out" in note for note in pairs.notes)
    held = pd.DataFrame(
        {
            "image": [Image.new("RGB", (8, 8), (5, 0, 0)), np.zeros((8, 8, 3), np.uint8), png(9)],
            "text": list("abc"),
        }
    )
    assert [shade(data.from_table(held).picture(k)) for k in range(3)] == [5, 0, 9]
    with pytest.raises(BadInputError, match="A pandas table was expected"):
        data.from_table([1, 2])


def test_json_in_another_encoding_is_said_and_captions_of_no_picture_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png"])
    rows = json.dumps({"image": "0.png", "text": "garçon"}, ensure_ascii=False)
    for name in ("a.jsonl", "a.json"):
        pairs = data.load(
            table(tmp_path, rows if name == "a.jsonl" else f"[{rows}]", name, encoding="cp1252")
        )
        assert pairs.texts == ("garçon",)
        assert f"'{name}' was read as cp1252" in pairs.notes[0]
    told = {"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"image_id": 7, "caption": "a"}]}
    with pytest.raises(BadInputError, match=r"None of the 1 caption of 'c\.json' has an image_id"):
        data.load(table(tmp_path, json.dumps(told), "c.json"))


def test_photographs_of_telephones_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    pictures(tmp_path, ["0.png"])
    (tmp_path / "x.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 8)
    assert data.load(tmp_path).notes[1] == "Photographs in HEIC cannot be read here: export them as JPEG"
