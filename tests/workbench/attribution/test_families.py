"""Every family of dual encoders is explained by the methods that apply, and says why the rest do not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from timm.models import build_model_with_cfg, register_model
from timm.models.swin_transformer import SwinTransformer

from workbench import models
from workbench.attribution import METHODS, attribute, available_methods
from workbench.capture import capture
from workbench.errors import UnsupportedError

Make = Callable[..., Path]
TIMM_VIT = {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear", "image_size": 160}
REGISTERS = {"timm_model_name": "test_vit4", "timm_pool": "avg", "timm_proj": "linear", "image_size": 160}
CONVNEXT = {"timm_model_name": "test_convnext", "timm_pool": "avg", "timm_proj": "linear"}
SWIN = {"timm_model_name": "workbench_swin", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64}
COCA = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
OPEN_CLIP: dict[str, dict] = {
    "clip": {},
    "wide": {"vision": {"image_size": [32, 48]}},
    "resnet": {
        "vision": {"layers": [1, 1, 1, 1], "width": 8, "head_width": 8, "patch_size": None, "image_size": 64}
    },
    "timm siglip": {"vision": TIMM_VIT, "custom_text": True, "init_logit_bias": -10},
    "timm registers": {"vision": REGISTERS, "custom_text": True},
    "convnext": {"vision": CONVNEXT, "custom_text": True},
    "swin": {"vision": SWIN, "custom_text": True},
    "coca": {
        "vision": {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True},
        "text": {"embed_cls": True, "output_tokens": True, "context_length": 76},
        "multimodal_cfg": COCA,
        "custom_text": True,
    },
}
TRANSFORMERS = ("clip", "metaclip_2", "siglip", "siglip2", "align", "chinese_clip", "altclip")
ATTENTION = {name for name, card in METHODS.items() if "attention" in card.needs}
REFUSED = {  # kind -> methods that do not apply
    "resnet": ATTENTION,
    "convnext": ATTENTION,
    "swin": ATTENTION,
    "align": ATTENTION,
    "timm registers": {"grad-eclip"},  # it averages its patches
}
GRIDS = {"clip": (4, 4), "wide": (4, 6), "timm siglip": (10, 10), "hf siglip2": (4, 6)}
QUICK = {"steps": 4, "batch_size": 16}


def workbench_swin(pretrained: bool = False, **_: object) -> SwinTransformer:
    """timm's smallest Swin has 28 million weights; this one two blocks."""
    small = {"img_size": 64, "window_size": 4, "embed_dim": 16, "depths": (1, 1), "num_heads": (2, 2)}
    return build_model_with_cfg(SwinTransformer, "workbench_swin", pretrained, pretrained_cfg={}, **small)


register_model(workbench_swin)


def _model(kind: str, clip_folder: Make, hf_folder: Make) -> object:
    if kind.startswith("hf "):
        return models.load(str(hf_folder(kind.removeprefix("hf "))))
    return models.load(str(clip_folder(**OPEN_CLIP[kind])))


def _state(model) -> tuple:
    told = hashlib.sha256()
    for name, value in model.model.state_dict().items():
        told.update(name.encode() + value.cpu().numpy().tobytes())
    modules = list(model.model.modules())
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in modules)
    flags = tuple((m.training, "forward" in vars(m)) for m in modules)
    needs = tuple(p.requires_grad for p in model.model.parameters())
    return told.hexdigest(), hooks, flags, needs


