"""Single tokens read by a tower's own head, and scores without parts, against the model itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch.nn import functional

from workbench import data, models
from workbench.attribution import token_similarity
from workbench.attribution.evaluation.ablation import score_without
from workbench.attribution.token_similarity import READINGS, token_cosines, token_vectors, whole_words
from workbench.capture import capture
from workbench.errors import BadInputError, UnsupportedError


@pytest.fixture(scope="module")
def model():
    return models.load("shapes-clip")


@pytest.fixture(scope="module")
def pair():
    return data.load("shapes", n=4)[0]


@pytest.fixture(scope="module")
def trace(model, pair):
    return capture(model, pair)


def test_the_token_that_the_head_reads_gives_the_models_own_vector(model, pair, trace) -> None:
    with torch.no_grad():
        image = model.image_features(model.pixels([pair.picture]))[0]
        text = model.text_features(model.words([pair.text]))[0]
    end = len(trace.group("text")[-1].query.words) - 1
    assert (token_vectors(model, trace, "image")[0] - image).norm() < 1e-5 * image.norm()
    assert (token_vectors(model, trace, "text")[end] - text).norm() < 1e-5 * text.norm()


@pytest.mark.parametrize("reading", READINGS)
def test_cosines_are_one_a_word_and_patch_and_the_model_is_left_as_it_was(model, trace, reading) -> None:
    hooks = [len(module._forward_hooks) for module in model.model.modules()]
    cosines = token_cosines(model, trace, reading=reading)
    assert cosines.shape == (len(trace.group("text")[-1].query.words), 8, 8)
    assert np.nanmax(np.abs(cosines)) <= 1 + 1e-6
    assert [len(module._forward_hooks) for module in model.model.modules()] == hooks


def test_the_value_path_is_that_of_the_last_block_written_out(model, pair, trace) -> None:
    """Layer norm, value and output projection, then the head's own norm and projection: four lines."""
    tower, kept = model.model.visual, []
    block = tower.transformer.resblocks[-1]
    handle = block.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    with torch.no_grad():
        model.image_features(model.pixels([pair.picture]))
        handle.remove()
        value = functional.linear(block.ln_1(kept[0]), block.attn.in_proj_weight, block.attn.in_proj_bias)
        handed_on = block.attn.out_proj(value[..., 2 * value.shape[-1] // 3 :])[0]
        by_hand = tower.ln_post(handed_on) @ tower.proj
    found = token_vectors(model, trace, "image", reading="values")
    assert (found - by_hand).norm() < 1e-5 * by_hand.norm()
    assert (found - token_vectors(model, trace, "image")).norm() > 0.1 * by_hand.norm()


def test_a_word_is_read_as_a_text_of_its_own_and_a_mark_is_no_word(model, trace) -> None:
    cosines = token_cosines(model, trace)
    words = list(trace.group("text")[-1].query.words)
    vector = functional.normalize(token_vectors(model, trace, "image", reading="values"), dim=-1)[1:]
    alone = torch.from_numpy(model.encode_texts(["star"])[0])
    assert cosines[words.index("star")].ravel() == pytest.approx((vector @ alone).numpy(), abs=1e-5)
    assert np.isnan(cosines[0]).all() and np.isnan(cosines[-1]).all() and not np.isnan(cosines[1:-1]).any()
    with pytest.raises(BadInputError, match="expected one of values, states"):
        token_cosines(model, trace, reading="attention")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pieces", "text", "wanted"),
    [
        (["<start>", "straw", "b", "erries", ",", "a", "Cat", "<end>"], "Strawberries, a Cat",
         ["", "Strawberries", "Strawberries", "Strawberries", ",", "a", "Cat", ""]),
        (["[CLS]", "photo", "##graph", "[SEP]"], "photograph", ["", "photograph", "photograph", ""]),
        (["a</w>", "<unknown>", "dog</w>"], "a xyz dog", ["a", "", "dog"]),
        (["一", "红色", "猫"], "一只红色的猫", ["一", "红色", "猫"]),
        (["Ġcafe", "Ġthe"], "café the", ["cafe", "the"]),
    ],
)  # fmt: skip
def test_parts_of_a_word_are_that_word(pieces, text, wanted) -> None:
    assert whole_words(pieces, text) == wanted


def test_another_thread_meanwhile_gets_what_the_model_says(model, pair, trace) -> None:
    pixels = model.pixels([pair.picture])
    with torch.no_grad():
        plain = model.image_features(pixels)
    over = threading.Event()

    def keep_reading() -> None:
        while not over.is_set():
            token_cosines(model, trace)

    worker = threading.Thread(target=keep_reading)
    worker.start()
    try:
        with torch.no_grad():
            seen = [model.image_features(pixels) for _ in range(20)]
    finally:
        over.set()
        worker.join()
    assert all(one.shape == plain.shape and torch.allclose(one, plain, atol=1e-5) for one in seen)


def test_one_tower_alone_has_no_cosines(model, pair) -> None:
    with pytest.raises(
        UnsupportedError, match="need a model with an image tower of patches and a text tower"
    ):
        token_cosines(model, capture(model, pair, sites="text"))


def test_a_score_without_parts_is_that_of_the_pair_without_them(model, pair) -> None:
    words = list(model.tokens(pair.text).pieces)
    found = score_without(model, pair, words=[words.index("large")], draws=0)
    image, text = (
        model.encode_images([pair.picture]),
        model.encode_texts([pair.text.replace("large ", "", 1)]),
    )
    assert found.score == pytest.approx(float(image[0] @ text[0]), abs=1e-4)
    assert found.before == pytest.approx(float(image[0] @ model.encode_texts([pair.text])[0]), abs=1e-4)
    assert found.random.shape == (0,) and found.change == found.score - found.before


def test_random_parts_are_repeatable_and_as_many(model, pair) -> None:
    one, other = (score_without(model, pair, patches=[0, 9], draws=5, seed=seed) for seed in (3, 3))
    assert np.array_equal(one.random, other.random) and one.random.shape == (5,)
    assert "without 2 patches; random parts:" in str(one)


def test_taking_away_nothing_all_or_what_is_not_there_is_refused(model, pair) -> None:
    with pytest.raises(BadInputError, match="Nothing was taken away"):
        score_without(model, pair)
    with pytest.raises(BadInputError, match="All 64 patches would be taken away; leave at least one"):
        score_without(model, pair, patches=range(64))
    with pytest.raises(BadInputError, match="patches holds 70; those that can be taken away are 0 to 63"):
        score_without(model, pair, patches=[70])


@pytest.mark.parametrize("kind", ["clip", "clip, eager", "siglip", "chinese_clip", "altclip"])
def test_models_of_transformers_hand_on_their_values(
    kind: str, hf_folder, pair, monkeypatch, request
) -> None:
    model = models.load(str(hf_folder(kind.split(",")[0])))
    if "eager" in kind:  # a loaded model is everybody's: the next test finds it as it was
        request.addfinalizer(lambda: model.model.set_attn_implementation("sdpa"))
        model.model.set_attn_implementation("eager")
    trace = capture(model, pair)
    handed, given = _handed_on(model, trace, monkeypatch)
    module = model.model.get_submodule(trace.group("image")[-1].path)
    projections = dict(module.named_children())
    with torch.no_grad():
        by_hand = projections["out_proj"](projections["v_proj"](given))
    assert torch.allclose(handed, by_hand, atol=1e-5)


def test_a_tower_of_timm_hands_on_its_values(clip_folder, pair, monkeypatch) -> None:
    vision = {"timm_model_name": "test_vit4", "timm_pool": "avg", "timm_proj": "linear", "image_size": 160}
    model = models.load(str(clip_folder(vision=vision, custom_text=True)))
    trace = capture(model, pair)
    handed, given = _handed_on(model, trace, monkeypatch)
    module = model.model.get_submodule(trace.group("image")[-1].path)
    with torch.no_grad():
        by_hand = module.proj(module.norm(module.qkv(given)[..., 2 * given.shape[-1] :]))
    assert torch.allclose(handed, by_hand, atol=1e-5)


def _handed_on(model, trace, monkeypatch):
    """What the last attention of the image tower hands on, token by token, and what it was given."""
    kept, spread = [], token_similarity._spread
    monkeypatch.setattr(token_similarity, "_spread", lambda states: kept.append(states) or spread(states))
    module = model.model.get_submodule(trace.group("image")[-1].path)
    seen = []

    def note(_, args, kwargs) -> None:
        seen.append(args[0] if args else kwargs["hidden_states"])

    handle = module.register_forward_pre_hook(note, with_kwargs=True)
    token_vectors(model, trace, "image", reading="values")
    handle.remove()
    return kept[0], seen[0][0]
