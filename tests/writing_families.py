"""Tiny encoder-decoders, towers of pictures and sound, and detectors.

Random weights, no file, no hub. `FAMILIES`: name -> (a model with one item's inputs, how many sites of which
sequences it has: "text.decoder > text" reads the second by cross-attention or by a pooling head).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

from tests.families import EYE, SMALL, WORDS, ids, pixels

Made = tuple[Any, dict[str, torch.Tensor]]
DEC = {"decoder_input_ids": torch.tensor([[2, 5, 6]])}
BART: dict[str, Any] = dict(
    vocab_size=100,
    d_model=32,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=64,
    decoder_ffn_dim=64,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    decoder_start_token_id=2,
)


def several(*shape: int) -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.randn(*shape, generator=torch.Generator().manual_seed(0))}


def t5() -> Made:
    return hf.T5ForConditionalGeneration(
        hf.T5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    ), ids() | DEC


def bart() -> Made:
    return hf.BartForConditionalGeneration(hf.BartConfig(**BART)), ids() | DEC


def bart_equal() -> Made:
    return hf.BartForConditionalGeneration(hf.BartConfig(**BART)), ids() | {
        "decoder_input_ids": torch.arange(5, 12)[None]
    }


def m2m() -> Made:
    return hf.M2M100ForConditionalGeneration(hf.M2M100Config(**BART)), ids() | DEC


def whisper() -> Made:
    return hf.WhisperForConditionalGeneration(
        hf.WhisperConfig(**{**BART, "max_source_positions": 16}, num_mel_bins=8, max_target_positions=16)
    ), {"input_features": torch.randn(1, 8, 32)} | DEC


def wav2vec2() -> Made:
    return hf.Wav2Vec2Model(
        hf.Wav2Vec2Config(
            **SMALL,
            conv_dim=(8, 8),
            conv_stride=(4, 4),
            conv_kernel=(4, 4),
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            vocab_size=20,
        )
    ), {"input_values": torch.randn(1, 320)}


def clap() -> Made:
    return hf.ClapModel(
        hf.ClapConfig(
            text_config={**WORDS, **SMALL},
            audio_config=dict(
                spec_size=64,
                patch_size=4,
                patch_stride=[4, 4],
                num_mel_bins=16,
                depths=[2, 2],
                num_attention_heads=[2, 4],
                patch_embeds_hidden_size=16,
                hidden_size=32,
                window_size=4,
                enable_fusion=False,
            ),
            projection_dim=16,
        )
    ), ids() | {"input_features": torch.randn(1, 1, 64, 16), "is_longer": torch.tensor([[False]])}


def detr() -> Made:
    return hf.DetrForObjectDetection(
        hf.DetrConfig(
            use_timm_backbone=False,
            backbone_config=hf.ResNetConfig(
                embedding_size=8, hidden_sizes=[8] * 4, depths=[1] * 4, out_features=["stage4"]
            ),
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            num_queries=5,
            num_labels=3,
        )
    ), pixels(64, 96) | {"pixel_mask": torch.ones(1, 64, 96, dtype=torch.long)}


def deformable_detr() -> Made:
    return hf.DeformableDetrForObjectDetection(
        hf.DeformableDetrConfig(
            use_timm_backbone=False,
            backbone_config=hf.ResNetConfig(
                embedding_size=8,
                hidden_sizes=[8] * 4,
                depths=[1] * 4,
                out_features=["stage2", "stage3", "stage4"],
            ),
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            num_queries=5,
            num_labels=3,
            num_feature_levels=3,
        )
    ), pixels(64, 96) | {"pixel_mask": torch.ones(1, 64, 96, dtype=torch.long)}


def yolos() -> Made:
    return hf.YolosForObjectDetection(
        hf.YolosConfig(**{**EYE, "image_size": [32, 32]}, num_detection_tokens=5)
    ), pixels()


def swin() -> Made:
    return hf.SwinForImageClassification(
        hf.SwinConfig(
            image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
        )
    ), pixels()


def swinv2() -> Made:
    return hf.Swinv2ForImageClassification(
        hf.Swinv2Config(
            image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
        )
    ), pixels()


def donut() -> Made:
    c = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        hf.DonutSwinConfig(
            image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
        ),
        hf.MBartConfig(**{**BART, "d_model": 32}, is_decoder=True, add_cross_attention=True),
    )
    return hf.VisionEncoderDecoderModel(c), pixels() | DEC


def vit_gpt2() -> Made:
    c = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        hf.ViTConfig(**EYE),
        hf.GPT2Config(**WORDS, n_embd=32, n_layer=2, n_head=4, is_decoder=True, add_cross_attention=True),
    )
    return hf.VisionEncoderDecoderModel(c), pixels() | DEC


def trocr() -> Made:
    c = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        hf.ViTConfig(**EYE),
        hf.TrOCRConfig(
            vocab_size=100,
            d_model=32,
            decoder_layers=2,
            decoder_attention_heads=4,
            decoder_ffn_dim=64,
            cross_attention_hidden_size=32,
            is_decoder=True,
            add_cross_attention=True,
        ),
    )
    return hf.VisionEncoderDecoderModel(c), pixels() | DEC


def blip_vqa() -> Made:
    return hf.BlipForQuestionAnswering(
        hf.BlipConfig(
            text_config={**WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **SMALL}, vision_config=EYE
        )
    ), ids() | pixels() | DEC


def clipseg() -> Made:
    return hf.CLIPSegForImageSegmentation(
        hf.CLIPSegConfig(
            text_config={**WORDS, **SMALL, "max_position_embeddings": 20},
            vision_config=EYE,
            projection_dim=16,
            reduce_dim=16,
            extract_layers=[0, 1],
            decoder_num_attention_heads=2,
            decoder_intermediate_size=32,
        )
    ), ids() | pixels()


def vitmae() -> Made:
    return hf.ViTMAEModel(hf.ViTMAEConfig(**EYE)), pixels()


def groupvit() -> Made:
    return hf.GroupViTModel(
        hf.GroupViTConfig(
            text_config={**WORDS, **SMALL},
            vision_config=dict(
                image_size=32,
                patch_size=8,
                hidden_size=32,
                intermediate_size=64,
                depths=[1, 1, 1],
                num_group_tokens=[8, 4, 0],
                num_output_groups=[8, 4, 0],
                num_attention_heads=4,
                num_hidden_layers=3,
            ),
            projection_dim=16,
            projection_intermediate_dim=32,
        )
    ), ids() | pixels()


def hiera() -> Made:
    return hf.HieraModel(
        hf.HieraConfig(
            image_size=[32, 32],
            patch_size=[3, 3],
            patch_stride=[2, 2],
            patch_padding=[1, 1],
            embed_dim=16,
            depths=[1, 1],
            num_heads=[2, 4],
            query_stride=[2, 2],
            masked_unit_size=[4, 4],
            masked_unit_attention=[True, False],
            num_query_pool=1,
            mlp_ratio=2.0,
        )
    ), pixels()


def sam() -> Made:
    return hf.SamModel(
        hf.SamConfig(
            vision_config=dict(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                image_size=64,
                patch_size=8,
                window_size=4,
                global_attn_indexes=[1],
                output_channels=16,
                mlp_dim=64,
                num_pos_feats=8,
            ),
            prompt_encoder_config=dict(hidden_size=16, image_size=64, patch_size=8, mask_input_channels=4),
            mask_decoder_config=dict(
                hidden_size=16, num_hidden_layers=2, num_attention_heads=4, mlp_dim=32, iou_head_hidden_dim=16
            ),
        )
    ), pixels(64, 64) | {"input_points": torch.tensor([[[[10.0, 12.0]]]])}


def segformer() -> Made:
    return hf.SegformerModel(
        hf.SegformerConfig(
            num_encoder_blocks=2,
            depths=[1, 1],
            sr_ratios=[2, 1],
            hidden_sizes=[16, 32],
            patch_sizes=[7, 3],
            strides=[4, 2],
            num_attention_heads=[2, 4],
            mlp_ratios=[2, 2],
        )
    ), pixels()


def videomae() -> Made:
    return hf.VideoMAEModel(hf.VideoMAEConfig(**EYE, num_frames=4)), several(1, 4, 3, 32, 32)


def pix2struct() -> Made:
    return hf.Pix2StructForConditionalGeneration(
        hf.Pix2StructConfig(
            text_config=dict(vocab_size=100, hidden_size=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4),
            vision_config=dict(
                hidden_size=32,
                patch_embed_hidden_size=192,
                d_ff=64,
                d_kv=8,
                num_hidden_layers=2,
                num_attention_heads=4,
                seq_len=16,
            ),
        )
    ), {
        "flattened_patches": torch.cat(
            [
                torch.tensor([[[r, c] for r in (1, 2, 3) for c in (1, 2, 3, 4)]]).float(),
                torch.randn(1, 12, 192),
            ],
            -1,
        ),
        "attention_mask": torch.ones(1, 12),
    } | DEC


def maskformer() -> Made:
    return hf.MaskFormerForInstanceSegmentation(
        hf.MaskFormerConfig(
            backbone_config=hf.SwinConfig(
                image_size=64,
                patch_size=4,
                embed_dim=16,
                depths=[1, 1, 1, 1],
                num_heads=[2, 2, 2, 2],
                window_size=2,
                out_features=["stage1", "stage2", "stage3", "stage4"],
            ),
            decoder_config=hf.DetrConfig(
                d_model=32,
                encoder_layers=1,
                decoder_layers=1,
                encoder_attention_heads=4,
                decoder_attention_heads=4,
                encoder_ffn_dim=32,
                decoder_ffn_dim=32,
                num_queries=5,
                backbone_config=hf.ResNetConfig(),
            ),
            fpn_feature_size=32,
            mask_feature_size=32,
        )
    ), pixels(64, 64)


FAMILIES: dict[str, tuple[Callable[[], Made], dict[str, int]]] = {
    "t5": (t5, {"text": 2, "text.decoder": 2, "text.decoder > text": 2}),
    "bart": (bart, {"text": 2, "text.decoder": 2, "text.decoder > text": 2}),
    "bart_equal": (bart_equal, {"text": 2, "text.decoder": 2, "text.decoder > text": 2}),
    "m2m": (m2m, {"text": 2, "text.decoder": 2, "text.decoder > text": 2}),
    "whisper": (whisper, {"audio": 2, "text.decoder": 2, "text.decoder > audio": 2}),
    "wav2vec2": (wav2vec2, {"audio": 2}),
    "clap": (clap, {"audio": 4, "text": 2}),
    "detr": (detr, {"image": 2, "image.queries": 2, "image.queries > image": 2}),
    "deformable_detr": (deformable_detr, {"image.queries": 2}),
    "yolos": (yolos, {"image": 2}),
    "swin": (swin, {"image": 4}),
    "swinv2": (swinv2, {"image": 4}),
    "donut": (donut, {"image": 4, "text.decoder": 2, "text.decoder > image": 2}),
    "vit_gpt2": (vit_gpt2, {"image": 2, "text.decoder": 2, "text.decoder > image": 2}),
    "trocr": (trocr, {"image": 2, "text.decoder": 2, "text.decoder > image": 2}),
    "blip_vqa": (
        blip_vqa,
        {"image": 2, "text": 2, "text > image": 2, "text.decoder": 2, "text.decoder > text": 2},
    ),
    "clipseg": (clipseg, {"image": 4, "text": 2}),
    "vitmae": (vitmae, {"image": 2}),
    "groupvit": (groupvit, {"image": 3, "image.queries > image": 2, "text": 2}),
    "hiera": (hiera, {"image": 1, "image > image": 1}),
    "sam": (sam, {"image": 2, "image.queries": 2, "image.queries > image": 3, "image > image.queries": 2}),
    "segformer": (segformer, {"image > image": 1, "image": 1}),
    "videomae": (videomae, {"image": 2}),
    "pix2struct": (pix2struct, {"image": 2, "text.decoder": 2, "text.decoder > image": 2}),
    "maskformer": (maskformer, {"image": 4, "image.queries": 1, "image.queries > image": 1}),
}
