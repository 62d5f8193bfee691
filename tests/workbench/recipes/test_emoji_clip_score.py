"""The figures of `emoji-clip`: closed forms, and models whose score is known before it is measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench import data, embedding
from workbench.axes import unit
from workbench.models.base import ModelCard
from workbench.recipes.emoji_clip import card, score


class Knowing:
    """Knows a share of the shipped pictures by heart: their vector is their English name's.

    The vector of any other picture or text is a random one that follows from its content.
    """

    precision, preprocessing_hash, feature = "float32", "plain", 64

    def __init__(self, share: float) -> None:
        self.weights_hash = f"knows {share}"
        self.card = ModelCard("knowing", "none", "none", "test")
        pairs = data.load("emoji")
        known = range(round(share * len(pairs)))
        self._names = {pairs.picture(item).tobytes(): pairs.columns["name_en"][item] for item in known}

    def encode_images(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        contents = [picture.tobytes() for picture in pictures]
        return np.stack([_vector(self._names.get(content, content)) for content in contents])

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([_vector(text) for text in texts])


def _vector(content: str | bytes) -> np.ndarray:
    raw = content.encode() if isinstance(content, str) else content
    seed = int.from_bytes(hashlib.sha256(raw).digest()[:8], "big")
    return unit(np.random.default_rng(seed).normal(size=64).astype(np.float32))


def test_ranks_count_the_candidates_that_score_higher() -> None:
    candidates = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    queries = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert score.ranks(queries, candidates, np.array([0, 1, 0])).tolist() == [0, 1, 2]


def test_a_tie_is_a_miss() -> None:
    candidates = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert score.ranks(candidates[:1], candidates, np.array([0])).tolist() == [1]


def test_shares_stand_beside_chance() -> None:
    found = score.shares(np.array([0, 0, 4, 5]), 50)
    assert found == {
        "first": 0.5,
        "first_five": 0.75,
        "chance_first": 0.02,
        "chance_first_five": 0.1,
        "queries": 4,
    }
    assert score.shares(np.array([0]), 3)["chance_first_five"] == 1.0


def test_categories_stand_beside_the_majority() -> None:
    pictures = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    found = score.categories(pictures, np.eye(2, dtype=np.float32), ["a", "a", "b", "b"], ["a", "b"])
    assert found["accuracy"] == 0.75
    assert found["by_group"] == {"a": 1.0, "b": 0.5}
    assert (found["chance_majority"], found["chance_uniform"]) == (0.5, 0.5)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, score.Figures]]:
    """A model that knows everything as the final one, one that knows nothing as that of stage 1."""
    knowing = {score.FINAL: Knowing(1.0), score.STAGE_ONE: Knowing(0.0)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(score.models, "load", lambda folder: knowing[Path(folder).name], raising=False)
        embedding.forget()
        found = score.measure()
    embedding.forget()
    yield found


def test_measure_gives_all_to_a_model_that_knows_and_chance_to_one_that_does_not(
    measured: dict[str, score.Figures],
) -> None:
    known = measured[score.FINAL]["twemoji"]
    # Not 1.0: drawings that are the same to the last pixel cannot all be named right.
    assert known["en"]["image_to_text"]["first"] == known["ceiling_image_to_text"] == 0.9828
    assert known["en"]["text_to_image"]["first"] == known["ceiling_text_to_image"] == 0.9775
    chinese = measured[score.FINAL]["twemoji"]["zh"]["image_to_text"]
    assert chinese["first"] < 0.005 and chinese["first_five"] < 0.01
    unseen = measured[score.STAGE_ONE]["twemoji"]
    assert unseen["pictures"] == 200
    for language in ("en", "zh"):
        assert unseen[language]["among_unseen"]["first_five"] < 0.07  # chance .025, four deviations
        assert unseen[language]["among_unseen"]["queries"] == 200
        assert unseen[language]["seen_among_all"]["queries"] == 1714
    assert 0.03 < unseen["groups"]["by_names_of_seen_members"]["accuracy"] < 0.2


def test_without_the_drawings_it_says_plainly_that_openmoji_was_not_measured(
    measured: dict[str, score.Figures],
) -> None:
    for model in measured.values():
        assert model["openmoji"].startswith("not measured: OpenMoji is not on this machine; run ")


def test_cards_hold_the_measured_figures_and_the_missing_ones(
    measured: dict[str, score.Figures], tmp_path: Path
) -> None:
    from safetensors.numpy import save_file

    from workbench.recipes.emoji_clip import model

    for name in measured:
        (tmp_path / name).mkdir()
        written = json.dumps({"model_cfg": model.config(100)})
        (tmp_path / name / "open_clip_config.json").write_text(written, "utf-8")
        save_file({"a": np.zeros((3, 5), np.float32)}, tmp_path / name / "open_clip_model.safetensors")
        stage = '{"settings": {"name": "%s", "steps": 40, "batch_size": 8, "patch_dropout": 0.5, '
        stage += '"whole_pictures": 0.1, "average": 0.9}}\n{"step": 0, "loss": 2.5, "seconds": 3.0}\n'
        (tmp_path / name / "training_log.jsonl").write_text(stage % name, "utf-8")
    card.write_cards(tmp_path, measured)
    final = (tmp_path / score.FINAL / "MODEL_CARD.md").read_text("utf-8")
    assert "| Twemoji (the shipped style) | English | picture to name | 98.3 % |" in final
    assert "OpenMoji (style never trained on): not measured" in final
    assert "15 parameters" in final and "about 2 minutes" in final
    stored = json.loads((tmp_path / score.STAGE_ONE / "scores.json").read_text("utf-8"))
    assert stored == measured[score.STAGE_ONE]


def test_a_card_says_what_machine_a_model_was_trained_on_and_from_what(tmp_path: Path) -> None:
    settings = {"name": "emoji-clip", "steps": 4000, "batch_size": 1914, "patch_dropout": 0.0, "average": 0.9}
    settings |= {"whole_pictures": 0.1, "mix": {"near": 0.0, "shipped": 0.25}}
    log = [
        {"settings": settings},
        {"device": "NVIDIA H200", "start": "emoji-clip as it was"},
        {"step": 0, "loss": 2.5, "seconds": 0.06},
    ]
    (tmp_path / "training_log.jsonl").write_text("\n".join(map(json.dumps, log)), "utf-8")
    text = "\n".join(card._making(tmp_path))
    assert "Bfloat16 autocast on an NVIDIA H200, 4.0 minutes." in text and "CPU" not in text
    assert "no patch dropped" in text and "25% of the pictures" not in text
    assert "Of the pictures 25% were in the shipped style" in text and "nine groups" not in text
    assert "went on from the weights that this folder held before (`emoji-clip as it was`)" in text
