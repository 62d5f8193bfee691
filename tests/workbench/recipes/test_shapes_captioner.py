"""The recipe of `shapes-captioner`: its words, its floor, its runs, and the folder that transformers loads."""

from __future__ import annotations

import json
import math
import random
from itertools import permutations

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, VisionEncoderDecoderModel

from workbench import data
from workbench.data.scenes import SIDE, Scene, Thing, draw_scene, make_scene
from workbench.generation import truth
from workbench.models.adapters.lstm_captioner import open_lstm_captioner
from workbench.models.cards import WEIGHTS
from workbench.recipes.shapes_captioner import language, model, score, train

SCENES = [make_scene(77, item) for item in range(200)]
TOKENIZER = language.learn()
SMALL = train.Settings(scenes=24, pairs=12, pairs_from=2, place_from=1, steps=4, batch_size=8, warm_up=1)


# Words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tongue", language.LANGUAGES)
def test_every_caption_is_read_without_an_unknown_word_and_written_back(tongue):
    chance = random.Random(0)
    for scene in SCENES:
        text = language.say(scene, tongue, chance)
        ids = TOKENIZER.encode(text).ids
        assert TOKENIZER.token_to_id(language.UNKNOWN) not in ids
        assert ids[-1] == TOKENIZER.token_to_id(language.END) and len(ids) < language.CONTEXT
        assert TOKENIZER.decode(ids) == text
        assert truth(text, scene).exact


def test_both_languages_cut_a_thing_into_four_words():
    scene = Scene((Thing("star", "red", "small", 20, 20),))
    english = TOKENIZER.encode(language.say(scene, "en", random.Random(0))).tokens
    chinese = TOKENIZER.encode(language.say(scene, "zh", random.Random(0))).tokens
    assert english == ["▁a", "▁small", "▁red", "▁star", "<end>"]
    assert chinese == ["一个", "小的", "红色", "星形", "<end>"]


def test_things_come_in_every_order_alike():
    """So that the floor of the loss is ln n!, of which the evaluation makes use."""
    scene = next(scene for scene in SCENES if len(scene.things) == 3)
    chance = random.Random(0)
    said = [language.say(scene, "en", chance) for _ in range(1200)]
    orders = {language.caption(Scene(tuple(order))) for order in permutations(scene.things)}
    counts = [said.count(text) for text in orders]
    assert sum(counts) == 1200 and len(counts) == 6
    assert (
        sum((count - 200) ** 2 / 200 for count in counts) < 20.5
    )  # chi-square, 5 degrees: one in a thousand


# Architecture --------------------------------------------------------------------------------------


def test_several_captions_of_a_picture_are_read_as_each_alone():
    captioner = model.Taught(model.build(TOKENIZER)).eval()
    pixels = torch.randn(2, 3, model.IMAGE, model.IMAGE)
    read, _ = train.batch(TOKENIZER, [["a red star", "一个红色星形"], ["a circle", "、"]])
    with torch.no_grad():
        told, centres = captioner(pixels, read)
        alone = captioner.model(
            pixel_values=pixels[1:], decoder_input_ids=read[2:3, :3], use_cache=False
        ).logits
    torch.testing.assert_close(told[2:3, :3], alone, rtol=1e-4, atol=1e-5)
    assert centres.shape == (2, 64, 2)


def test_what_the_decoder_reads_and_shall_write():
    read, target = train.batch(TOKENIZER, [["a red star", "一个"]])
    words = lambda row: [TOKENIZER.id_to_token(k) for k in row]  # noqa: E731
    assert words(read[0].tolist()) == ["<en>", "▁a", "▁red", "▁star"]
    assert words(target[0].tolist()) == ["▁a", "▁red", "▁star", "<end>"]
    assert words(read[1].tolist()) == ["<zh>", "一个", "<end>", "<pad>"]
    assert words(target[1].tolist()) == ["一个", "<end>", "<pad>", "<pad>"]


def test_nats_are_summed_over_words_and_padding_costs_nothing():
    _, target = train.batch(TOKENIZER, [["a red star", "一个"]])
    even = torch.zeros(2, 4, TOKENIZER.get_vocab_size())
    found = train.nats(even, target, TOKENIZER.token_to_id(language.PAD))
    torch.testing.assert_close(found, torch.tensor([4.0, 2.0]) * math.log(TOKENIZER.get_vocab_size()))


def test_centres_are_those_of_the_nearest_thing_and_only_where_it_shows():
    scene = Scene((Thing("circle", "red", "small", 18.0, 18.0), Thing("circle", "blue", "large", 60.0, 70.0)))
    true, shown = train.centres_of([scene])
    pixels = np.asarray(draw_scene(scene), int)
    side, cell = 8, SIDE // 8
    for row in range(side):
        for col in range(side):
            patch = pixels[row * cell : (row + 1) * cell, col * cell : (col + 1) * cell]
            place = row * side + col
            if (patch < 250).any(axis=2).mean() > 0.5:
                assert shown[0, place]
            if shown[0, place]:
                assert (patch < 250).any(), "a patch that shows nothing has no centre to tell"
                red = patch[..., 0].sum() > patch[..., 2].sum()
                wanted = scene.things[0 if red else 1]
                centre = (true[0, place] + 1) * SIDE / 2
                assert centre.tolist() == pytest.approx([wanted.row, wanted.col], abs=1e-4)


