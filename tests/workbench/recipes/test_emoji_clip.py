"""The recipe of `emoji-clip` on tiny data: no network, no drawings from elsewhere."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from tokenizers import Tokenizer

from workbench import data
from workbench.data.emoji_table import emoji_rows
from workbench.recipes.emoji_clip import art, batches, model, tokenizer, train
from workbench.recipes.emoji_clip.texts import Captions

WORDS = [
    "red apple",
    "grinning cat",
    "flag of peru",
    "woman running",
    "红苹果",
    "大笑的猫",
    "秘鲁国旗",
    "跑步的女人",
]
# Names that no template contains, so that a batch's texts tell which concepts are in it.
KEYS = tuple("αβγδεζηθ")


@pytest.fixture(scope="module")
def learned() -> Tokenizer:
    return tokenizer.learn(WORDS * 4)


@pytest.fixture(scope="module")
def material() -> batches.Material:
    pixels = torch.randint(0, 256, (16, 4, art.SIDE, art.SIDE), generator=torch.manual_seed(0)).to(
        torch.uint8
    )
    drawings = {key: (2 * row, 2 * row + 1) for row, key in enumerate(KEYS)}
    words = {language: {key: Captions(key, ()) for key in KEYS} for language in ("en", "zh")}
    return batches.Material(KEYS, drawings, pixels, words)


@pytest.fixture(scope="module")
def untrained(learned: Tokenizer) -> torch.nn.Module:
    torch.manual_seed(1)
    return model.build(learned.get_vocab_size()).eval()


@pytest.fixture(scope="module")
def exported(
    untrained: torch.nn.Module, learned: Tokenizer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "emoji-clip"
    model.export(untrained.state_dict(), learned, folder)
    return folder


@pytest.mark.parametrize("text", [*WORDS, "naïve café", "ужин", "🚀 to the moon"])
def test_tokeniser_gives_back_any_lower_case_text(learned: Tokenizer, text: str) -> None:
    assert learned.decode(learned.encode(text).ids).strip() == text


def test_tokeniser_lower_cases_and_unifies_wide_letters(learned: Tokenizer) -> None:
    assert learned.encode("ＲＥＤ Apple").ids == learned.encode("red apple").ids


def test_end_token_has_the_largest_id(learned: Tokenizer) -> None:
    assert learned.token_to_id("<end>") == learned.get_vocab_size() - 1
    assert max(learned.encode("grinning cat").ids) == learned.encode("grinning cat").ids[-1]


def test_folder_loads_through_open_clip_offline_from_anywhere(
    exported: Path, untrained: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    loaded, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{exported}")
    words = open_clip.get_tokenizer(f"local-dir:{exported}")(["red apple", "跑步的女人"])
    assert words.shape == (2, tokenizer.CONTEXT)
    stored = {
        name: value.half().float() for name, value in untrained.state_dict().items() if name != "logit_scale"
    }
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, stored.get(name, value), rtol=0, atol=0)
    picture = data.load("emoji").picture(0)
    assert preprocess(picture).shape == (3, 64, 64)
    # White is the ground of the training pictures, and has to stay exactly white.
    assert preprocess(picture)[:, 0, 0].tolist() == [1.0, 1.0, 1.0]


def test_padding_never_changes_an_embedding(
    untrained: torch.nn.Module, exported: Path, learned: Tokenizer
) -> None:
    padded = open_clip.get_tokenizer(f"local-dir:{exported}")(WORDS)
    short = batches.tokens(learned, WORDS)
    assert short.shape[1] < padded.shape[1]
    with torch.inference_mode():
        whole = untrained.encode_text(padded, normalize=True)
        _, trimmed = model.embed_pair(untrained, torch.zeros(1, 3, 64, 64), short)
        alone = [
            model.embed_pair(untrained, torch.zeros(1, 3, 64, 64), batches.tokens(learned, [w]))[1]
            for w in WORDS
        ]
    torch.testing.assert_close(trimmed, whole, rtol=0, atol=2e-6)
    torch.testing.assert_close(torch.cat(alone), whole, rtol=0, atol=2e-6)


def test_two_hundred_concepts_are_held_out_from_every_group_by_its_size() -> None:
    hidden, rows = batches.held_out(), emoji_rows()
    assert len(hidden) == 200
    assert hidden == batches.held_out()
    all_groups, hidden_groups = (
        Counter(r.group for r in rows),
        Counter(r.group for r in rows if r.hexcode in hidden),
    )
    for group, count in all_groups.items():
        assert abs(hidden_groups[group] - 200 * count / len(rows)) <= 1


def test_stage_one_has_neither_a_held_out_concept_nor_the_held_out_style(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def load(style: art.Style, work: Path) -> art.Drawings:
        asked.append(style.name)
        return {row.hexcode: np.zeros((2, 2, 4), np.uint8) for row in emoji_rows()}

    monkeypatch.setattr(batches, "load_style", load)
    monkeypatch.setattr(batches, "captions", lambda work: {})
    hidden = batches.held_out()
    found = batches.load_material(Path("nowhere"), without=hidden)
    assert len(found.concepts) == 1714
    assert not hidden & set(found.concepts)
    assert not hidden & set(found.drawings)
    assert len(found.pixels) == 1714 * len(art.STYLES)
    assert art.HELD_OUT.name not in asked
    assert train.STAGES[0].leave_out and not train.STAGES[1].leave_out


def test_no_concept_comes_twice_in_a_batch(material: batches.Material, learned: Tokenizer) -> None:
    for seed in range(5):
        pictures, text = batches.batch(material, 8, learned, random.Random(seed))
        assert pictures.shape == (8, 3, 64, 64)
        named = [set(learned.decode(row)) & set(KEYS) for row in text.tolist()]
        assert sorted("".join(one) for one in named) == sorted(KEYS)
    with pytest.raises(ValueError, match="larger than population"):
        batches.batch(material, 9, learned, random.Random(3))


def test_near_batches_take_their_share_from_one_group_and_never_a_concept_twice(
    material: batches.Material,
) -> None:
    grouped = replace(material, groups={key: "left" if key in "αβγδ" else "right" for key in KEYS})
    for seed in range(20):
        chosen = batches._concepts(grouped, 6, random.Random(seed), near=0.5)
        assert len(set(chosen)) == 6
        assert len({grouped.groups[key] for key in chosen[:3]}) == 1


def test_a_group_smaller_than_its_share_is_filled_from_the_others(material: batches.Material) -> None:
    grouped = replace(material, groups={key: "small" if key in "αβ" else key for key in KEYS})
    for seed in range(20):
        assert len(set(batches._concepts(grouped, 8, random.Random(seed), near=0.75))) == 8


def test_the_shipped_style_comes_for_certain_in_its_share() -> None:
    chance = random.Random(0)
    assert {batches._drawing((7, 8, 9), chance, shipped=1.0) for _ in range(50)} == {7}
    drawn = [batches._drawing((7, 8, 9), chance, shipped=0.25) for _ in range(4000)]
    # A quarter for certain, and a third of the rest by chance.
    assert abs(drawn.count(7) / 4000 - 0.5) < 0.03


def test_augmented_pictures_stay_in_range_and_follow_the_seed(material: batches.Material) -> None:
    first, again, other = (
        batches.augment(material.pixels, torch.Generator().manual_seed(s)) for s in (5, 5, 6)
    )
    assert first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmentation_never_mirrors() -> None:
    drawing = torch.zeros(256, 4, art.SIDE, art.SIDE, dtype=torch.uint8)
    drawing[:, 3, :, : art.SIDE // 2] = 255  # black on the left, nothing on the right
    pictures = batches.augment(drawing, torch.Generator().manual_seed(0)).mean(dim=(0, 1, 2))
    assert pictures[:24].max() < pictures[40:].min()


def test_contrastive_loss_of_indistinct_pairs_is_the_log_of_the_batch() -> None:
    same = torch.nn.functional.normalize(torch.ones(7, 5), dim=-1)
    assert model.contrastive_loss(same, same, torch.tensor(2.0)).item() == pytest.approx(np.log(7), abs=1e-5)


def test_contrastive_loss_of_opposite_pairs_has_its_closed_form() -> None:
    axes = torch.eye(3)
    expected = np.log(1 + 2 * np.exp(-4))  # logits 4 on the diagonal, 0 elsewhere
    assert model.contrastive_loss(axes, axes, torch.tensor(np.log(4.0))).item() == pytest.approx(
        expected, abs=1e-6
    )


def _tiny_stage(steps: int, **changed: object) -> train.Stage:
    chosen = {"batch_size": 4, "warm_up": 1, "leave_out": False, "whole_pictures": 0.25} | changed
    return train.Stage("tiny", steps=steps, peak=1e-3, muon=1e-2, **chosen)  # type: ignore[arg-type]


def test_two_steps_leave_a_folder_that_loads(
    material: batches.Material, learned: Tokenizer, tmp_path: Path
) -> None:
    state = train.train_stage(_tiny_stage(2), material, learned, tmp_path / "run")
    model.export(state, learned, tmp_path / "model")
    loaded = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'model'}")[0]
    assert all(torch.isfinite(value).all() for value in loaded.parameters())
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert log[0]["settings"]["steps"] == 2
    assert log[1] == {"device": "cpu", "start": "nothing"}
    assert [entry["step"] for entry in log[2:]] == [0, 1]


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_weights_and_steps(
    material: batches.Material, learned: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_LOG_EVERY", 1)
    straight = train.train_stage(_tiny_stage(3), material, learned, tmp_path / "straight", every=1)
    step = train._step

    def killed(place: int, *rest: object) -> torch.Tensor:
        if place == 2:
            raise KeyboardInterrupt
        return step(place, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train_stage(_tiny_stage(3), material, learned, tmp_path / "cut", every=1)
    monkeypatch.setattr(train, "_step", step)
    resumed = train.train_stage(_tiny_stage(3), material, learned, tmp_path / "cut", every=1)
    for name, value in straight.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=1e-6, msg=name)
    log = [json.loads(line) for line in (tmp_path / "cut" / "log.jsonl").read_text("utf-8").splitlines()]
    assert [entry["step"] for entry in log[2:]] == [0, 1, 2]
