"""What a lent GPU trains with, on the CPU: the carried file, the deck, the fitted steps, the rehearsal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from workbench.recipes.emoji_clip import art, batches, carried, model, rehearse, texts, tokenizer, train
from workbench.recipes.emoji_clip.deck import Deck
from workbench.recipes.emoji_clip.texts import Captions

KEYS = tuple("αβγδεζηθ")
NAMES = {
    "en": ["cat", "dog", "sun", "pen", "cup", "key", "map", "hat"],
    "zh": ["猫", "狗", "日", "笔", "杯", "匙", "图", "帽"],
}
OTHERS = {"en": ("kitty", "puss"), "zh": ("喵",)}


@pytest.fixture(scope="module")
def learned() -> Tokenizer:
    words = [*NAMES["en"], *NAMES["zh"], *OTHERS["en"], *OTHERS["zh"]]
    return tokenizer.learn([*words, *(form for forms in texts.TEMPLATES.values() for form in forms)] * 3)


@pytest.fixture(scope="module")
def material() -> batches.Material:
    """Every picture of a concept has one grey of its own; the concepts have one, two or three pictures."""
    rows = [place for place in range(8) for _ in range(1 + place % 3)]
    pixels = torch.full((len(rows), 4, art.SIDE, art.SIDE), 255, dtype=torch.uint8)
    pixels[:, :3] = torch.arange(len(rows), dtype=torch.uint8).view(-1, 1, 1, 1)
    drawings = {key: tuple(np.flatnonzero(np.array(rows) == place)) for place, key in enumerate(KEYS)}
    words = {
        language: {
            key: Captions(NAMES[language][place], OTHERS[language] if place == 0 else ())
            for place, key in enumerate(KEYS)
        }
        for language in ("en", "zh")
    }
    return batches.Material(KEYS, drawings, pixels, words)


@pytest.fixture(scope="module")
def deck(material: batches.Material, learned: Tokenizer) -> Deck:
    return Deck(material, learned, torch.device("cpu"))


def _said(learned: Tokenizer, row: torch.Tensor) -> str:
    return learned.decode(row.tolist()).strip()


def test_every_picture_of_the_deck_comes_with_a_caption_of_its_own_concept(
    deck: Deck, material: batches.Material, learned: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.recipes.emoji_clip.deck.augment", lambda pixels, *_: pixels)
    of_row = {row: key for key, rows in material.drawings.items() for row in rows}
    for seed in range(20):
        pictures, ids = deck.batch(8, batches.Mix(), torch.Generator().manual_seed(seed))
        keys = [of_row[int(picture[0, 0, 0])] for picture in pictures]
        assert sorted(keys) == sorted(KEYS)
        for key, row in zip(keys, ids, strict=True):
            words = [w for one in material.words.values() for w in (one[key].name, *one[key].others)]
            assert any(word in _said(learned, row) for word in words), (key, _said(learned, row))


def test_the_deck_draws_captions_in_the_shares_of_sample(deck: Deck, learned: Tokenizer) -> None:
    random = torch.Generator().manual_seed(0)
    first = torch.zeros(40_000, dtype=torch.long)
    said = [_said(learned, row) for row in deck._tokens[deck._captions(first, random)][:4000]]
    english = [one for one in said if one.isascii()]
    assert abs(len(english) / 4000 - texts.ENGLISH) < 0.03
    assert abs(sum("cat" in one for one in english) / len(english) - texts.NAME_BELOW) < 0.03
    bare = sum(one in ("cat", "kitty", "puss") for one in english) / len(english)
    assert abs(bare - (texts.BARE_BELOW + 1 - texts.BARE_AGAIN)) < 0.03


def test_the_deck_gives_the_shipped_style_for_certain_in_its_share(deck: Deck) -> None:
    third = torch.full((6000,), 2)  # three pictures, the first in the shipped style
    rows = deck._picked(third, batches.Mix(shipped=0.25), torch.Generator().manual_seed(0))
    share = float((rows == deck._drawings[2, 0]).float().mean())
    assert abs(share - 0.5) < 0.03
    assert set(rows.tolist()) == set(deck._drawings[2].tolist())


def test_the_deck_refuses_groups_in_batches_that_leave_concepts_out(deck: Deck) -> None:
    with pytest.raises(ValueError, match="near"):
        deck.batch(4, batches.Mix(near=0.5), torch.Generator())


def test_a_stage_trains_from_the_deck_and_its_steps_fit_the_time(
    deck: Deck, learned: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_TIMED", 1)
    stage = replace(train.LENT[1], steps=2, warm_up=1, batch_size=8)
    assert train.steps_in(0.0, stage, deck, learned).steps == 2
    assert train.steps_in(1e6, stage, deck, learned).steps > 1000
    state = train.train_stage(stage, deck, learned, tmp_path / "run", begins="what it was")
    model.export(state, learned, tmp_path / "model")
    again = model.stored(tmp_path / "model")
    assert set(again) == set(state)
    assert all(torch.allclose(again[name], state[name].float(), atol=2e-3) for name in again)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert log[1] == {"device": "cpu", "start": "what it was"}


def test_what_is_carried_comes_out_as_it_went_in(tmp_path: Path) -> None:
    told = {"groups": {"a": "Flags", "b": "Objects"}, "words": {"en": {"a": ["x", "y"]}, "zh": {"a": ["王"]}}}
    drawn = [("noto", "a", b"<svg/>"), ("noto", "b", b"\x89PNG"), ("noto-v1", "a", b"2")]
    carried.pack(tmp_path, drawn, told)
    assert carried.drawings_in(tmp_path, "noto") == {"a": b"<svg/>", "b": b"\x89PNG"}
    assert texts.captions(tmp_path) == {"en": {"a": Captions("x", ("y",))}, "zh": {"a": Captions("王", ())}}
    assert texts.groups(tmp_path) == told["groups"]
    assert list(art.sources(art.STYLES[1], tmp_path)) == [("a", b"<svg/>"), ("b", b"\x89PNG")]
    assert carried.told_in(tmp_path / "elsewhere") is None
    assert carried.drawings_in(tmp_path / "elsewhere", "noto") == {}


def test_the_held_out_concepts_follow_from_the_carried_groups() -> None:
    groups = {row.hexcode: row.group for row in batches.emoji_rows()}
    assert batches.held_out(groups=groups) == batches.held_out()


def test_the_best_of_a_rehearsal_settles_both_stages(tmp_path: Path) -> None:
    assert rehearse.settled(tmp_path) is None
    (tmp_path / "rehearsal.json").write_text(
        '[{"name": "strength 1.6, all patches"}, {"name": "x"}]', "utf-8"
    )
    stages = rehearse.settled(tmp_path)
    assert stages is not None and [one.name for one in stages] == [one.name for one in train.LENT]
    assert all(one.strength == 1.6 and one.patch_dropout == 0 for one in stages)
    assert [one.steps for one in stages] == [one.steps for one in train.LENT]


def test_a_rehearsal_leaves_out_a_style_that_is_trained_on_and_not_openmoji() -> None:
    assert rehearse.LEFT_OUT in art.STYLES and rehearse.LEFT_OUT is not art.HELD_OUT


def test_plain_puts_drawings_on_white() -> None:
    drawing = np.zeros((1, art.SIDE, art.SIDE, 4), np.uint8)
    assert rehearse.plain(drawing).min() > 0.999