# Runs ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", train.NAMES)
def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path, monkeypatch, kind):
    train.run(tmp_path / "whole", tmp_path / "weights", kind=kind, settings=SMALL)
    step = train._step

    def killed(number, *args):
        if number == 3:
            raise KeyboardInterrupt
        return step(number, *args)

    whole = train.train
    monkeypatch.setattr(train, "_step", killed)
    monkeypatch.setattr(train, "train", lambda *args, **options: whole(*args, **options, every=2))
    with pytest.raises(KeyboardInterrupt):
        train.run(tmp_path / "cut", tmp_path / "again", kind=kind, settings=SMALL)
    monkeypatch.setattr(train, "_step", step)
    train.run(tmp_path / "cut", tmp_path / "again", kind=kind, settings=SMALL)
    one, two = (
        (tmp_path / name / train.NAMES[kind] / "model.safetensors").read_bytes()
        for name in ("weights", "again")
    )
    assert one == two
    log = [
        json.loads(line) for line in (tmp_path / "cut" / kind / "log.jsonl").read_text("utf-8").splitlines()
    ]
    assert [entry["step"] for entry in log[1:]] == [0, 3] and log[0]["settings"]["pairs_from"] == 2


def test_half_of_the_scenes_hold_two_things_from_the_step_that_says_so(tmp_path):
    material = train._material(tmp_path, 24, 12, 0)
    assert material.plain == 24 and len(material.scenes) == 36 == len(material.pixels)
    assert all(len(scene.things) == 2 for scene in material.scenes[24:])
    small = np.asarray(
        draw_scene(material.scenes[30]).resize((model.IMAGE, model.IMAGE), Image.Resampling.BICUBIC)
    )
    assert (material.pixels[30].permute(1, 2, 0).numpy() == small).all()


def test_no_picture_of_the_scores_was_trained_on():
    trained = {make_scene(1_000, item) for item in range(2_000)}
    trained |= {Scene(make_scene(1_000_000, item).things[:2]) for item in range(2_000)}
    assert not trained & {make_scene(0, item) for item in range(1_000)}


# The folder ----------------------------------------------------------------------------------------


def _exported(tmp_path, kind):
    torch.manual_seed(0)
    built = model.build(TOKENIZER) if kind == "transformer" else None
    built = built or model.build_ancestor(TOKENIZER, attends=kind == "attention")
    folder = tmp_path / train.NAMES[kind]
    model.export(built.state_dict(), TOKENIZER, folder)
    return built.eval(), folder


def test_transformers_loads_the_folder_by_itself_and_gets_the_same(tmp_path):
    built, folder = _exported(tmp_path, "transformer")
    loaded = VisionEncoderDecoderModel.from_pretrained(folder, dtype=torch.float32).eval()
    reader, see = AutoTokenizer.from_pretrained(folder), AutoImageProcessor.from_pretrained(folder)
    assert (folder / "model.safetensors").stat().st_size < 3e6
    pairs = data.load("shapes", n=4)
    pixels = see([pairs.picture(k) for k in range(4)], return_tensors="pt")["pixel_values"]
    assert pixels.shape == (4, 3, 64, 64) and pixels[:, :, 0, 0].abs().max() < 1e-6  # the ground is 0
    ids = reader(list(pairs.texts), padding=True, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        one, two = (
            each(pixel_values=pixels, decoder_input_ids=ids, use_cache=False).logits
            for each in (built, loaded)
        )
    torch.testing.assert_close(one, two, rtol=0.02, atol=0.02)  # weights in float16
    assert reader.batch_decode(ids, skip_special_tokens=True) == list(pairs.texts)
    assert loaded.generation_config.decoder_start_token_id == reader.convert_tokens_to_ids("<en>")
    assert loaded.generation_config.eos_token_id == reader.eos_token_id


@pytest.mark.parametrize("kind", ["attention", "pooled"])
def test_an_ancestor_comes_back_from_its_folder(tmp_path, kind):
    built, folder = _exported(tmp_path, kind)
    loaded = open_lstm_captioner(folder)
    pixels, read = torch.randn(2, 3, 64, 64), torch.randint(5, 40, (4, 6))
    with torch.no_grad():
        torch.testing.assert_close(loaded(pixels, read), built(pixels, read), rtol=0.02, atol=0.02)
    captioner = score.opened(folder)
    texts = captioner.write(pixels, "zh")
    assert len(texts) == 2 and all(isinstance(text, str) for text in texts)


def test_pixels_of_the_processor_are_those_of_the_training(tmp_path):
    _, folder = _exported(tmp_path, "transformer")
    material = train._material(tmp_path, 6, 2, 0)
    see = AutoImageProcessor.from_pretrained(folder)
    trained = (material.pixels.float() / 255 - model.MEAN) / model.STD
    read = see([draw_scene(scene) for scene in material.scenes], return_tensors="pt")["pixel_values"]
    assert (
        trained - read
    ).abs().max() < 3.01 / 255 / model.STD  # two ways to resize, a grey level or three apart


# What ships ----------------------------------------------------------------------------------------

SHIPPED = [name for name in train.NAMES.values() if (WEIGHTS / name).is_dir()]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_figures_are_those_of_the_shipped_weights(name):
    figures = json.loads((WEIGHTS / name / "scores.json").read_text("utf-8"))
    found = score.measure(WEIGHTS / name)
    assert figures["weights"] == found["weights"]
    for tongue in language.LANGUAGES:
        for key in ("exact", "things_right", "relation", "found", "absent", "BLEU-4"):
            assert found[tongue][key]["value"] == pytest.approx(figures[tongue][key]["value"], abs=0.01)
        for count, nats in found[tongue]["nats"].items():
            assert nats["value"] == pytest.approx(figures[tongue]["nats"][count]["value"], abs=0.01)
            assert nats["value"] > nats["floor"] - 0.35  # a few hundred captions spread round the floor
