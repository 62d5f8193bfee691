"""What a kill left is known for what it is, can be done again, and does not lie about for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes import colour_pairs
from workbench import cache, data
from workbench.cache import ArrayStore
from workbench.embedding import open_embeddings
from workbench.errors import BadInputError
from workbench.results import Embeddings

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("at", range(3))
def test_a_save_that_was_killed_says_so_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    made, steps = Embeddings.from_array(np.eye(3)), [0]

    def stopping(real: Any) -> Any:
        def step(*given: Any) -> Any:
            steps[0] += 1
            if steps[0] > at:
                raise KeyboardInterrupt  # nothing is cleared up, as when it is killed
            return real(*given)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stopping(os.replace))
        patch.setattr(Path, "write_bytes", stopping(Path.write_bytes))
        with pytest.raises(KeyboardInterrupt):
            made.save(tmp_path / "kept")
    with pytest.raises(BadInputError, match=r"Saving was interrupted .* the same folder"):
        open_embeddings(tmp_path / "kept")
    np.testing.assert_array_equal(open_embeddings(made.save(tmp_path / "kept")).image, made.image)
    assert {file.name for file in (tmp_path / "kept").iterdir()} == {"arrays.npz", "embeddings.json"}


def test_files_of_ones_own_are_not_taken_for_an_interrupted_save(tmp_path: Path) -> None:
    made = Embeddings.from_array(np.eye(3))
    for names in (
        ["arrays.npz"],
        ["embeddings.json.partial", "mine.txt"],
        ["a.json.partial", "b.json.partial"],
    ):
        folder = tmp_path / names[0]
        folder.mkdir()
        for name in names:
            (folder / name).write_text("mine")
        with pytest.raises(BadInputError, match="name a new folder"):
            made.save(folder)
        assert {file.name for file in folder.iterdir()} == set(names)


def test_half_a_picture_is_never_taken_for_a_kept_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(self: Image.Image, file: Any, *_: Any, **__: Any) -> None:
        if hasattr(file, "write"):
            file.write(b"\x89PNG half")
        else:
            Path(file).write_bytes(b"\x89PNG half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", cut_off)
        with pytest.raises(KeyboardInterrupt):
            data.keep(colour_pairs(), tmp_path)
    assert data.keep(colour_pairs(), tmp_path).picture(0).size == (7, 5)


def test_what_killed_kernels_left_in_the_cache_is_taken_away_and_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    left = [
        tmp_path / "ab" / "x.npz.1-1.workbench.tmp",
        tmp_path / "new.workbench.tmp",
        tmp_path / "mine.tmp",
    ]
    for file in left:
        file.write_text("")
        os.utime(file, (1, 1))
    os.utime(left[1])  # somebody may be writing it now
    cache._swept.discard(tmp_path)
    ArrayStore(tmp_path).get("cd" * 32)
    assert [file.exists() for file in left] == [False, True, True]
