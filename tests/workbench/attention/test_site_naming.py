"""Every attention of a pass has a name of its own, so that no map takes another's place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

from workbench.attention.recorder import Recorder, recording
from workbench.capture import capture

SMALL: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64
}  # fmt: skip
PICTURE = {"image_size": 32, "patch_size": 8, **SMALL}
WORDS = {"vocab_size": 100, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
IDS = torch.arange(5, 12)[None]


def _pixels() -> torch.Tensor:
    return torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _swin() -> tuple[Any, dict[str, torch.Tensor]]:
    config = hf.SwinConfig(
        image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
    )
    return hf.SwinForImageClassification(config), {"pixel_values": _pixels()}


def _t5() -> tuple[Any, dict[str, torch.Tensor]]:
    config = hf.T5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    told = {"input_ids": IDS, "decoder_input_ids": torch.tensor([[0, 5, 6]])}
    return hf.T5ForConditionalGeneration(config), told


def _blip() -> tuple[Any, dict[str, torch.Tensor]]:
    text = {**WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **SMALL}
    told = {"input_ids": IDS, "pixel_values": _pixels(), "decoder_input_ids": torch.tensor([[1, 5, 6]])}
    return hf.BlipForQuestionAnswering(hf.BlipConfig(text_config=text, vision_config=PICTURE)), told


@pytest.mark.parametrize("build", [_swin, _t5, _blip])
def test_stacks_whose_lists_have_one_last_name_are_all_there(build) -> None:
    torch.manual_seed(3)
    model, inputs = build()
    model.eval()
    recorder = Recorder(lambda _: True)
    with torch.no_grad(), recording(model, recorder):
        model(**inputs)
    trace = capture(model, inputs)
    assert len({site.name for site in trace.sites}) == len(trace.maps) == len(recorder.calls)
    for site, call in zip(trace.sites, recorder.calls, strict=True):
        assert site.path == call.path
        np.testing.assert_allclose(trace.maps[site.name].values, call.values, atol=1e-6)


def test_a_name_says_as_much_of_the_path_as_tells_it_apart() -> None:
    model, inputs = _swin()
    names = [site.name for site in capture(model.eval(), inputs).sites]
    assert names == [f"image.layers.{stage}.blocks.{block}" for stage in (0, 1) for block in (0, 1)]
