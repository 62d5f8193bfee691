"""Tiny language models that read pictures among their words, or by cross-attention.

Random weights, no file, no hub. `FAMILIES`: name -> (a model with one item's inputs, how many sites of which
sequences it has: "text.decoder > text" reads the second by cross-attention or by a pooling head).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

from tests.families import EYE, SMALL, WORDS, ids, pictured, pixels
from tests.writing_families import BART, DEC, Made, several

TEXT: dict[str, Any] = {**SMALL, "vocab_size": 110, "num_key_value_heads": 2, "pad_token_id": 0}
PLAIN = {name: value for name, value in TEXT.items() if name != "pad_token_id"}
QWEN: dict[str, Any] = {
    **TEXT, "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
    "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SEES: dict[str, Any] = {
    "depth": 2, "num_heads": 4, "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2,
    "in_channels": 3, "hidden_size": 32,
}  # fmt: skip
MARKS = {"image_token_id": 99, "video_token_id": 98, "vision_start_token_id": 97, "vision_end_token_id": 96}


def packed(words: list[int], *grids: list[int]) -> dict[str, torch.Tensor]:
    """What Qwen-VL's processor gives: all patches of all pictures as rows."""
    found = torch.tensor([words])
    rows = sum(high * wide for _, high, wide in grids)
    return {
        "input_ids": found, "attention_mask": torch.ones_like(found),
        "pixel_values": torch.randn(rows, 384, generator=torch.Generator().manual_seed(0)),
        "image_grid_thw": torch.tensor(grids), "mm_token_type_ids": (found == 99).int(),
    }  # fmt: skip


def qwen2vl() -> Made:
    sees = {**SEES, "embed_dim": 32}
    model = hf.Qwen2VLForConditionalGeneration(
        hf.Qwen2VLConfig(text_config=QWEN, vision_config=sees, **MARKS)
    )
    return model, packed([5, 97, *[99] * 6, 96, 7, 8], [1, 4, 6])


def qwen2vl_two() -> Made:
    return qwen2vl()[0], packed([5, 97, *[99] * 6, 96, 7, 97, *[99] * 2, 96, 8], [1, 4, 6], [1, 2, 4])


def qwen25vl() -> Made:
    sees = {
        **SEES,
        "out_hidden_size": 32,
        "intermediate_size": 64,
        "window_size": 32,
        "fullatt_block_indexes": [1],
    }
    config = hf.Qwen2_5_VLConfig(text_config=QWEN, vision_config=sees, **MARKS)
    return hf.Qwen2_5_VLForConditionalGeneration(config), packed([5, 97, *[99] * 12, 96, 7, 8], [1, 6, 8])


def qwen3vl() -> Made:
    sees = {
        **SEES,
        "out_hidden_size": 32,
        "intermediate_size": 64,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
    }
    config = hf.Qwen3VLConfig(text_config={**QWEN, "head_dim": 8}, vision_config=sees, **MARKS)
    return hf.Qwen3VLForConditionalGeneration(config), packed([5, 97, *[99] * 6, 96, 7, 8], [1, 4, 6])


def llava() -> Made:
    return hf.LlavaForConditionalGeneration(
        hf.LlavaConfig(
            vision_config=hf.CLIPVisionConfig(**EYE),
            text_config=hf.LlamaConfig(**TEXT),
            image_token_index=99,
            vision_feature_layer=-1,
        )
    ), pictured(16, 1) | pixels()


def llava_two() -> Made:
    m, _ = llava()
    i = torch.tensor([[5, *[99] * 16, 6, *[99] * 16, 20, 21]])
    return m, {"input_ids": i, "attention_mask": torch.ones_like(i)} | several(2, 3, 32, 32)


def llava_next() -> Made:
    return hf.LlavaNextForConditionalGeneration(
        hf.LlavaNextConfig(
            vision_config=hf.CLIPVisionConfig(**EYE),
            text_config=hf.LlamaConfig(**TEXT),
            image_token_index=99,
            image_grid_pinpoints=[[32, 32], [32, 64]],
            vision_feature_layer=-1,
        )
    ), pictured(52, 1) | several(1, 3, 3, 32, 32) | {"image_sizes": torch.tensor([[32, 64]])}


def onevision() -> Made:
    return hf.LlavaOnevisionForConditionalGeneration(
        hf.LlavaOnevisionConfig(
            vision_config=hf.SiglipVisionConfig(**EYE),
            text_config=hf.Qwen2Config(**PLAIN),
            image_token_index=99,
            video_token_index=98,
            image_grid_pinpoints=[[32, 32], [32, 64]],
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        )
    ), pictured(52, 1) | several(1, 3, 3, 32, 32) | {"image_sizes": torch.tensor([[32, 64]])}


