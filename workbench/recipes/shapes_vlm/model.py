"""The architecture of `shapes-vlm`: the captioner's eye, a projector, a Llama; and its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    VisionEncoderDecoderModel,
)

from workbench.recipes.shapes_vlm.language import END, IMAGE, PAD, TEMPLATE, reader

__all__ = ["BLOCKS", "CONTEXT", "build", "export", "eye_of", "looked", "tokens_of"]

CONTEXT = 192  # 64 patches, the longest question and the longest caption, with room for an example or two
_WIDTH = 128
BLOCKS = ("language_model.layers",)  # parts of the names of the matrices inside the blocks, for Muon


def eye_of(captioner: Path) -> tuple[Any, Any]:
    """The encoder of a captioner's folder and its image processor; the eye is not trained further."""
    whole = VisionEncoderDecoderModel.from_pretrained(captioner, dtype=torch.float32)
    return whole.encoder.eval(), AutoImageProcessor.from_pretrained(captioner)


def build(eye: Any, sample: Tensor | None = None) -> LlavaForConditionalGeneration:
    """An untrained model around a trained eye: two linear layers and a Llama of four blocks.

    Args:
        eye: a ViT, whose configuration and weights are taken over; it stays frozen.
        sample: states of patches, patch x feature. The states before the eye's last norm differ in scale by
            orders of magnitude between features; the projector starts on each feature's own scale.
    """
    words = reader(CONTEXT)
    known: dict[str, int] = words.get_vocab()
    ids = {name: known[name] for name in (PAD, END, IMAGE)}
    text = LlamaConfig(
        vocab_size=len(words),
        hidden_size=_WIDTH,
        intermediate_size=2 * _WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=ids[PAD],
        bos_token_id=None,
        eos_token_id=ids[END],
    )
    config = LlavaConfig(
        vision_config=eye.config,
        text_config=text,
        image_token_index=ids[IMAGE],
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        projector_hidden_act="gelu",
        image_seq_length=(eye.config.image_size // eye.config.patch_size) ** 2,
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.generation_config.update(
        pad_token_id=ids[PAD], eos_token_id=ids[END], max_new_tokens=32, do_sample=False, num_beams=1
    )
    tower = model.model.vision_tower
    own = tower.state_dict()
    tower.load_state_dict({name: value for name, value in eye.state_dict().items() if name in own})
    tower.requires_grad_(False)
    if sample is not None:
        first = model.model.multi_modal_projector.linear_1
        scale = sample.std(dim=0).clamp_min(1e-3)
        with torch.no_grad():
            torch.nn.init.normal_(first.weight, std=_WIDTH**-0.5)
            first.weight.div_(scale)
            first.bias.copy_(-first.weight @ sample.mean(dim=0))
    return model


@torch.no_grad()
def looked(eye: Any, pixels: Tensor) -> Tensor:
    """picture x patch x feature: what LLaVA's projector is given, the last block's states without [CLS]."""
    states: Tensor = eye(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
    return states[:, 1:]


def tokens_of(model: Any, states: Tensor) -> Tensor:
    """The picture's tokens as the language model reads them, from `looked`."""
    projected: Tensor = model.model.multi_modal_projector(states)
    return projected


def export(state: dict[str, Tensor], eye: Any, see: Any, folder: Path) -> None:
    """Write model (float16), tokeniser, template and image processor to `folder`."""
    model: Any = build(eye)
    model.load_state_dict(state, strict=False)  # the eye is not trained, so not in a checkpoint
    model.half().save_pretrained(folder)
    processor(see, eye.config, reader(CONTEXT)).save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)  # it is written for its owner alone, and would be installed so


def processor(see: Any, eye: Any, words: PreTrainedTokenizerFast) -> LlavaProcessor:
    """Pictures and texts to tensors, by transformers' own class."""
    return LlavaProcessor(
        image_processor=see,
        tokenizer=words,
        patch_size=eye.patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=TEMPLATE,
    )