@pytest.mark.parametrize("kind", [*OPEN_CLIP, *(f"hf {name}" for name in TRANSFORMERS)])
def test_what_applies_explains_and_the_rest_says_why_and_the_model_is_left_as_it_was(
    kind: str, clip_folder: Make, hf_folder: Make, pair
) -> None:
    model = _model(kind, clip_folder, hf_folder)
    before = _state(model)
    found = attribute(model, pair, method=["all"], **QUICK)
    assert _state(model) == before
    bare = kind.removeprefix("hf ")
    assert set(found.refused) == REFUSED.get(bare, set())
    assert all(len(reason) > 20 for reason in found.refused.values())
    cosine = float(model.encode_images([pair.picture])[0] @ model.encode_texts([pair.text])[0])
    for heatmap in found:
        assert heatmap.score == pytest.approx(cosine, abs=2e-5)
        assert heatmap.image is not None
        assert heatmap.text is None or len(heatmap.text) == len(model.tokens(pair.text).pieces)
        if heatmap.method not in ("centre",):
            assert not heatmap.flat, heatmap.method
        if kind in GRIDS:
            assert heatmap.grid == GRIDS[kind], heatmap.method


def test_every_reason_is_told_before_anything_is_computed(clip_folder: Make) -> None:
    model = models.load(str(clip_folder(**OPEN_CLIP["convnext"])))
    reasons = available_methods(model)
    assert set(reasons) == set(METHODS)
    assert {name for name, reason in reasons.items() if reason} == ATTENTION
    assert reasons["grad-cam"] is None


def test_two_threads_recording_at_once_give_what_one_gives(clip_folder: Make, pair) -> None:
    from concurrent.futures import ThreadPoolExecutor

    model = models.load(str(clip_folder(**OPEN_CLIP["clip"])))
    alone = attribute(model, pair, method="relevance").image
    with ThreadPoolExecutor(2) as threads:
        for found in threads.map(lambda _: attribute(model, pair, method="relevance").image, range(4)):
            np.testing.assert_array_equal(found, alone)


def test_a_capture_and_an_explanation_at_once_give_what_each_gives_alone(clip_folder: Make, pair) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import torch

    model = models.load(str(clip_folder(**OPEN_CLIP["clip"])))
    plain = torch.nn.functional.scaled_dot_product_attention
    work = [
        lambda: attribute(model, pair, method="relevance").image,
        lambda: _first_map(capture(model, pair)),
    ]
    alone = [job() for job in work]
    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(work[turn % 2]) for turn in range(12)]
        for turn, job in enumerate(found):
            np.testing.assert_allclose(job.result(), alone[turn % 2], atol=1e-6)
    assert torch.nn.functional.scaled_dot_product_attention is plain


def _first_map(trace) -> np.ndarray:
    return np.asarray(trace.attention(next(iter(trace.sites))).values)


def test_attention_that_capture_reads_is_the_attention_that_is_explained(clip_folder: Make, pair) -> None:
    """open_clip's towers with normed queries and keys compute attention in a class of their own."""
    model = models.load(str(clip_folder(vision={"qk_norm": True})))
    assert set(available_methods(model).values()) == {None}
    trace = capture(model, pair)
    for layer in (0, 1):
        found = attribute(model, pair, method="attention", layer=layer)
        seen = trace.attention(f"image.{layer}").values
        np.testing.assert_allclose(found.image, seen.mean(axis=0)[0, 1:].reshape(4, 4), atol=1e-6)


def test_a_tower_that_takes_softmax_of_its_own_scores_is_explained_too(hf_folder: Make, pair) -> None:
    model = models.load(str(hf_folder("clip")))
    methods = ["attention", "rollout", "relevance", "legrad"]
    fused = attribute(model, pair, method=methods)
    model.model.set_attn_implementation("eager")
    try:
        own = attribute(model, pair, method=methods)
        with pytest.raises(UnsupportedError, match="softmax of scores of its own making"):
            attribute(model, pair, method="grad-eclip")
    finally:
        model.model.set_attn_implementation("sdpa")
    for method in methods:
        for side in ("image", "text"):
            one, other = (getattr(maps[method], side) for maps in (fused, own))
            assert (one is None) == (other is None)
            if one is not None:
                assert np.abs(one - other).max() < 1e-4 * np.abs(one).max(), (method, side)
