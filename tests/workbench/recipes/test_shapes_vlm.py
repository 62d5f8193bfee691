"""The recipe of `shapes-vlm`: what it reads, what it learns from, and a folder that transformers opens."""

from __future__ import annotations

import json
import random
import shutil
import unicodedata
from dataclasses import asdict, replace
from itertools import pairwise

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, ViTConfig, ViTImageProcessor, ViTModel

from workbench import data
from workbench.data.scene_language import ask, caption
from workbench.data.scenes import make_scene
from workbench.data.wordings import HELD_OUT, TASKS, TRAINED, worded
from workbench.recipes.shapes_vlm import model as architecture
from workbench.recipes.shapes_vlm import score, train
from workbench.recipes.shapes_vlm.card import write_card
from workbench.recipes.shapes_vlm.language import ANSWER, END, UNASKED, reader
from workbench.recipes.shapes_vlm.packing import nats, pack

WORDS = reader(architecture.CONTEXT)
SCENES = [make_scene(7, item) for item in range(12)]
TINY = train.Settings(wordings=6, scenes=12, steps=4, batch_size=4, warm_up=1)


@pytest.fixture(scope="module")
def eye():
    """A small ViT with random weights, as a captioner's encoder is built."""
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        image_size=32, patch_size=8, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return ViTModel(config, add_pooling_layer=True).eval()


@pytest.fixture(scope="module")
def see():
    return ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[1.0] * 3, image_std=[0.5] * 3)


@pytest.fixture(scope="module")
def states(eye) -> torch.Tensor:
    return architecture.looked(
        eye, torch.rand(len(SCENES), 3, 32, 32, generator=torch.Generator().manual_seed(1))
    )


@pytest.fixture
def model(eye, states):
    torch.manual_seed(0)
    return architecture.build(eye, states.flatten(0, 1)).eval()


@pytest.fixture(scope="module")
def folder(eye, see, states, tmp_path_factory):
    torch.manual_seed(0)
    built = architecture.build(eye, states.flatten(0, 1))
    where = tmp_path_factory.mktemp("vlm") / "tiny"
    architecture.export(built.state_dict(), eye, see, where)
    return where


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sentence_of_the_tasks_is_of_known_words_and_comes_back_whole(language) -> None:
    said = set()
    for k, scene in enumerate(SCENES):
        said.add(caption(scene, language))
        for task in TASKS[1:]:
            asked = ask(scene, task, random.Random(k))
            for number in (*TRAINED, *HELD_OUT) if asked else ():
                said.update(asked.said(number, language))
    said.update(worded("caption", number, language) for number in (*TRAINED, *HELD_OUT))
    said.add(UNASKED["zh"])
    for text in said:
        ids = WORDS(text, add_special_tokens=False)["input_ids"]
        assert WORDS.unk_token_id not in ids, text
        assert WORDS.decode(ids) == unicodedata.normalize("NFKC", text)
    assert WORDS("a red zebra", add_special_tokens=False)["input_ids"][2] == WORDS.unk_token_id


def test_only_words_of_answers_are_learned_and_each_question_starts_right_behind_the_picture() -> None:
    packed = pack(WORDS, [[("what colour is the star?", "red"), ("", "a small red star")], [("", "yes")]])
    end, answer = (WORDS.convert_tokens_to_ids(mark) for mark in (END, ANSWER))
    learned = [
        WORDS.decode(packed.target[0][(packed.segment[0] == k) & (packed.target[0] >= 0)]) for k in (0, 1)
    ]
    assert learned == [f"red{END}", f"a small red star{END}"]
    assert packed.place[0].tolist()[:8] == [0, 1, 2, 3, 4, 5, 6, 7] and packed.place[0, 8] == 0
    assert end not in packed.ids and (packed.ids == answer).sum() == 3
    assert packed.segment[1].tolist()[:3] == [0, 0, -1] and packed.target[1, 2] == -100


def test_a_question_among_others_is_answered_as_if_it_stood_alone(model, states) -> None:
    """No earlier answer leaks: the planted caption last would answer every question."""
    chance = random.Random(0)
    asked = [
        [(q, a) for _, q, a in train.asked_of(scene, replace(TINY, languages=("en", "zh")), chance)]
        for scene in SCENES[:4]
    ]
    model = model.double().requires_grad_(False)
    together = nats(model, states[:4].double(), pack(WORDS, asked))
    for row, questions in enumerate(asked):
        for column, question in enumerate(questions):
            alone = nats(model, states[row : row + 1].double(), pack(WORDS, [[question]]))
            assert float(alone[0, 0]) == pytest.approx(float(together[row, column]), abs=1e-4)
    assert together.shape[1] >= 8


