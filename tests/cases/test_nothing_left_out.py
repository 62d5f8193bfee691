"""Nothing is left out in silence: what is not read is counted and named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cases.making import pictures, png, shade, table, tar
from workbench import data
from workbench.cli import main
from workbench.projection import extend, project
from workbench.results import Embeddings

FORMS = {
    "a.jpg": "JPEG", "b.avif": "AVIF", "c.jfif": "JPEG", "d.jpe": "JPEG", "e": "PNG", "f.jp2": "JPEG2000",
    "g.ppm": "PPM", "h.heic": "AVIF", "i.dib": "BMP", "j.tif": "TIFF", "k.2024": "PNG",
}  # fmt: skip


@pytest.mark.parametrize(("name", "form"), FORMS.items())
def test_pictures_are_known_under_their_other_names(tmp_path: Path, name: str, form: str) -> None:
    Image.new("RGB", (16, 16), (200, 50, 20)).save(tmp_path / name, form)
    pairs = data.load(tmp_path)
    assert pairs.columns["file"] == (name,)
    assert pairs.picture(0).size == (16, 16)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("film.mp4", "1 file left out, no pictures: 1 .mp4 ('film.mp4')"),
        ("notes.md", "1 file left out, no pictures: 1 .md ('notes.md')"),
        ("README", "1 file left out, no pictures: 1 no ending ('README')"),
        (".hidden.png", "1 hidden file or folder left out ('.hidden.png')"),
        ("deep/er/x.npy", "1 file left out, no pictures: 1 .npy ('deep/er/x.npy')"),
    ],
)
def test_what_a_folder_leaves_out_is_counted_and_named(tmp_path: Path, name: str, said: str) -> None:
    pictures(tmp_path, ["a.png"])
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("no picture")
    assert data.load(tmp_path).notes == (said,)


def test_links_out_of_the_folder_are_read_as_hubs_and_version_control_keep_them(tmp_path: Path) -> None:
    pictures(tmp_path / "blobs", ["sha0", "sha1", "sha2"])
    table(tmp_path / "blobs", "file_name,text\n0.png,zero\n1.png,one\n2.png,two\n", "sha3")
    inside = tmp_path / "snapshots" / "abc" / "train"
    inside.mkdir(parents=True)
    for number in range(3):
        os.symlink(f"../../../blobs/sha{number}", inside / f"{number}.png")
    os.symlink("../../../blobs/sha3", inside / "metadata.csv")
    os.symlink("nowhere", inside / "lost.png")
    os.symlink("..", inside / "circle")
    pairs = data.load(tmp_path / "snapshots" / "abc")
    assert pairs.texts == ("zero", "one", "two")
    assert [shade(pairs.picture(k)) for k in range(3)] == [1, 2, 3]
    said = " | ".join(pairs.notes)
    assert "3 pictures are links to a place outside the folder" in said
    assert "2 links or folders left out" in said and "lost.png" in said


def test_a_linked_class_folder_is_entered(tmp_path: Path) -> None:
    pictures(tmp_path / "all", ["cat/0.png", "dog/0.png"])
    (tmp_path / "subset").mkdir()
    for name in ("cat", "dog"):
        os.symlink(tmp_path / "all" / name, tmp_path / "subset" / name)
    assert data.load(tmp_path / "subset").labels == ("cat", "dog")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("1.txt", "t")], "1 sample without a picture left out ('1')"),
        ([("0.npy", "x"), ("0.txt", "t")], "1 member left out: 1 .npy ('0.npy')"),
        ([("0.txt", "t"), ("0.caption", "u")], "1 member left out: 1 .caption ('0.caption')"),
        ([("0.png", png(9))], "1 member there twice and refused; the first stays ('0.png')"),
        ([("README", "x")], "1 member without an ending left out ('README')"),
        ([("0.json", "[1]")], "1 file left out: no JSON object in it ('0.json')"),
    ],
)
def test_what_a_shard_leaves_out_is_counted_and_named(tmp_path: Path, members, said: str) -> None:
    pairs = data.load(tar(tmp_path / "x.tar", [("0.png", png(1)), *members]))
    assert said in pairs.notes
    assert (len(pairs), shade(pairs.picture(0))) == (1, 1)


def test_rows_without_a_picture_are_named_with_their_number(tmp_path: Path) -> None:
    pictures(tmp_path, ["a.png"])
    pairs = data.load(table(tmp_path, "image,text\na.png,one\nb.png,two\nhttps://x.org/c.png,three\n,four\n"))
    assert pairs.texts == ("one",)
    (note,) = pairs.notes
    assert note.startswith("3 rows left out: the picture is missing ('b.png', 'https://x.org/c.png', ''")
    assert "of 4 rows, number 1, 2, 3" in note and "1 is addresses, and nothing is fetched" in note


def test_coco_captions_without_a_picture_and_pictures_without_a_caption_are_counted(tmp_path: Path) -> None:
    import json

    pictures(tmp_path, ["a.png", "b.png"])
    told = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 1, "caption": "x"},
            {"image_id": 9, "caption": "y"},
            {"image_id": 1, "bbox": []},
        ],
    }
    pairs = data.load(table(tmp_path, json.dumps(told), "coco.json"))
    said = " | ".join(pairs.notes)
    assert pairs.texts == ("x",)
    assert "1 annotation without a caption left out" in said
    assert "1 caption left out: no picture has their number (first: image_id 9)" in said
    assert "1 picture without a caption left out ('b.png')" in said


def test_extending_a_map_keeps_what_was_known_and_says_what_is_not() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 8))
    known = Embeddings.from_array(vectors[:40], labels=["a", "b"] * 20, texts=[f"t{k}" for k in range(40)])
    longer = extend(project(known, method="pca", seed=0), Embeddings.from_array(vectors[40:]))
    assert longer.labels == ("a", "b") * 20 + ("",) * 10
    assert longer.texts[:2] == ("t0", "t1") and longer.texts[40:] == ("",) * 10
    assert "The new items have no labels." in longer.notes


def test_the_command_says_what_would_be_read_and_what_not(tmp_path: Path, capsys) -> None:
    pictures(tmp_path, ["a.png", "b.png"])
    (tmp_path / "b.png").write_bytes(b"broken")
    table(tmp_path, "image,text,label\na.png,garçon,boy\nb.png,x,\nc.png,y,z\n", encoding="cp1252")
    assert main(["data", "check", str(tmp_path / "t.csv")]) == 0
    said = capsys.readouterr().out
    assert "Pairs('t', 2 pictures, 1 label, 1 without one)" in said
    assert (
        "parted by commas, in cp1252; pictures from 'image', texts from 'text', labels from 'label'" in said
    )
    assert "'garçon'  [boy]" in said and "1 row left out" in said
    assert main(["data", "check", str(tmp_path / "t.csv"), "--open"]) == 1
    assert "row 1: " in capsys.readouterr().out
    assert main(["data", "check", str(tmp_path / "none.csv")]) == 1
    assert "Refused: There is no folder or table" in capsys.readouterr().out
