"""The same corpus by other processes and by Ray Data equals the one computed here, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import FakeEncoder, colour_pairs
from workbench import data, models
from workbench.embedding import embed_to
from workbench.errors import BadInputError, UnknownNameError


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_other_processes_write_what_this_one_writes(tmp_path: Path, engine: str) -> None:
    model, pairs, seen = models.load("emoji-clip"), data.load("emoji")[:60], []
    here = embed_to(tmp_path / "here", model, pairs, partition=16, batch_size=8)
    there = embed_to(
        tmp_path / "there",
        model,
        pairs,
        partition=16,
        batch_size=8,
        workers=2,
        engine=engine,
        on_event=seen.append,
    )
    assert there.complete
    assert content(here.folder) == content(there.folder)
    if engine == "ray":
        import ray

        ray.shutdown()
    assert [event.done for event in seen] == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_other_processes_leave_out_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for shade in range(12):
        Image.new("RGB", (9, 9), (shade, 0, 0)).save(tmp_path / "p" / f"{shade:02d}.png")
    (tmp_path / "p" / "07.png").write_bytes(b"nothing")
    model, pairs = models.load("emoji-clip"), data.load(tmp_path / "p")
    work = {"partition": 4, "on_bad": "skip"}
    here = embed_to(tmp_path / "here", model, pairs, **work)
    there = embed_to(tmp_path / "there", model, pairs, workers=2, **work)
    assert list(there.left_out) == [7] and content(here.folder) == content(there.folder)


def test_a_model_that_a_worker_cannot_load_is_refused_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="fake"):
        embed_to(tmp_path, FakeEncoder(), colour_pairs(), partition=2, workers=1)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="expected 'local' or 'ray'"):
        embed_to(tmp_path, FakeEncoder(), colour_pairs(), engine="spark")