def test_nats_are_those_of_transformers_own_forward(folder) -> None:
    """Picture, instruction, <answer>, answer, <end> through the processor: the same loss on the same words."""
    opened, processor = (
        kind.from_pretrained(folder) for kind in (AutoModelForImageTextToText, AutoProcessor)
    )
    opened = opened.double().eval().requires_grad_(False)
    pairs = data.load("shapes-instructions", n=3, task="colour")
    for row in range(len(pairs)):
        talk = [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": pairs.texts[row]}]},
            {"role": "assistant", "content": [{"type": "text", "text": pairs.labels[row]}]},
        ]
        prompt = processor.apply_chat_template(talk)
        given = processor(images=pairs.picture(row), text=prompt, return_tensors="pt")
        ids = given["input_ids"]
        start = int((ids[0] == WORDS.convert_tokens_to_ids(ANSWER)).nonzero())
        labels = ids.clone()
        labels[0, : start + 1] = -100
        loss = opened(**given, labels=labels).loss * (ids.shape[1] - start - 1)
        seen = architecture.looked(opened.model.vision_tower, given["pixel_values"].double())
        own = nats(opened, seen, pack(WORDS, [[(pairs.texts[row], pairs.labels[row])]]))
        assert float(own) == pytest.approx(float(loss), rel=1e-4)


def test_answers_are_those_of_generate_from_pixels_and_template(folder) -> None:
    answerer = score.Answerer(folder)
    pairs = data.load("shapes-instructions", n=4, wordings="all")
    told = answerer.answer(answerer.look(pairs), pairs.texts)
    processor, opened = answerer.processor, answerer.model
    for row in range(0, len(pairs), 3):
        talk = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": pairs.texts[row]}]}]
        prompt = processor.apply_chat_template(talk, add_generation_prompt=True)
        given = processor(images=pairs.picture(row), text=prompt, return_tensors="pt")
        written = opened.generate(**given)[0, given["input_ids"].shape[1] :]
        assert told[row] == processor.tokenizer.decode(written, skip_special_tokens=True)
    assert len(set(told)) > 1


def test_the_folder_holds_float16_and_everything_it_needs(folder) -> None:
    names = {file.name for file in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    opened = AutoModelForImageTextToText.from_pretrained(folder)
    assert next(opened.parameters()).dtype == torch.float16


def test_states_ask_what_they_say() -> None:
    chance = random.Random(0)
    for name, settings in train.STATES.items():
        asked = [each for scene in SCENES for each in train.asked_of(scene, settings, chance)]
        bare = [question for _, question, _ in asked if question in UNASKED.values()]
        assert bool(bare) == (name != "forgets")
        instructed = {question for _, question, _ in asked} - set(UNASKED.values())
        chinese = any("\u4e00" <= letter <= "\u9fff" for text in instructed for letter in text)
        assert bool(instructed) == (name != "captions") and chinese == (name == "six")
        if name == "one":
            assert {q.split()[0] for q in instructed} == {"describe", "how", "what", "is", "where"}


def test_a_caption_in_any_order_is_true_and_another_is_not() -> None:
    scene = next(scene for scene in SCENES if len(scene.things) == 3)
    true = score.captions_of(scene, "en")
    assert len(true) == 6 and caption(scene) in true
    for one, other in pairwise(SCENES):
        assert caption(other) not in score.captions_of(one, "en")


def test_a_stopped_run_goes_on_and_ends_the_same(eye, states, tmp_path, monkeypatch) -> None:
    material = train.Material(SCENES, states.half())

    def begun():
        torch.manual_seed(0)
        return architecture.build(eye, states.flatten(0, 1))

    one = train.train(begun(), TINY, material, tmp_path / "whole")
    packing = train.pack
    calls = []

    def killed(*given: object):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return packing(*given)

    monkeypatch.setattr(train, "pack", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train(begun(), TINY, material, tmp_path / "cut", every=2)
    monkeypatch.undo()
    two = train.train(begun(), TINY, material, tmp_path / "cut", every=2)
    assert one.keys() == two.keys() and not any("vision_tower" in name for name in one)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, msg=name)


def test_a_card_says_what_was_measured_and_how_it_was_made(folder, tmp_path, monkeypatch) -> None:
    """Figures of a model with random weights: nothing is right, everything is told."""
    where = tmp_path / "shapes-vlm"
    shutil.copytree(folder, where)
    log = [
        {"settings": asdict(replace(TINY, wordings=3))},
        {"step": 0, **dict.fromkeys(TASKS, 9.0), "cpu_seconds": 2.0},
        {"step": 2, **dict.fromkeys(TASKS, 5.0), "cpu_seconds": 7.0},
        {"step": 3, **dict.fromkeys(TASKS, 4.5), "cpu_seconds": 3.0},  # it was killed and went on
    ]
    (where / "training_log.jsonl").write_text("\n".join(map(json.dumps, log)), "utf-8")
    asked = []
    real = data.load
    monkeypatch.setattr(
        score.data, "load", lambda name, **how: asked.append(how.get("wordings")) or real(name, **how)
    )
    figures = score.measure(where, scenes=6, probed=60)
    assert {kind for kind in asked if kind} == {(0, 1, 2), HELD_OUT}  # what this state saw, and what none did
    write_card(where, figures)
    assert json.loads((where / "scores.json").read_text("utf-8")) == figures
    told = (where / "MODEL_CARD.md").read_text("utf-8")
    assert "about 10 seconds of one CPU core" in told and "count 9.0 to 4.50" in told
    for language in ("en", "zh"):
        for task in TASKS:
            for cell in figures[language][task].values():
                assert 1 <= cell["n"] <= 6 and 0 <= cell["value"] <= cell["high"] <= 1
        assert {"yes", "majority", "blind"} <= figures[language]["relation"]["trained"].keys()
    assert figures["probe"]["place"]["n"] > 20
    assert all(f"| {task} |" in told for task in TASKS) and "popular" in told
