from __future__ import annotations

import gc

import numpy as np
import pytest

from tests.fakes import FakeEncoder, colour_pairs
from workbench.embedding import embed, forget
from workbench.errors import BadInputError, Cancelled, UnsupportedError
from workbench.zeroshot import classify, retrieve

LABELS = ["red", "green", "blue"]


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    forget()


def test_the_right_colour_wins_and_accuracy_says_so() -> None:
    ranking = classify(FakeEncoder(), colour_pairs(["blue", "red"]), LABELS)
    assert [LABELS[k] for k in ranking.best] == ["blue", "red"]
    assert ranking.accuracy == 1.0
    assert ranking.top(0, 1)[0][0] == "blue"


def test_truth_is_the_place_of_the_pairs_own_label_and_minus_one_off_the_list() -> None:
    ranking = classify(FakeEncoder(), colour_pairs(["blue", "red"]), ["RED", "green"])
    assert ranking.truth is not None
    assert ranking.truth.tolist() == [-1, 0]
    assert classify(FakeEncoder(), colour_pairs(["blue"]), ["green"]).truth is None


def test_texts_serve_as_truth_where_labels_do_not() -> None:
    pairs = colour_pairs(["blue", "red"], labels=False)
    ranking = classify(FakeEncoder(), pairs, ["a red card", "a blue card"])
    assert ranking.truth is not None
    assert ranking.truth.tolist() == [1, 0]


def test_where_a_pairs_label_is_off_the_list_its_text_serves_as_truth() -> None:
    """Labels are red, green, blue; of the list, one is a label, one a text, and blue is neither."""
    ranking = classify(FakeEncoder(), colour_pairs(["red", "green", "blue"]), ["a red card", "green"])
    assert ranking.truth is not None and ranking.truth.tolist() == [0, 1, -1]


def test_a_picture_and_a_text_are_encoded_once() -> None:
    encoder = FakeEncoder()
    pairs = colour_pairs(["red", "green", "blue"])
    classify(encoder, pairs, LABELS)
    classify(encoder, pairs[1:], [*LABELS, "yellow"])
    assert encoder.pictures_seen == 3
    assert encoder.texts_seen == ["red", "green", "blue", "yellow"]


def test_another_model_does_not_get_the_first_ones_vectors() -> None:
    first, second = FakeEncoder(weights_hash="one"), FakeEncoder(weights_hash="two")
    classify(first, colour_pairs(), LABELS)
    classify(second, colour_pairs(), LABELS)
    assert (first.pictures_seen, second.pictures_seen) == (3, 3)  # of four pictures two are alike


def test_the_last_short_batch_is_not_lost_and_order_is_kept() -> None:
    names = ["red", "green", "blue", "green", "blue", "blue", "red"]
    embeddings = embed(FakeEncoder(), colour_pairs(names), batch_size=3)
    assert embeddings.image is not None
    assert embeddings.image[:, :3].argmax(axis=1).tolist() == [0, 1, 2, 1, 2, 2, 0]
    np.testing.assert_allclose(np.linalg.norm(embeddings.image, axis=1), 1, atol=1e-6)


def test_a_cancelled_run_keeps_what_it_finished() -> None:
    encoder = FakeEncoder()
    pairs = colour_pairs(["red", "green", "blue"])
    asked = iter([False, False, True, True])
    with pytest.raises(Cancelled, match="after 2"):
        embed(encoder, pairs, batch_size=1, should_stop=lambda: next(asked))
    embed(encoder, pairs, batch_size=1)
    assert encoder.pictures_seen == 3


def test_an_interrupted_run_keeps_what_it_finished() -> None:
    class Interrupted(FakeEncoder):
        def encode_images(self, pictures: list) -> np.ndarray:
            if self.pictures_seen == 2:
                self.pictures_seen += 100
                raise KeyboardInterrupt
            return super().encode_images(pictures)

    encoder = Interrupted()
    pairs = colour_pairs(["red", "green", "blue"])
    with pytest.raises(KeyboardInterrupt):
        embed(encoder, pairs, batch_size=1)
    embed(encoder, pairs, batch_size=1)
    assert encoder.pictures_seen == 103


def test_progress_counts_to_the_total() -> None:
    events = []
    embed(FakeEncoder(), colour_pairs(["red", "green", "blue"]), batch_size=2, on_event=events.append)
    assert [(event.stage, event.done, event.total) for event in events[:2]] == [
        ("pictures", 2, 3),
        ("pictures", 3, 3),
    ]


def test_the_end_of_a_long_label_is_said_to_be_lost() -> None:
    ranking = classify(FakeEncoder(), colour_pairs(), ["red", " ".join(["green"] * 30)])
    assert "1 label longer than the 16 tokens" in ranking.provenance.notes[-1]


def test_a_result_does_not_keep_its_model_alive() -> None:
    encoder = FakeEncoder()
    ranking = classify(encoder, colour_pairs(), LABELS)
    assert ranking.model is encoder
    del encoder
    gc.collect()
    assert ranking.model is None


def test_a_model_without_a_joint_space_is_refused_with_its_reason() -> None:
    encoder = FakeEncoder()
    encoder.capabilities = {"embed_images": None, "embed_texts": "it has no text tower"}
    with pytest.raises(UnsupportedError, match="cannot embed texts: it has no text tower"):
        classify(encoder, colour_pairs(), LABELS)


def test_no_pictures_is_refused() -> None:
    with pytest.raises(BadInputError, match="`pairs` is empty"):
        classify(FakeEncoder(), colour_pairs()[:0], LABELS)


def test_a_sentence_finds_pictures_and_a_picture_finds_texts() -> None:
    pairs = colour_pairs(["red", "green", "blue"])
    found = retrieve(FakeEncoder(), pairs, "something green")
    assert (found.direction, found.order[0]) == ("text to image", 1)
    texts = retrieve(FakeEncoder(), pairs, 2)
    assert (texts.direction, texts.top(1)[0][0]) == ("image to text", "a blue card")
    assert retrieve(FakeEncoder(), pairs, -1, among=["red", "blue"]).top(1)[0][0] == "blue"


@pytest.mark.parametrize(("query", "said"), [("  ", "query is empty"), (7, "Item 7 was asked for")])
def test_a_query_that_asks_nothing_is_refused(query: str | int, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        retrieve(FakeEncoder(), colour_pairs(["red"]), query)
