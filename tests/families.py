"""Tiny models of transformers, one of each family, from configurations: no file, no hub, random weights."""

from __future__ import annotations

import hashlib

import torch
import transformers as tf
from torch import nn

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
EYE = {"image_size": 32, "patch_size": 8, **SMALL}
WORDS = {"vocab_size": 100, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
WIDE = {**SMALL, "hidden_size": 64, "num_hidden_layers": 3}


def ids(count: int = 7, padding: int = 0) -> dict[str, torch.Tensor]:
    mask = torch.ones(1, count, dtype=torch.long)
    mask[:, count - padding :] = 0
    return {"input_ids": torch.arange(5, 5 + count)[None], "attention_mask": mask}


def pixels(rows: int = 32, columns: int = 32) -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.randn(1, 3, rows, columns, generator=torch.Generator().manual_seed(0))}


def _bert() -> nn.Module:
    return tf.BertModel(tf.BertConfig(**WORDS, **SMALL))


def _blip() -> nn.Module:
    text = {**WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **SMALL}
    return tf.BlipForImageTextRetrieval(tf.BlipConfig(text_config=text, vision_config=EYE))


def _bridgetower() -> nn.Module:
    eye = {"hidden_size": 64, "num_hidden_layers": 3, "patch_size": 8, "image_size": 32}
    config = {**WIDE, "num_hidden_layers": 2, "text_config": {**WORDS, **WIDE}, "vision_config": eye}
    return tf.BridgeTowerModel(tf.BridgeTowerConfig(**config))


def _lxmert() -> nn.Module:
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}
    return tf.LxmertModel(
        tf.LxmertConfig(
            vocab_size=100, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=16, visual_pos_dim=4, **sizes
        )
    )


PICTURE = 99  # stands in the text where a language model reads a token of the picture


def _llava() -> nn.Module:
    text = tf.LlamaConfig(**WORDS, **SMALL, num_key_value_heads=4)
    eye = tf.CLIPVisionConfig(**EYE)
    config = tf.LlavaConfig(
        vision_config=eye, text_config=text, image_token_index=PICTURE, vision_feature_layer=-1
    )
    return tf.LlavaForConditionalGeneration(config)


def _idefics() -> nn.Module:
    eye = {
        "embed_dim": 32,
        "image_size": 32,
        "patch_size": 8,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
    }
    eye["num_attention_heads"] = 4
    config = tf.IdeficsConfig(
        **WORDS, **SMALL, additional_vocab_size=0, cross_layer_interval=1, vision_config=eye,
        alpha_initializer="ones",
    )  # fmt: skip
    return tf.IdeficsModel(config)


def _blip2() -> nn.Module:
    asks = tf.Blip2QFormerConfig(vocab_size=100, encoder_hidden_size=32, cross_attention_frequency=2, **SMALL)
    says = tf.OPTConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64,
        word_embed_proj_dim=32, max_position_embeddings=64,
    )  # fmt: skip
    config = tf.Blip2Config(
        vision_config=tf.Blip2VisionConfig(**EYE), qformer_config=asks, text_config=says, num_query_tokens=4,
        image_token_index=PICTURE,
    )  # fmt: skip
    return tf.Blip2ForConditionalGeneration(config)


def pictured(count: int, before: int) -> dict[str, torch.Tensor]:
    """Words with the tokens of a picture among them."""
    found = torch.tensor([[*range(5, 5 + before), *[PICTURE] * count, 20, 21, 22]])
    return {"input_ids": found, "attention_mask": torch.ones_like(found)}


ASKED = {
    "pixel_values": torch.randn(1, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
    "image_attention_mask": torch.ones(1, 7, 1, dtype=torch.long),
}
_DRAWN = torch.Generator().manual_seed(0)
REGIONS = {
    "visual_feats": torch.rand(1, 5, 16, generator=_DRAWN),
    "visual_pos": torch.rand(1, 5, 4, generator=_DRAWN),
}
MASK = {"pixel_mask": torch.ones(1, 32, 32, dtype=torch.long)}
FAMILIES = {
    "bert": (_bert, ids(7, padding=2), {"text": 2}),
    "gpt2": (lambda: tf.GPT2Model(tf.GPT2Config(**WORDS, n_embd=32, n_layer=2, n_head=4)), ids(), {"text": 2}),
    "vit": (lambda: tf.ViTModel(tf.ViTConfig(**{**EYE, "image_size": (32, 48)})), pixels(32, 48), {"image": 2}),
    "deit": (lambda: tf.DeiTModel(tf.DeiTConfig(**EYE)), pixels(), {"image": 2}),
    "blip": (_blip, ids() | pixels(), {"image": 2, "text": 2, "text cross": 2}),
    "vilt": (lambda: tf.ViltModel(tf.ViltConfig(**WORDS, **EYE)), ids() | pixels(32, 48) | {"pixel_mask": torch.ones(1, 32, 48, dtype=torch.long)}, {"joint": 2}),
    "flava": (
        lambda: tf.FlavaModel(tf.FlavaConfig(text_config={**WORDS, **SMALL}, image_config=EYE, multimodal_config=SMALL)),
        ids() | pixels(), {"image": 2, "text": 2, "joint": 2},
    ),
    "bridgetower": (_bridgetower, ids() | pixels() | MASK, {"image": 5, "text": 5, "text cross": 2, "image cross": 2}),
    "lxmert": (_lxmert, ids() | REGIONS, {"text": 4, "image": 3, "text cross": 2, "image cross": 2}),
    "clip": (lambda: tf.CLIPModel(tf.CLIPConfig(text_config={**WORDS, **SMALL}, vision_config=EYE)), ids() | pixels(), {"image": 2, "text": 2}),
    "llava": (_llava, pictured(16, before=2) | pixels(), {"image": 2, "joint": 2}),
    "idefics": (_idefics, ids() | ASKED, {"image": 2, "text": 2, "text cross": 2}),
    "blip2": (_blip2, pictured(4, before=1) | pixels(), {"image": 4, "image cross": 1, "joint": 2}),
    "siglip": (
        lambda: tf.SiglipModel(tf.SiglipConfig(text_config={**WORDS, "max_position_embeddings": 16, **SMALL}, vision_config=EYE)),
        ids() | pixels(), {"image": 2, "text": 2, "image pooling": 1},
    ),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    torch.manual_seed(3)
    make, inputs, _ = FAMILIES[name]
    model = make().eval()
    if name == "llava":  # on its first pass transformers hangs up hooks of its own, for good
        with torch.no_grad():
            model(**inputs)
    return model, inputs


def state(model: nn.Module) -> tuple:
    told = hashlib.sha256()
    for name, value in model.state_dict().items():
        told.update(name.encode() + value.cpu().numpy().tobytes())
    modules = list(model.modules())
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in modules)
    return (
        told.hexdigest(),
        hooks,
        [m.training for m in modules],
        [p.requires_grad for p in model.parameters()],
    )
