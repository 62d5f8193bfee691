"""Whether cosines of words and patches are true: the measurement, on models planted to be right and wrong."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import models
from workbench.attribution.evaluation import word_pointing_game
from workbench.attribution.evaluation.word_pointing_game import WordPointing, point_words, word_pointing_card
from workbench.errors import BadInputError, BadWeightsError, Cancelled, UnsupportedError
from workbench.recipes import word_pointing as recipe


@pytest.fixture(scope="module")
def model():
    return models.load("shapes-clip")


def test_the_figures_of_a_part_are_those_of_cosines_taken_one_by_one(model) -> None:
    from workbench import data
    from workbench.attribution.evaluation.masks import hits, seen_mask
    from workbench.attribution.token_similarity import token_cosines
    from workbench.capture import capture

    found = point_words(model, scenes=6, readings=("values", "states"))
    right: dict[str, list[bool]] = {"values": [], "states": []}
    for pair in data.load("shapes", n=6):
        scene, trace = pair.columns["scene"], capture(model, pair)
        for place, word in enumerate(trace.group("text")[-1].query.words):
            named = [k for k, thing in enumerate(scene.things) if word in (thing.colour, thing.shape)]
            for reading in right if named else ():
                best = token_cosines(model, trace, reading=reading)[place].argmax()
                masks = [hits(seen_mask(model, pair, scene.mask(k)), (8, 8)) for k in named]
                right[reading].append(bool(np.any(masks, axis=0).ravel()[best]))
    assert found.words == len(right["values"]) > 20
    assert dict(found.right) == pytest.approx({name: np.mean(hit) for name, hit in right.items()})
    assert found.chance < found.things < 1


def test_maps_that_are_planted_right_and_wrong_are_told_apart(model, monkeypatch) -> None:
    truth = lambda *given: [row[2].astype(np.float32) for row in given[3]]  # noqa: E731
    monkeypatch.setattr(word_pointing_game, "_values", truth)
    right = point_words(model, scenes=8)
    assert right.right["values"] == 1 and right.holds("values") and right.margin("values") == 0
    monkeypatch.setattr(word_pointing_game, "_values", lambda *given: [-one for one in truth(*given)])
    wrong = point_words(model, scenes=8)
    assert wrong.right["values"] == 0 and not wrong.holds("values")
    flat = lambda *given: [np.zeros_like(one) for one in truth(*given)]  # noqa: E731
    monkeypatch.setattr(word_pointing_game, "_values", flat)
    blind = point_words(model, scenes=8)
    assert blind.right["values"] == pytest.approx(blind.chance) and not blind.holds("values")


def test_what_is_no_better_than_a_blind_patch_on_things_does_not_hold() -> None:
    assert not WordPointing({"values": 0.47}, 0.07, 0.45, 350, 60).holds("values")
    assert WordPointing({"values": 0.55}, 0.07, 0.45, 350, 60).holds("values")


def test_a_card_comes_back_as_it_was_written(model) -> None:
    found = point_words(model, scenes=2)
    again = WordPointing.from_json(found.to_json())
    assert again.to_json() == found.to_json() and again.provenance.weights == model.weights_hash
    assert "of drawn scenes" not in str(found) and "in 2 drawn scenes" in str(found)
    with pytest.raises(BadWeightsError, match="no card of pointing words"):
        WordPointing.from_json("[]")


def test_shipped_cards_are_of_the_shipped_weights_and_stand_in_the_model_card() -> None:
    for name in recipe.MEASURED:
        card = word_pointing_card(name)
        assert card is not None and card.provenance.weights == models.load(name).weights_hash
        folder = word_pointing_game.WEIGHTS / name
        assert recipe.section(folder) in (folder / "MODEL_CARD.md").read_text("utf-8")
    assert word_pointing_card("open_clip:ViT-B-32/laion2b_s34b_b79k") is None


@pytest.mark.slow
def test_the_card_of_shapes_clip_is_what_is_measured_now() -> None:
    card, now = word_pointing_card("shapes-clip"), recipe.measured_again("shapes-clip")
    assert card is not None and now.words == card.words
    assert dict(now.right) == pytest.approx(dict(card.right), abs=0.005)
    assert card.holds("values") and not card.holds("states")


def test_the_recipe_writes_what_it_measured(tmp_path, monkeypatch) -> None:
    made = WordPointing({"values": 0.5, "states": 0.1}, 0.07, 0.45, 10, 2)
    monkeypatch.setattr(recipe, "measured_again", lambda name: made)
    monkeypatch.setattr("sys.argv", ["word_pointing", "--weights", str(tmp_path)])
    for name in recipe.MEASURED:
        (tmp_path / name).mkdir()
    recipe.main()
    again = word_pointing_card("emoji-clip", weights=tmp_path)
    assert again is not None and again.words == 10 and dict(again.right) == dict(made.right)
    assert "does not offer them" in recipe.section(tmp_path / "emoji-clip")


def test_what_cannot_be_measured_is_refused(model) -> None:
    with pytest.raises(BadInputError, match="0 scenes and readings"):
        point_words(model, scenes=0)
    with pytest.raises(BadInputError, match="readings among values, states"):
        point_words(model, readings=("best",))  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError):
        point_words(models.load("photo-lite"), scenes=1)
    with pytest.raises(Cancelled):
        point_words(model, scenes=3, should_stop=lambda: True)
