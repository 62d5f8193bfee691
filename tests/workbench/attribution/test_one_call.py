"""One call explains a pair, for each kind of model that is promised, with the gate on."""

from __future__ import annotations

import pytest
import transformers as tf

from tests.families import EYE, made, state
from workbench import data, models
from workbench.attribution import attribute
from workbench.capture import capture

TIMM = {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear", "image_size": 160}
KINDS = ("emoji-clip", "open_clip ViT", "open_clip SigLIP", "transformers CLIP", "transformers SigLIP",
         "blip", "vilt", "flava", "bert", "gpt2")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_one_call_explains_a_pair(kind: str, clip_folder, hf_folder, pair) -> None:
    """Both sides that there are get a map, the output has not moved, and the model is as it was."""
    if kind == "emoji-clip":
        model, given = models.load(kind), data.load("emoji")[10]
    elif kind.startswith("open_clip"):
        siglip = {"vision": TIMM, "custom_text": True, "init_logit_bias": -10}
        model, given = models.load(str(clip_folder(**(siglip if "SigLIP" in kind else {})))), pair
    elif kind.startswith("transformers"):
        model, given = models.load(str(hf_folder(kind.split()[1].lower()))), pair
    else:
        model, given = made(kind)
    network = getattr(model, "model", model)
    before = state(network)
    heatmap = attribute(model, given)
    assert heatmap.method == "relevance" and not heatmap.flat and heatmap.text is not None
    assert (heatmap.image is not None) == (kind not in ("bert", "gpt2"))
    assert capture(model, given).difference <= 2e-6
    assert state(network) == before


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_what_stands_before_the_patches_is_never_taken_for_one(prefix: int, hf_folder, pair) -> None:
    """No class token, one, and one with four registers, each on a grid of 4 x 6."""
    model, given = made("vit")
    if prefix == 0:
        model, given = models.load(str(hf_folder("siglip2"))), pair
    elif prefix == 5:
        config = tf.Dinov2WithRegistersConfig(**{**EYE, "image_size": 48, "num_register_tokens": 4})
        model = tf.Dinov2WithRegistersModel(config).eval()
    layout = capture(model, given).attention("image.0").query
    assert (layout.first_patch, layout.grid) == (prefix, (4, 6))
    assert layout.count == prefix + 24 + len(layout.padded) or prefix == 0  # SigLIP 2 pads behind
    for one in attribute(model, given, method=["attention", "rollout", "relevance", "occlusion"]):
        assert one.grid == (4, 6), one.method