def internvl() -> Made:
    return hf.InternVLForConditionalGeneration(
        hf.InternVLConfig(
            vision_config=hf.InternVLVisionConfig(**SMALL, image_size=[32, 32], patch_size=[8, 8]),
            text_config=hf.Qwen2Config(**PLAIN),
            image_token_id=99,
            downsample_ratio=0.5,
        )
    ), pictured(4, 1) | pixels()


def internvl_tiles() -> Made:
    m, _ = internvl()
    return m, pictured(12, 1) | several(3, 3, 32, 32)


def smolvlm() -> Made:
    return hf.SmolVLMForConditionalGeneration(
        hf.SmolVLMConfig(
            vision_config=EYE, text_config=hf.LlamaConfig(**TEXT).to_dict(), image_token_id=99, scale_factor=2
        )
    ), pictured(8, 1) | several(1, 2, 3, 32, 32) | {
        "pixel_attention_mask": torch.ones(1, 2, 32, 32, dtype=torch.long)
    }


def paligemma() -> Made:
    return hf.PaliGemmaForConditionalGeneration(
        hf.PaliGemmaConfig(
            vision_config=hf.SiglipVisionConfig(**EYE, projection_dim=32).to_dict(),
            text_config=hf.GemmaConfig(**TEXT, head_dim=8).to_dict(),
            image_token_index=99,
            projection_dim=32,
        )
    ), pictured(16, 0) | pixels() | {"token_type_ids": torch.zeros(1, 19, dtype=torch.long)}


def gemma3() -> Made:
    model = hf.Gemma3ForConditionalGeneration(
        hf.Gemma3Config(
            vision_config=hf.SiglipVisionConfig(**EYE).to_dict(),
            text_config=hf.Gemma3TextConfig(**TEXT, head_dim=8, sliding_window=64).to_dict(),
            image_token_index=99,
            mm_tokens_per_image=4,
            boi_token_index=97,
            eoi_token_index=96,
        )
    )
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight)  # zero at first
    return model, pictured(4, 1) | pixels() | {"token_type_ids": (pictured(4, 1)["input_ids"] == 99).long()}


def mllama() -> Made:
    v = dict(
        hidden_size=32,
        num_hidden_layers=2,
        num_global_layers=1,
        attention_heads=4,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
        max_num_tiles=2,
        intermediate_layers_indices=[1],
        vision_output_dim=64,
        supported_aspect_ratios=[[1, 1], [1, 2], [2, 1]],
        norm_eps=1e-5,
    )
    t = dict(
        TEXT,
        num_hidden_layers=3,
        cross_attention_layers=[1],
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        max_position_embeddings=64,
        bos_token_id=1,
        eos_token_id=2,
    )
    i = torch.tensor([[99, 5, 6, 7, 8]])
    return hf.MllamaForConditionalGeneration(
        hf.MllamaConfig(vision_config=v, text_config=t, image_token_index=99)
    ), {
        "input_ids": i,
        "attention_mask": torch.ones_like(i),
        "aspect_ratio_ids": torch.tensor([[2]]),
        "aspect_ratio_mask": torch.ones(1, 1, 2, dtype=torch.long),
        "cross_attention_mask": torch.ones(1, 5, 1, 2, dtype=torch.long),
    } | several(1, 1, 2, 3, 32, 32)


def blip2_t5() -> Made:
    asks = hf.Blip2QFormerConfig(vocab_size=100, encoder_hidden_size=32, cross_attention_frequency=2, **SMALL)
    says = hf.T5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    c = hf.Blip2Config(
        vision_config=hf.Blip2VisionConfig(**EYE),
        qformer_config=asks,
        text_config=says,
        num_query_tokens=4,
        image_token_index=99,
    )
    return hf.Blip2ForConditionalGeneration(c), pictured(4, 1) | pixels() | DEC


def idefics2() -> Made:
    return hf.Idefics2ForConditionalGeneration(
        hf.Idefics2Config(
            vision_config=EYE,
            text_config=hf.MistralConfig(**TEXT).to_dict(),
            perceiver_config=dict(
                resampler_n_latents=4,
                resampler_depth=2,
                resampler_n_heads=4,
                resampler_head_dim=8,
                num_key_value_heads=2,
                hidden_size=32,
            ),
            image_token_id=99,
        )
    ), pictured(4, 1) | several(1, 1, 3, 32, 32) | {
        "pixel_attention_mask": torch.ones(1, 1, 32, 32, dtype=torch.long)
    }


def pixtral() -> Made:
    return hf.LlavaForConditionalGeneration(
        hf.LlavaConfig(
            vision_config=hf.PixtralVisionConfig(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                image_size=32,
                patch_size=8,
            ),
            text_config=hf.LlamaConfig(**TEXT),
            image_token_index=99,
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        )
    ), pictured(24, 1) | pixels(32, 48) | {"image_sizes": torch.tensor([[32, 48]])}


