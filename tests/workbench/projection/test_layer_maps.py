"""One map a layer: what runs, what is passed over, and that the model stays as it was."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from workbench import data, models
from workbench.embedding import embed
from workbench.errors import BadInputError, Cancelled, UnsupportedError
from workbench.models.base import DualEncoder
from workbench.projection import LayerMaps, place, project_layers
from workbench.projection.stopping import StoppedModel, check_alike


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    return models.load("emoji-clip")


@pytest.fixture(scope="module")
def pairs() -> data.Pairs:
    return data.load("emoji")[::130]  # 15 of them


@pytest.fixture(scope="module")
def layers(model: DualEncoder, pairs: data.Pairs) -> LayerMaps:
    return project_layers(model, pairs, method="pca", seed=0)


def test_the_deeper_tower_sets_the_steps_and_the_other_walks_in_shares(layers: LayerMaps) -> None:
    assert layers.names == tuple(
        f"image {a} of 6, text {b} of 4" for a, b in zip(range(1, 7), (1, 1, 2, 3, 3, 4), strict=True)
    )
    assert len(layers) == 6 and all(len(map_) == 30 for map_ in layers)


def test_the_last_map_is_of_the_models_own_vectors(layers, model, pairs) -> None:
    whole = embed(model, pairs)
    assert np.abs(layers[-1].embeddings.image - whole.image).max() < 2e-6
    assert np.abs(layers[-1].embeddings.text - whole.text).max() < 2e-6


def test_an_early_map_is_what_the_head_makes_of_the_first_blocks(layers, model, pairs) -> None:
    """Written out with the tower's own parts, and not by passing blocks over."""
    import torch

    visual = model.image_tower
    found = []
    first = visual.transformer.resblocks[0].register_forward_hook(lambda *args: found.append(args[2]))
    with torch.inference_mode():
        model.encode_images([pairs.picture(item) for item in range(len(pairs))])
        first.remove()
        pooled, _ = visual._pool(found[0])  # the last norm is part of it
        vectors = torch.nn.functional.normalize(pooled @ visual.proj, dim=-1).float().numpy()
    assert np.abs(layers[0].embeddings.image - vectors).max() < 2e-6


def test_the_model_is_left_as_it_was_found(model, pairs) -> None:
    before = model.encode_images([pairs.picture(0)])
    with pytest.raises(Cancelled):
        project_layers(model, pairs, should_stop=lambda: True)
    blocks = [*model.image_tower.transformer.resblocks, *model.text_tower.resblocks]
    assert not any("forward" in vars(block) for block in blocks)
    assert np.array_equal(model.encode_images([pairs.picture(0)]), before)


def test_a_sentence_is_placed_with_the_model_stopped_at_that_layer(layers, model) -> None:
    """Written out with the tower's own parts, and not by passing blocks over."""
    import torch
    from open_clip.transformer import text_global_pool

    net, seen = model.model, []
    hooks = [
        net.token_embedding.register_forward_hook(lambda _, given, __: seen.append(given[0])),
        net.transformer.resblocks[0].register_forward_hook(lambda *args: seen.append(args[2])),
    ]
    with torch.inference_mode():
        whole = model.encode_texts(["a cat"])
        for hook in hooks:
            hook.remove()
        tokens, hidden = seen
        pooled = text_global_pool(net.ln_final(hidden), tokens, net.text_pool_type)
        vector = torch.nn.functional.normalize(pooled @ net.text_projection, dim=-1).float().numpy()
    found = place(layers[0], "a cat")
    assert np.abs(found.vectors - vector).max() < 2e-6 and np.abs(found.vectors - whole).max() > 0.05
    assert (place(layers[0], "a cat", model=model).vectors == found.vectors).all()
    assert np.abs(place(layers[-1], "a cat").vectors - whole).max() < 2e-6


def test_a_sentence_is_not_placed_with_another_model(layers) -> None:
    other = models.load("shapes-clip")
    for number in (0, -1):
        with pytest.raises(BadInputError, match="has other weights"):
            place(layers[number], "a cat", model=other)


def test_other_threads_have_the_whole_model_while_one_has_it_stopped(model) -> None:
    whole = model.encode_texts(["a cat"])
    inside: list[np.ndarray] = []

    def ask_elsewhere(*_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=lambda: inside.append(model.encode_texts(["a cat"])))
            other.start()
            other.join()

    hook = model.text_tower.resblocks[0].register_forward_hook(ask_elsewhere)
    try:
        half = StoppedModel(model, (1, 1)).encode_texts(["a cat"])
    finally:
        hook.remove()
    assert np.abs(inside[0] - whole).max() < 2e-6 and np.abs(half - whole).max() > 0.05


def test_a_tower_that_is_no_stack_of_blocks_is_refused(pairs) -> None:
    class Flat:
        card = models.card("emoji-clip")

    with pytest.raises(UnsupportedError, match="is no stack of equal blocks"):
        project_layers(Flat(), pairs)


def test_nothing_to_map_is_said(model, pairs) -> None:
    with pytest.raises(BadInputError, match="`pairs` is empty"):
        project_layers(model, pairs[[]])


CONVNEXT = {"timm_model_name": "test_convnext", "timm_pool": "avg", "timm_proj": "linear"}


def test_a_tower_whose_stages_halve_the_picture_is_refused_in_words(clip_folder, pairs) -> None:
    halving = models.load(str(clip_folder(vision=CONVNEXT, custom_text=True)))
    with pytest.raises(UnsupportedError, match=r"image tower .* hand on other shapes \(24 x 8 x 8, then 64"):
        project_layers(halving, pairs, method="pca", seed=0)


def test_blocks_that_hand_on_one_shape_are_alike_however_many_there_are(model) -> None:
    check_alike(model, "text", lambda: model.encode_texts(["a cat"]))
