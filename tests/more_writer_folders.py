"""More folders of tiny models that write: tiles, merged patches, cross-attention, query formers, documents."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as hf

from tests.writer_folders import (
    CHAT,
    EYE,
    FOLDERS,
    SMALL,
    bart_config,
    byte_level,
    ids_of,
    saved,
    silenced,
    text_config,
    unigram,
    word_level,
)


def llava_next(folder: Path) -> None:
    """Pictures are cut into tiles, with a learned token at the end of each line."""
    words = word_level("<image>")
    (picture,) = ids_of(words, "<image>")
    tiles = [[32, 32], [32, 64], [64, 64]]
    config = hf.LlavaNextConfig(
        vision_config=hf.CLIPVisionConfig(**EYE).to_dict(), vision_feature_layer=-1,
        text_config=hf.LlamaConfig(**text_config(words)).to_dict(), image_token_index=picture,
        image_grid_pinpoints=tiles, vision_feature_select_strategy="default",
    )  # fmt: skip
    eyes = hf.LlavaNextImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=tiles
    )
    processor = hf.LlavaNextProcessor(
        eyes, words, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=CHAT,
    )  # fmt: skip
    saved(folder, silenced(hf.LlavaNextForConditionalGeneration(config), picture), processor)


def internvl(folder: Path) -> None:
    """Merged patches and tiles."""
    words = word_level(
        start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )  # fmt: skip
    (picture,) = ids_of(words, "<IMG_CONTEXT>")
    config = hf.InternVLConfig(
        vision_config=hf.InternVLVisionConfig(**SMALL, image_size=[32, 32], patch_size=[8, 8]).to_dict(),
        text_config=hf.Qwen2Config(**text_config(words)).to_dict(), image_token_id=picture,
        downsample_ratio=0.5,
    )  # fmt: skip
    eyes = hf.GotOcr2ImageProcessor(
        size={"height": 32, "width": 32}, crop_to_patches=True, min_patches=1, max_patches=4
    )
    template = CHAT.replace("<image>", "<IMG_CONTEXT>")
    films = hf.InternVLVideoProcessor()
    processor = hf.InternVLProcessor(eyes, words, films, image_seq_length=4, chat_template=template)
    saved(folder, silenced(hf.InternVLForConditionalGeneration(config), picture), processor)


def gemma3(folder: Path) -> None:
    words = word_level("\n\n", image_token="<image>", boi_token="<boi>", eoi_token="<eoi>")
    picture, first, last = ids_of(words, "<image>", "<boi>", "<eoi>")
    config = hf.Gemma3Config(
        vision_config=hf.SiglipVisionConfig(**EYE).to_dict(), image_token_index=picture, mm_tokens_per_image=4,
        text_config=hf.Gemma3TextConfig(**text_config(words), head_dim=8, sliding_window=64).to_dict(),
        boi_token_index=first, eoi_token_index=last,
    )  # fmt: skip
    model = hf.Gemma3ForConditionalGeneration(config)
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight)  # zero at first
    eyes = hf.Gemma3ImageProcessor(size={"height": 32, "width": 32})
    template = "{{ bos_token }}" + CHAT.replace("<image>\n", "<boi>")
    processor = hf.Gemma3Processor(eyes, words, chat_template=template, image_seq_length=4)
    saved(folder, silenced(model, picture, first, last), processor)


def mllama(folder: Path) -> None:
    """The picture is read by cross-attention; one mark stands for it in the text."""
    words = word_level("<|python_tag|>", image_token="<|image|>")
    (picture,) = ids_of(words, "<|image|>")
    eye = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_global_layers": 1, "attention_heads": 4,
        "intermediate_size": 64, "image_size": 32, "patch_size": 8, "max_num_tiles": 2,
        "intermediate_layers_indices": [1], "vision_output_dim": 64, "norm_eps": 1e-5,
        "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
    }  # fmt: skip
    turns = {"rope_type": "default", "rope_theta": 10000.0}
    text = text_config(words, cross_attention_layers=[1], rope_parameters=turns) | {"num_hidden_layers": 3}
    config = hf.MllamaConfig(vision_config=eye, text_config=text, image_token_index=picture)
    model = hf.MllamaForConditionalGeneration(config)
    for name, gate in model.named_parameters():
        if "gate" in name and gate.numel() == 1:
            gate.fill_(1.0)  # zero at first: no picture would be read
    eyes = hf.MllamaImageProcessor(size={"height": 32, "width": 32}, max_image_tiles=2)
    template = "{{ bos_token }}" + CHAT.replace("<image>\n", "<|image|>")
    saved(folder, silenced(model, picture), hf.MllamaProcessor(eyes, words, chat_template=template))


def blip2(folder: Path) -> None:
    words = word_level("<image>")
    (picture,) = ids_of(words, "<image>")
    asks = hf.Blip2QFormerConfig(vocab_size=99, encoder_hidden_size=32, cross_attention_frequency=2, **SMALL)
    says = hf.OPTConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64,
        word_embed_proj_dim=32, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    config = hf.Blip2Config(
        vision_config=hf.Blip2VisionConfig(**EYE).to_dict(), qformer_config=asks.to_dict(),
        text_config=says.to_dict(), num_query_tokens=4, image_token_index=picture,
    )  # fmt: skip
    eyes = hf.BlipImageProcessor(size={"height": 32, "width": 32})
    model = hf.Blip2ForConditionalGeneration(config)
    saved(folder, model, hf.Blip2Processor(eyes, words, num_query_tokens=4))


def florence2(folder: Path) -> None:
    words = byte_level(image_token="<image>")
    (picture,) = ids_of(words, "<image>")
    eye = {
        "embed_dim": [16, 32], "depths": [1, 1], "num_heads": [2, 4], "num_groups": [2, 4],
        "patch_size": [7, 3], "patch_stride": [4, 2], "patch_padding": [3, 1], "patch_prenorm": [False, True],
        "window_size": 4, "projection_dim": 32,
    }  # fmt: skip
    config = hf.Florence2Config(
        vision_config=eye, text_config=bart_config(len(words)).to_dict(), image_token_id=picture
    )
    eyes = hf.CLIPImageProcessor(size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32})
    eyes.image_seq_length = 17
    saved(folder, hf.Florence2ForConditionalGeneration(config), hf.Florence2Processor(eyes, words))


def donut(folder: Path) -> None:
    """The prompt is the beginning of what it writes, with no mark before it."""
    words = unigram("<s_docvqa>", begin=False)
    eye = hf.DonutSwinConfig(
        image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
    )
    says = hf.MBartConfig(
        vocab_size=len(words), d_model=32, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=48,
        max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, is_decoder=True,
        add_cross_attention=True,
    )  # fmt: skip
    model = hf.VisionEncoderDecoderModel(
        hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(eye, says)
    )
    model.generation_config.update(decoder_start_token_id=1, eos_token_id=2, pad_token_id=0)
    eyes = hf.DonutImageProcessor(size={"height": 32, "width": 32})
    saved(folder, model, hf.DonutProcessor(eyes, words))


FOLDERS |= {
    "llava_next": llava_next, "internvl": internvl, "gemma3": gemma3, "mllama": mllama, "blip2": blip2,
    "florence2": florence2, "donut": donut,
}  # fmt: skip