def mistral3() -> Made:
    return hf.Mistral3ForConditionalGeneration(
        hf.Mistral3Config(
            vision_config=hf.PixtralVisionConfig(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                image_size=64,
                patch_size=8,
            ),
            text_config=hf.MistralConfig(**TEXT),
            image_token_index=99,
            vision_feature_layer=-1,
            spatial_merge_size=2,
        )
    ), pictured(6, 1) | pixels(32, 48) | {"image_sizes": torch.tensor([[32, 48]])}


def aya() -> Made:
    return hf.AyaVisionForConditionalGeneration(
        hf.AyaVisionConfig(
            vision_config=hf.SiglipVisionConfig(**EYE),
            text_config=hf.CohereConfig(**TEXT),
            image_token_index=99,
            downsample_factor=2,
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        )
    ), pictured(4, 1) | pixels()


def git() -> Made:
    return hf.GitForCausalLM(
        hf.GitConfig(vision_config=EYE, **WORDS, **{**SMALL}, max_position_embeddings=64)
    ), ids() | pixels()


def kosmos2() -> Made:
    return hf.Kosmos2ForConditionalGeneration(
        hf.Kosmos2Config(
            text_config=dict(
                vocab_size=100,
                embed_dim=32,
                layers=2,
                ffn_dim=64,
                attention_heads=4,
                max_position_embeddings=64,
            ),
            vision_config=EYE,
            latent_query_num=4,
        )
    ), {
        "input_ids": torch.arange(5, 15)[None],
        "attention_mask": torch.ones(1, 10, dtype=torch.long),
        "image_embeds_position_mask": torch.tensor([[0, 1, 1, 1, 1, 0, 0, 0, 0, 0]]),
    } | pixels()


def lfm2vl() -> Made:
    return hf.Lfm2VlForConditionalGeneration(
        hf.Lfm2VlConfig(
            vision_config=dict(**SMALL, patch_size=8, num_patches=16),
            text_config=dict(**PLAIN, layer_types=["conv", "full_attention"], block_multiple_of=8),
            image_token_id=99,
            downsample_factor=2,
        )
    ), pictured(6, 1) | {
        "pixel_values": torch.randn(1, 24, 192),
        "spatial_shapes": torch.tensor([[4, 6]]),
        "pixel_attention_mask": torch.ones(1, 24, dtype=torch.long),
    }


def florence2() -> Made:
    return hf.Florence2ForConditionalGeneration(
        hf.Florence2Config(
            vision_config=dict(
                embed_dim=[16, 32],
                depths=[1, 1],
                num_heads=[2, 4],
                num_groups=[2, 4],
                patch_size=[7, 3],
                patch_stride=[4, 2],
                patch_padding=[3, 1],
                patch_prenorm=[False, True],
                window_size=4,
                projection_dim=32,
            ),
            text_config=BART,
            image_token_id=99,
        )
    ), pictured(17, 1) | pixels() | DEC


FAMILIES: dict[str, tuple[Callable[[], Made], dict[str, int]]] = {
    "qwen2vl": (qwen2vl, {"image": 2, "joint": 2}),
    "qwen2vl_two": (qwen2vl_two, {"image": 4, "joint": 2}),
    "qwen25vl": (qwen25vl, {"image": 5, "joint": 2}),
    "qwen3vl": (qwen3vl, {"image": 2, "joint": 2}),
    "llava": (llava, {"image": 2, "joint": 2}),
    "llava_two": (llava_two, {"image": 2, "joint": 2}),
    "llava_next": (llava_next, {"image": 2, "joint": 2}),
    "onevision": (onevision, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "internvl": (internvl, {"image": 2, "joint": 2}),
    "internvl_tiles": (internvl_tiles, {"image": 2, "joint": 2}),
    "smolvlm": (smolvlm, {"image": 2, "joint": 2}),
    "paligemma": (paligemma, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "gemma3": (gemma3, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "mllama": (mllama, {"image": 3, "text": 2, "text > image": 1}),
    "blip2_t5": (
        blip2_t5,
        {
            "image": 2,
            "image.queries": 2,
            "image.queries > image": 1,
            "joint": 2,
            "text.decoder": 2,
            "text.decoder > joint": 2,
        },
    ),
    "idefics2": (idefics2, {"image": 2, "image.queries > image": 2, "joint": 2}),
    "pixtral": (pixtral, {"image": 2, "joint": 2}),
    "mistral3": (mistral3, {"image": 2, "joint": 2}),
    "aya": (aya, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "git": (git, {"image": 2, "joint": 2}),
    "kosmos2": (kosmos2, {"image": 2, "image.queries > image": 1, "joint": 2}),
    "lfm2vl": (lfm2vl, {"image": 2, "image.queries > image": 1, "joint": 1}),
    "florence2": (florence2, {"image": 2, "joint": 2, "text.decoder": 2, "text.decoder > joint": 2}),
}
