"""Tiny vision-language models of 2023 to 2026 beyond those of `reading_families`.

Random weights, no file, no hub. `FAMILIES`: name -> (a model with one item's inputs, how many sites of which
sequences it has), as there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

from tests.families import EYE, PICTURE, SMALL, WORDS, ids, pictured, pixels
from tests.reading_families import MARKS, PLAIN, QWEN, SEES, TEXT, packed
from tests.writing_families import Made, several

LLAMA: dict[str, Any] = hf.LlamaConfig(**TEXT).to_dict()
QWEN2: dict[str, Any] = hf.Qwen2Config(**PLAIN).to_dict()
SIGLIP: dict[str, Any] = hf.SiglipVisionConfig(**EYE).to_dict()
PACKED = packed([5, 97, *[PICTURE] * 6, 96, 7, 8], [1, 4, 6])


def blip() -> Made:
    text = {**WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **SMALL}
    config = hf.BlipConfig(text_config=text, vision_config=EYE)
    return hf.BlipForConditionalGeneration(config), ids() | pixels()


def paligemma2() -> Made:
    config = hf.PaliGemmaConfig(
        vision_config={**SIGLIP, "projection_dim": 32},
        text_config=hf.Gemma2Config(**TEXT, head_dim=8, query_pre_attn_scalar=8).to_dict(),
        image_token_index=PICTURE,
        projection_dim=32,
    )
    types = {"token_type_ids": torch.zeros(1, 19, dtype=torch.long)}
    return hf.PaliGemmaForConditionalGeneration(config), pictured(16, 0) | pixels() | types


def gemma4() -> Made:
    eye = {**SMALL, "num_key_value_heads": 4, "head_dim": 8, "patch_size": 8, "pooling_kernel_size": 2}
    config = hf.Gemma4Config(
        vision_config={**eye, "position_embedding_size": 64},
        text_config={
            **TEXT, "head_dim": 8, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 110,
            "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64, "global_head_dim": 8,
        },
        image_token_id=PICTURE, boi_token_id=97, eoi_token_id=96, video_token_id=95, audio_token_id=94,
    )  # fmt: skip
    places = torch.tensor([[[column, row] for row in range(4) for column in range(6)]])
    patches = torch.rand(1, 24, 192, generator=torch.Generator().manual_seed(0))
    types = {"mm_token_type_ids": (pictured(6, 1)["input_ids"] == PICTURE).int()}
    given = pictured(6, 1) | {"pixel_values": patches, "image_position_ids": places} | types
    return hf.Gemma4ForConditionalGeneration(config), given


def glm4v() -> Made:
    sees = {**SEES, "out_hidden_size": 32, "intermediate_size": 64, "image_size": 32}
    marks = {**MARKS, "image_start_token_id": 97, "image_end_token_id": 96}
    text = {**QWEN, "head_dim": 8, "partial_rotary_factor": 1.0}
    config = hf.Glm4vConfig(text_config=text, vision_config=sees, **marks)
    return hf.Glm4vForConditionalGeneration(config), PACKED


def qwen35() -> Made:
    """Every other layer is linear attention, which has no map."""
    sees = {**SEES, "out_hidden_size": 32, "intermediate_size": 64, "num_position_embeddings": 16}
    linear = {"num_value_heads": 4, "num_key_heads": 4, "key_head_dim": 8, "value_head_dim": 8}
    text = {
        **QWEN, **{f"linear_{name}": value for name, value in linear.items()}, "head_dim": 8,
        "layer_types": ["linear_attention", "full_attention"],
        "rope_parameters": {**QWEN["rope_parameters"], "partial_rotary_factor": 1.0},
    }  # fmt: skip
    config = hf.Qwen3_5Config(text_config=text, vision_config=sees, **MARKS)
    return hf.Qwen3_5ForConditionalGeneration(config), PACKED


def instructblip() -> Made:
    asks = hf.InstructBlipQFormerConfig(
        vocab_size=100, encoder_hidden_size=32, cross_attention_frequency=2, **SMALL
    )
    says = hf.OPTConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64,
        word_embed_proj_dim=32, max_position_embeddings=64,
    )  # fmt: skip
    config = hf.InstructBlipConfig(
        vision_config=hf.InstructBlipVisionConfig(**EYE).to_dict(), qformer_config=asks.to_dict(),
        text_config=says.to_dict(), num_query_tokens=4, image_token_index=PICTURE,
    )  # fmt: skip
    asked = {
        "qformer_input_ids": torch.tensor([[5, 6, 7]]),
        "qformer_attention_mask": torch.ones(1, 3, dtype=torch.long),
    }
    return hf.InstructBlipForConditionalGeneration(config), pictured(4, 1) | pixels() | asked


def deepseek_vl() -> Made:
    config = hf.DeepseekVLConfig(vision_config=SIGLIP, text_config=LLAMA, image_token_id=PICTURE)
    return hf.DeepseekVLForConditionalGeneration(config), pictured(16, 1) | pixels()


def janus() -> Made:
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    draws = {
        "embed_dim": 8, "num_embeddings": 16, "base_channels": 32, "channel_multiplier": [1, 1],
        "num_res_blocks": 1, "projection_dim": 32, "image_token_embed_dim": 32, "num_patches": 4,
    }  # fmt: skip
    eye = {**small, "image_size": 32, "patch_size": 8, "mlp_ratio": 2.0, "projection_dim": 32}
    config = hf.JanusConfig(vision_config=eye, vq_config=draws, text_config=LLAMA, image_token_id=PICTURE)
    return hf.JanusForConditionalGeneration(config), pictured(16, 1) | pixels()


def ovis2() -> Made:
    eye = {**EYE, "hidden_stride": 2, "vocab_size": 64, "num_visual_indicator_tokens": 5}
    config = hf.Ovis2Config(
        vision_config=eye, text_config=QWEN2, image_token_id=PICTURE, vocab_size=110, hidden_size=32,
        visual_indicator_token_ids=[90, 91, 92, 93, 94],
    )  # fmt: skip
    return hf.Ovis2ForConditionalGeneration(config), pictured(4, 1) | pixels()


def perception_lm() -> Made:
    settings = {
        "embed_dim": 32, "img_size": [32, 32], "patch_size": 8, "depth": 2, "num_heads": 4, "global_pool": "",
        "use_post_transformer_norm": False, "ref_feat_shape": [4, 4], "class_token": True,
    }  # fmt: skip
    eye = hf.TimmWrapperConfig(
        architecture="vit_pe_core_large_patch14_336", model_args=settings, hidden_size=32
    )
    config = hf.PerceptionLMConfig(
        vision_config=eye.to_dict(), vision_use_cls_token=True, text_config=LLAMA, projector_pooling_ratio=2,
        image_token_id=PICTURE,
    )  # fmt: skip
    return hf.PerceptionLMForConditionalGeneration(config), pictured(4, 1) | several(1, 1, 3, 32, 32)


def got_ocr2() -> Made:
    eye = {
        "hidden_size": 32, "output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": 64, "patch_size": 8, "window_size": 4, "global_attn_indexes": [1], "mlp_dim": 64,
    }  # fmt: skip
    config = hf.GotOcr2Config(vision_config=eye, text_config=QWEN2, image_token_index=PICTURE)
    return hf.GotOcr2ForConditionalGeneration(config), pictured(4, 1) | pixels(64, 64)


def llama4() -> Made:
    eye = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8,
        "intermediate_size": 128, "vision_output_dim": 32, "pixel_shuffle_ratio": 0.5,
        "projector_input_dim": 32, "projector_output_dim": 32,
    }  # fmt: skip
    text = {
        **TEXT, "head_dim": 8, "intermediate_size_mlp": 64, "num_local_experts": 2, "num_experts_per_tok": 1,
        "attention_chunk_size": 128, "moe_layers": [],
    }  # fmt: skip
    config = hf.Llama4Config(vision_config=eye, text_config=text, image_token_index=PICTURE)
    return hf.Llama4ForConditionalGeneration(config), pictured(4, 1) | pixels()


def chameleon() -> Made:
    """The picture becomes words of a vocabulary of its own before the model reads it."""
    draws = {
        "embed_dim": 8, "num_embeddings": 16, "in_channels": 3, "base_channels": 32, "channel_multiplier": [1, 1],
        "num_res_blocks": 1, "resolution": 32, "latent_channels": 8,
    }  # fmt: skip
    words = {f"IMGIMG{''.join(chr(65 + int(digit)) for digit in str(one))}Z": 10 + one for one in range(16)}
    config = hf.ChameleonConfig(
        **TEXT, vq_config=draws, vocabulary_map={"<image>": PICTURE, **words}, max_position_embeddings=512
    )
    return hf.ChameleonForConditionalGeneration(config), pictured(256, 1) | pixels()


FAMILIES: dict[str, tuple[Callable[[], Made], dict[str, int]]] = {
    "blip": (blip, {"image": 2, "text": 2, "text > image": 2}),
    "paligemma2": (paligemma2, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "gemma4": (gemma4, {"image": 2, "joint": 2}),
    "glm4v": (glm4v, {"image": 2, "joint": 2}),
    "qwen35": (qwen35, {"image": 2, "joint": 1}),
    "instructblip": (instructblip, {"image": 2, "joint.queries": 2, "image.queries > image": 1, "joint": 2}),
    "deepseek_vl": (deepseek_vl, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "janus": (janus, {"image": 2, "joint": 2}),
    "ovis2": (ovis2, {"image": 2, "joint": 2}),
    "perception_lm": (perception_lm, {"image": 2, "joint": 2}),
    "got_ocr2": (got_ocr2, {"image": 2, "joint": 2}),
    "llama4": (llama4, {"image": 2, "joint": 2}),
    "chameleon": (chameleon, {"image": 1, "joint": 2}),
}
