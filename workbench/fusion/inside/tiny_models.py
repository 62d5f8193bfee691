"""Tiny models of the families in use, with random weights: what they are built like can be measured anywhere.

Their attention is close to even, for nobody trained them; where the modalities meet, through what, and how
many layers each goes alone is that of the real ones, scaled down to two layers a part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.calling import verb
from workbench.errors import UnknownNameError, did_you_mean
from workbench.fusion.inside.meeting import Meeting, meeting

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["SPECIMENS", "specimen"]

_SIZE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
_EYE: dict[str, Any] = {"image_size": 32, "patch_size": 8, **_SIZE}
_WORDS: dict[str, Any] = {"vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_WORD_COUNT, _REGIONS, _PATCHES, _QUERIES = 6, 5, 16, 4
_PICTURE = 63  # stands in the text where a language model reads a token of the picture


@verb
def specimen(name: str, *, seed: int = 0) -> Meeting:
    """Where picture and text meet in a tiny model of a family, measured by `capture`: half a second.

    Args:
        name: one of `SPECIMENS`.
        seed: of its random weights.

    Returns:
        A `Meeting` whose `.trained` is False: only its structure means something.

    Raises:
        UnknownNameError: no family of that name; `SPECIMENS` has them.

    Example:
        >>> from workbench.fusion import specimen
        >>> specimen("vilt").layers[0].kind  # one sequence of words and patches
        'self'
    """
    import torch

    from workbench.capture import capture
    from workbench.runtime import seeded

    if name not in SPECIMENS:
        raise UnknownNameError(
            f"There is no specimen {name!r}; there are {', '.join(SPECIMENS)}.{did_you_mean(name, SPECIMENS)}"
        )
    with seeded(seed):
        model = SPECIMENS[name]()
        inputs = _inputs(torch, name)
    words = [f"word {place}" for place in range(inputs["input_ids"].shape[1])]
    return meeting(capture(model.eval(), inputs, words=words, hidden=False), trained=False)


def _inputs(torch: Any, name: str) -> dict[str, Tensor]:
    ids = torch.arange(5, 5 + _WORD_COUNT)[None]
    among = torch.full((1, {"llava": _PATCHES, "blip2": _QUERIES}.get(name, 0)), _PICTURE)
    ids = torch.cat([among, ids], dim=1)
    text = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if name == "lxmert":
        return text | {"visual_feats": torch.rand(1, _REGIONS, 16), "visual_pos": torch.rand(1, _REGIONS, 4)}
    if name == "idefics":
        seen = torch.ones(1, _WORD_COUNT, 1, dtype=torch.long)
        return text | {"pixel_values": torch.randn(1, 1, 3, 32, 32), "image_attention_mask": seen}
    picture = {"pixel_values": torch.randn(1, 3, 32, 32)}
    masked = (
        {"pixel_mask": torch.ones(1, 32, 32, dtype=torch.long)} if name in ("vilt", "bridgetower") else {}
    )
    return text | picture | masked


def _clip() -> nn.Module:
    import transformers as tf

    return tf.CLIPModel(tf.CLIPConfig(text_config={**_WORDS, **_SIZE}, vision_config=_EYE))


def _vilt() -> nn.Module:
    import transformers as tf

    return tf.ViltModel(tf.ViltConfig(**_WORDS, **_EYE))


def _flava() -> nn.Module:
    import transformers as tf

    text = {**_WORDS, **_SIZE}
    return tf.FlavaModel(tf.FlavaConfig(text_config=text, image_config=_EYE, multimodal_config=_SIZE))


def _lxmert() -> nn.Module:
    import transformers as tf

    config = tf.LxmertConfig(
        vocab_size=64, hidden_size=32, num_attention_heads=4, intermediate_size=64, l_layers=2, x_layers=2,
        r_layers=2, visual_feat_dim=16, visual_pos_dim=4,
    )  # fmt: skip
    return tf.LxmertModel(config)


def _bridgetower() -> nn.Module:
    import transformers as tf

    wide: dict[str, Any] = {**_SIZE, "hidden_size": 64, "num_hidden_layers": 3}
    eye = {"hidden_size": 64, "num_hidden_layers": 3, "patch_size": 8, "image_size": 32}
    size = {**wide, "num_hidden_layers": 2}
    return tf.BridgeTowerModel(
        tf.BridgeTowerConfig(**size, text_config={**_WORDS, **wide}, vision_config=eye)
    )


def _blip() -> nn.Module:
    import transformers as tf

    text = {**_WORDS, "encoder_hidden_size": 32, "sep_token_id": 2, **_SIZE}
    return tf.BlipForImageTextRetrieval(tf.BlipConfig(text_config=text, vision_config=_EYE))


def _llava() -> nn.Module:
    import transformers as tf

    says = tf.LlamaConfig(**_WORDS, **_SIZE, num_key_value_heads=4)
    eye = tf.CLIPVisionConfig(**_EYE)
    return tf.LlavaForConditionalGeneration(
        tf.LlavaConfig(
            vision_config=eye, text_config=says, image_token_index=_PICTURE, vision_feature_layer=-1
        )
    )


def _idefics() -> nn.Module:
    import transformers as tf

    eye = {
        "embed_dim": 32, "image_size": 32, "patch_size": 8, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }  # fmt: skip
    return tf.IdeficsModel(
        tf.IdeficsConfig(
            **_WORDS, **_SIZE, additional_vocab_size=0, cross_layer_interval=1, vision_config=eye
        )
    )


def _blip2() -> nn.Module:
    import transformers as tf

    asks = tf.Blip2QFormerConfig(vocab_size=64, encoder_hidden_size=32, cross_attention_frequency=2, **_SIZE)
    says = tf.OPTConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64,
        word_embed_proj_dim=32, max_position_embeddings=64,
    )  # fmt: skip
    return tf.Blip2ForConditionalGeneration(
        tf.Blip2Config(
            vision_config=tf.Blip2VisionConfig(**_EYE), qformer_config=asks, text_config=says,
            num_query_tokens=_QUERIES, image_token_index=_PICTURE,
        )
    )  # fmt: skip


SPECIMENS: Mapping[str, Callable[[], nn.Module]] = {
    "clip": _clip,
    "vilt": _vilt,
    "flava": _flava,
    "lxmert": _lxmert,
    "bridgetower": _bridgetower,
    "blip": _blip,
    "blip2": _blip2,
    "idefics": _idefics,
    "llava": _llava,
}
"""Family -> what builds its tiny model."""
