"""A corpus survives being killed at any moment, a full disk and a damaged file, and refuses to be mixed."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import FakeEncoder
from workbench import data
from workbench.embedding import embed, embed_to, forget, open_corpus
from workbench.embedding import partitions as corpora
from workbench.errors import BadInputError, Cancelled, UnavailableError


def many(count: int = 50, seed: int = 0) -> data.Pairs:
    shades = np.random.default_rng(seed).integers(0, 255, (count, 3))
    pictures = [Image.new("RGB", (6, 4), tuple(int(part) for part in shade)) for shade in shades]
    return data.from_pictures(
        pictures, texts=[f"a {('red', 'green')[item % 2]} card {item}" for item in range(count)]
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def counted(work, *, die_at: int | None = None) -> int:
    """Calls and returns of functions, Python's and C's, while `work()` runs; at number `die_at` SIGKILL comes.

    A moment is a number and no time, so that a slow machine is killed where a fast one is.
    """
    count = 0

    def step(_frame, _what, _about) -> None:
        nonlocal count
        count += 1
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(step)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_a_corpus_holds_what_embed_gives_rounded_to_float16(tmp_path: Path) -> None:
    pairs = many()
    corpus = embed_to(tmp_path / "c", FakeEncoder(), pairs, partition=16)
    forget()
    expected, found = embed(FakeEncoder(), pairs), corpus.embeddings(pairs=pairs)
    np.testing.assert_array_equal(found.image, expected.image.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(found.text, expected.text.astype(np.float16).astype(np.float32))
    assert found.texts == pairs.texts and found.pairs.fingerprint == pairs.fingerprint
    assert found.provenance.weights == "fake"


def test_the_last_partition_is_shorter_and_never_lost(tmp_path: Path) -> None:
    corpus = embed_to(tmp_path, FakeEncoder(), many(50), partition=16)
    assert corpus.complete and corpus.partitions == 4
    assert [corpus.read(number).num_rows for number in corpus.done] == [16, 16, 16, 2]


def test_killed_at_ten_random_moments_and_resumed_it_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    pairs, hurt = many(80), tmp_path / "hurt"

    def filling(folder: Path) -> None:
        embed_to(folder, FakeEncoder(), pairs, partition=4, batch_size=2)

    filling(
        tmp_path / "first"
    )  # imports what a first run imports, so that the next one's moments are its own
    forget()
    whole = counted(lambda: filling(tmp_path / "calm"))
    chance, fork = random.Random(0), multiprocessing.get_context("fork")
    forget()
    done = []
    for _ in range(10):
        moment = chance.randrange(whole // 20, whole // 3)
        worker = fork.Process(target=counted, args=(lambda: filling(hurt),), kwargs={"die_at": moment})
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        done.append(len(open_corpus(hurt).done) if (hurt / "manifest.json").exists() else 0)
    assert 0 < done[-1] < 20 and len(set(done)) > 3  # they fell into the work, and each went on with the last
    filling(hurt)
    assert content(hurt) == content(tmp_path / "calm")


def test_what_is_there_is_not_computed_again(tmp_path: Path) -> None:
    pairs, model = many(40), FakeEncoder()
    corpus = embed_to(tmp_path, model, pairs, partition=10)
    corpus.path(2).unlink()
    again = FakeEncoder()
    embed_to(tmp_path, again, pairs, partition=10)
    assert (model.pictures_seen, again.pictures_seen) == (40, 10)


def test_a_damaged_partition_is_named_and_computed_anew(tmp_path: Path) -> None:
    pairs = many(40)
    corpus = embed_to(tmp_path, FakeEncoder(), pairs, partition=10)
    before = content(tmp_path)
    corpus.path(1).write_bytes(corpus.path(1).read_bytes()[:200])
    with pytest.raises(BadInputError, match=r"part-00001.parquet cannot be read .*only those"):
        corpus.embeddings()
    os.replace(corpus.path(3), corpus.path(0))
    with pytest.raises(BadInputError, match=r"part-00000.parquet holds 10 rows that are not items 0 to 9"):
        corpus.read(0)
    embed_to(tmp_path, FakeEncoder(), pairs, partition=10)
    assert content(tmp_path) == before


def test_a_growing_corpus_can_be_watched_and_read(tmp_path: Path) -> None:
    pairs, seen = many(40), []
    with pytest.raises(Cancelled, match="Cancelled after 2 of 4 partitions; they are kept"):
        embed_to(tmp_path, FakeEncoder(), pairs, partition=10, on_event=seen.append,
                 should_stop=lambda: len(seen) == 3)  # fmt: skip
    watched = open_corpus(tmp_path)
    assert watched.done == (0, 1) and not watched.complete
    assert "2 of 4 partitions" in repr(watched)
    part = watched.embeddings(pairs=pairs)
    assert len(part) == 20 and part.pairs.texts == pairs.texts[:20]
    assert part.provenance.notes == ("2 of 4 partitions are there.",)
    embed_to(tmp_path, FakeEncoder(), pairs, partition=10, on_event=seen.append)
    assert watched.complete and seen[-1].done == seen[-1].total == 4


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"model": FakeEncoder(weights_hash="other")}, "weights: fake there, other now"),
        ({"pairs": many(40, seed=1)}, "data: "),
        ({"partition": 8}, "partition: 10 there, 8 now"),
    ],
)
def test_another_model_other_data_and_another_cut_are_refused(tmp_path: Path, other: dict, said: str) -> None:
    asked = {"model": FakeEncoder(), "pairs": many(40), "partition": 10}
    embed_to(tmp_path, **asked)
    with pytest.raises(BadInputError, match=f"belongs to another run .*{said}"):
        embed_to(tmp_path, **(asked | other))


def test_a_full_disk_is_said_and_what_was_finished_is_kept(tmp_path: Path, monkeypatch) -> None:
    pairs, plain, count = many(40), os.replace, 0

    def full(source, target) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(28, "No space left on device")
        plain(source, target)

    monkeypatch.setattr(corpora.os, "replace", full)
    with pytest.raises(UnavailableError, match=r"part-00002.parquet .*No space left on device; .* are free"):
        embed_to(tmp_path, FakeEncoder(), pairs, partition=10)
    assert open_corpus(tmp_path).done == (0, 1)
    assert not list(tmp_path.glob("*.partial"))
    assert embed_to(tmp_path, FakeEncoder(), pairs, partition=10).complete


def _embed_where_files_may_not_grow(most: int, folder: Path, pairs: data.Pairs, answer) -> None:
    """In a process of its own: the system itself refuses to write more than `most` bytes into a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        embed_to(folder, FakeEncoder(), pairs, partition=20)
    except UnavailableError as problem:
        answer.send(str(problem))
    else:
        answer.send("written")


