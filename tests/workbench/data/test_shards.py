"""WebDataset shards: read from their place in the tar, in its order, and refused when they are damaged."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench import data
from workbench.errors import BadInputError, BadPictureError

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def png(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 6), colour).save(out, "PNG")
    return out.getvalue()


def shard(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            told = tarfile.TarInfo(name)
            told.size = len(content)
            archive.addfile(told, io.BytesIO(content))
    return path


def sample(number: int, *, label: bool = True) -> dict[str, bytes]:
    name = f"train/{number:04d}"
    found = {f"{name}.png": png(COLOURS[number % 3]), f"{name}.txt": f"a  card\nnumber {number}".encode()}
    return found | ({f"{name}.cls": str(number % 3).encode()} if label else {})


def test_a_folder_of_shards_gives_every_sample_in_order(tmp_path: Path) -> None:
    shard(tmp_path / "b.tar", sample(2) | sample(3))
    shard(tmp_path / "a.tar", sample(0) | sample(1))
    pairs = data.load(tmp_path)
    assert pairs.texts == tuple(f"a card number {number}" for number in range(4))
    assert pairs.labels == ("0", "1", "2", "0")
    assert pairs.columns["shard"] == ("a.tar", "a.tar", "b.tar", "b.tar")
    for item in range(4):
        assert tuple(np.asarray(pairs.picture(item))[0, 0]) == COLOURS[item % 3]
    assert pairs.keys[0] == pairs.keys[3] != pairs.keys[1]


def test_one_shard_can_be_loaded_and_samples_without_a_picture_are_counted(tmp_path: Path) -> None:
    files = sample(0) | {"train/0001.txt": b"no picture"} | sample(2, label=False)
    pairs = data.load(shard(tmp_path / "one.tar", files))
    assert len(pairs) == 2 and pairs.labels == ("0", "")
    assert pairs.notes == (
        "1 sample without a picture left out ('train/0001')",
        "1 picture without a label ('train/0002')",
    )
    assert len(data.from_path(tmp_path / "one.tar")) == 2


def test_a_shard_that_is_no_tar_or_cut_off_is_refused_with_its_name(tmp_path: Path) -> None:
    whole = shard(tmp_path / "whole.tar", sample(0) | sample(1)).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: 512 + 40])
    with pytest.raises(BadInputError, match=r"cut.tar' cannot be read .*is cut off"):
        data.load(tmp_path / "cut.tar")
    (tmp_path / "text.tar").write_text("not a tar")
    with pytest.raises(BadInputError, match=r"text.tar' cannot be read as an uncompressed tar"):
        data.load(tmp_path / "text.tar")


def test_shards_without_pictures_say_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds 1 sample in 1 shard and no picture"):
        data.load(shard(tmp_path / "words.tar", {"a.txt": b"words"}))


def test_a_broken_picture_is_named_by_shard_and_sample(tmp_path: Path) -> None:
    pairs = data.load(shard(tmp_path / "x.tar", {"a.png": b"no picture at all"} | sample(1)))
    with pytest.raises(BadPictureError, match=r"x.tar:a.png"):
        pairs.picture(0)
