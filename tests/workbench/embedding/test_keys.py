"""What a vector is remembered by: everything that would make it another one, in memory, on disk, in a corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.fakes import FakeEncoder
from workbench import data
from workbench.cache import VectorMemory
from workbench.embedding import embed, embed_pictures, embed_texts, embed_to, forget
from workbench.errors import BadInputError

PICTURES, WORDS = 40, 35  # more than are looked up on disk


def greys(count: int = PICTURES) -> data.Pairs:
    pictures = [Image.new("RGB", (4, 3), (5 * item, 90, 20)) for item in range(count)]
    return data.from_pictures(pictures, texts=[f"grey {item}" for item in range(count)])


def encoder(**differs: str) -> FakeEncoder:
    made = FakeEncoder()
    for name, value in differs.items():
        setattr(made, name, value)
    return made


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "store"))
    forget()


@pytest.mark.parametrize("forgotten", [False, True], ids=["in memory", "on disk"])
@pytest.mark.parametrize(
    "differs",
    [{"preprocessing_hash": "crop"}, {"precision": "float16"}, {"weights_hash": "other"}],
    ids=lambda differs: next(iter(differs)),
)
def test_pictures_of_another_reading_precision_or_model_are_computed_anew(differs, forgotten: bool) -> None:
    embed_pictures(FakeEncoder(), greys())
    if forgotten:
        forget()
    again, other = FakeEncoder(), encoder(**differs)
    embed_pictures(again, greys())
    embed_pictures(other, greys())
    assert (again.pictures_seen, other.pictures_seen) == (0, PICTURES)


@pytest.mark.parametrize("forgotten", [False, True], ids=["in memory", "on disk"])
@pytest.mark.parametrize(
    "differs",
    [{"tokenisation_hash": "lower"}, {"precision": "float16"}, {"weights_hash": "other"}],
    ids=lambda differs: next(iter(differs)),
)
def test_texts_of_another_tokenisation_precision_or_model_are_computed_anew(differs, forgotten: bool) -> None:
    words = [f"word {item}" for item in range(WORDS)]
    embed_texts(FakeEncoder(), words)
    if forgotten:
        forget()
    again, other = FakeEncoder(), encoder(**differs)
    embed_texts(again, words)
    embed_texts(other, words)
    assert (len(again.texts_seen), len(other.texts_seen)) == (0, WORDS)


def test_a_text_and_a_picture_of_one_name_are_two() -> None:
    """The key of a picture is a digest; a text that is that very digest must not get the picture's vector."""
    pairs = greys(1)
    image = embed_pictures(FakeEncoder(), pairs)
    text = embed_texts(encoder(tokenisation_hash="resize"), [pairs.keys[0]])
    assert not np.array_equal(image, text)


@pytest.mark.parametrize(
    "differs",
    [{"preprocessing_hash": "crop"}, {"precision": "float16"}, {"weights_hash": "other"}],
    ids=lambda differs: next(iter(differs)),
)
def test_a_corpus_takes_no_vectors_of_another_reading_precision_or_model(differs, tmp_path: Path) -> None:
    embed_to(tmp_path / "corpus", FakeEncoder(), greys(), partition=10)
    with pytest.raises(BadInputError, match="belongs to another run"):
        embed_to(tmp_path / "corpus", encoder(**differs), greys(), partition=10)


def test_the_memory_drops_what_was_unused_for_longest_and_not_what_is_oldest() -> None:
    vector = np.zeros(250, np.float32)  # 1000 bytes
    memory = VectorMemory(limit_mb=0.003)
    for name in "abc":
        memory.put(name, vector)
    assert memory.get("a") is not None
    memory.put("d", vector)
    assert memory.get("b") is None and all(memory.get(name) is not None for name in "acd")
    memory.put("a", vector)  # again: it takes no more room than before
    assert len(memory) == 3


def test_a_picture_that_stands_twice_is_computed_once_and_stands_twice() -> None:
    pairs, model = greys(5), FakeEncoder()
    twice = pairs[[0, 1, 1, 4, 0]]
    found = embed(model, twice)
    assert model.pictures_seen == 3
    np.testing.assert_array_equal(found.image, FakeEncoder().encode_images([pair.picture for pair in twice]))


def test_a_batch_of_texts_that_did_not_fit_is_halved_and_said() -> None:
    """Memory for eight at a time: 20 texts in one batch come out whole, and a note says what was done."""

    class Small(FakeEncoder):
        def encode_texts(self, texts):
            if len(texts) > 8:
                raise torch.OutOfMemoryError("too many at once")
            return super().encode_texts(texts)

    words, notes = [f"word {item}" for item in range(20)], []
    found = embed_texts(Small(), words, batch_size=20, notes=notes)
    np.testing.assert_array_equal(found, FakeEncoder().encode_texts(words))
    assert [int(note.split()[-1]) for note in notes] == [10, 5]
    again: list[str] = []
    embed_texts(FakeEncoder(), words, notes=again)
    embed_pictures(FakeEncoder(), greys(3), notes=again)
    assert again == []  # where all went well nothing is said