def test_a_file_that_the_system_cuts_off_half_way_is_no_partition(tmp_path: Path) -> None:
    pairs = many(45)
    calm = embed_to(tmp_path / "calm", FakeEncoder(), pairs, partition=20)
    small, large = (calm.path(number).stat().st_size for number in (2, 0))
    manifest = (tmp_path / "calm" / "manifest.json").stat().st_size
    assert max(manifest, small) < large - 20  # five rows still fit where twenty do not
    fork, (mine, theirs) = multiprocessing.get_context("fork"), multiprocessing.Pipe()
    hurt = tmp_path / "hurt"
    worker = fork.Process(target=_embed_where_files_may_not_grow, args=(large - 20, hurt, pairs, theirs))
    worker.start()
    said = mine.recv()
    worker.join()
    assert "part-00000.parquet" in said and "make room and run embed_to again" in said
    assert open_corpus(hurt).done == () and not list(hurt.glob("*.partial"))
    embed_to(hurt, FakeEncoder(), pairs, partition=20)
    assert content(hurt) == content(tmp_path / "calm")


def test_folders_that_are_no_corpus_say_so(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"holds no manifest.json"):
        open_corpus(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(BadInputError, match="is damaged"):
        open_corpus(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 9}))
    with pytest.raises(BadInputError, match="has format 9; this version reads 1"):
        open_corpus(tmp_path)
    with pytest.raises(BadInputError, match="`pairs` is empty"):
        embed_to(tmp_path / "new", FakeEncoder(), many(4)[:0])
    with pytest.raises(BadInputError, match="at least 1 item a file"):
        embed_to(tmp_path / "new", FakeEncoder(), many(4), partition=0)


def test_pairs_of_another_corpus_are_not_shown_with_it(tmp_path: Path) -> None:
    corpus = embed_to(tmp_path, FakeEncoder(), many(40), partition=10)
    with pytest.raises(BadInputError, match="was made of other pairs"):
        corpus.embeddings(pairs=many(30))


def test_embed_keeps_the_note_of_a_batch_that_did_not_fit(monkeypatch) -> None:
    class Small(FakeEncoder):
        def encode_images(self, pictures):
            if len(pictures) > 8:
                raise MemoryError
            return super().encode_images(pictures)

    forget()
    notes = embed(Small(weights_hash="small"), many(40), batch_size=16).provenance.notes
    assert any("a batch of 16 did not fit, going on with 8" in note for note in notes)
