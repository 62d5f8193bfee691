"""A dozen models worth knowing, one row each. Every other one loads by the same names.

Sizes are those of the float32 weights, from the published number of parameters (4 bytes each); what is
really downloaded is asked of the hub and announced before it starts. What ships says its own sizes, and a
test holds them to what loads. Licences are what the publisher states for the weights, "unknown" where the
model's page states none.
"""

from __future__ import annotations

from pathlib import Path

from workbench.models.base import ModelCard

__all__ = ["CARDS", "SHIPPED", "WEIGHTS"]

WEIGHTS = Path(__file__).parent / "weights"
"""Where the shipped models live: one folder each, open_clip's `local-dir:` form or joined from two towers."""

_PHOTO_LICENCE = "Apache-2.0 (both towers too)"

SHIPPED: tuple[ModelCard, ...] = (
    ModelCard(
        "emoji-clip",
        "open_clip",
        "CLIP",
        "shipped",
        licence="Apache-2.0 (trained on Twemoji and EmojiOne drawings, CC-BY-4.0)",
        image_size=(64, 64),
        text_length=32,
        parameters=6_151_873,
        summary="a small CLIP of emoji and their names, trained by workbench.recipes.emoji_clip",
    ),
    ModelCard(
        "emoji-clip-heldout",
        "open_clip",
        "CLIP",
        "shipped",
        licence="Apache-2.0 (trained on Twemoji and EmojiOne drawings, CC-BY-4.0)",
        image_size=(64, 64),
        text_length=32,
        parameters=6_151_873,
        summary="the same with 200 concepts never seen in training: for honest generalisation",
    ),
    ModelCard(
        "shapes-clip",
        "open_clip",
        "CLIP",
        "shipped",
        licence="Apache-2.0",
        image_size=(64, 64),
        text_length=32,
        parameters=1_267_713,
        summary="a small CLIP of drawn scenes, for judging explanations, by workbench.recipes.shapes_clip",
    ),
    ModelCard(
        "photo-lite",
        "joined",
        "ConSE + LiT",
        "shipped",
        licence=_PHOTO_LICENCE,
        image_size=(320, 320),
        text_length=128,
        parameters=27_791_720,
        summary="photographs offline: EfficientNet-Lite0 and MiniLM with a small head; a CLIP is better",
    ),
    ModelCard(
        "photo-lite-conse",
        "joined",
        "ConSE",
        "shipped",
        licence=_PHOTO_LICENCE,
        image_size=(320, 320),
        text_length=128,
        parameters=27_365_224,
        summary="its first half alone: names of classes, weighted by their probabilities; nothing trained",
    ),
    ModelCard(
        "photo-lite-linear",
        "joined",
        "LiT",
        "shipped",
        licence=_PHOTO_LICENCE,
        image_size=(320, 320),
        text_length=128,
        parameters=27_791_720,
        summary="its second half alone: a linear map from each locked tower",
    ),
)

_DOWNLOAD = "would be downloaded"

CARDS: tuple[ModelCard, ...] = (
    *SHIPPED,
    ModelCard(
        "open_clip:ViT-B-32/laion2b_s34b_b79k",
        "open_clip",
        "CLIP",
        _DOWNLOAD,
        size_mb=605,
        licence="MIT",
        summary="the usual first CLIP: quick, open data (LAION-2B)",
    ),
    ModelCard(
        "open_clip:ViT-B-16/datacomp_xl_s13b_b90k",
        "open_clip",
        "CLIP",
        _DOWNLOAD,
        size_mb=598,
        licence="MIT",
        summary="finer patches and filtered data (DataComp): clearly better than B/32",
    ),
    ModelCard(
        "open_clip:ViT-L-14/datacomp_xl_s13b_b90k",
        "open_clip",
        "CLIP",
        _DOWNLOAD,
        size_mb=1711,
        licence="MIT",
        summary="a large CLIP for a GPU",
    ),
    ModelCard(
        "open_clip:MobileCLIP-S1/datacompdr",
        "open_clip",
        "CLIP",
        _DOWNLOAD,
        size_mb=340,
        licence="apple-amlr",
        summary="small and quick on a laptop; a convolutional image tower (MobileCLIP)",
    ),
    ModelCard(
        "open_clip:ViT-B-16-SigLIP2/webli",
        "open_clip",
        "SigLIP",
        _DOWNLOAD,
        size_mb=1501,
        licence="Apache-2.0",
        summary="SigLIP 2 in open_clip: sigmoid scoring, many languages",
    ),
    ModelCard(
        "open_clip:xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k",
        "open_clip",
        "CLIP",
        _DOWNLOAD,
        size_mb=1464,
        licence="MIT",
        summary="multilingual CLIP with a transformers text tower (XLM-RoBERTa)",
    ),
    ModelCard(
        "hf:openai/clip-vit-base-patch32",
        "transformers",
        "CLIP",
        _DOWNLOAD,
        size_mb=605,
        summary="the original CLIP",
    ),
    ModelCard(
        "hf:google/siglip2-base-patch16-224",
        "transformers",
        "SigLIP 2",
        _DOWNLOAD,
        size_mb=1501,
        licence="Apache-2.0",
        summary="SigLIP 2 at a fixed size: sigmoid scoring, many languages",
    ),
    ModelCard(
        "hf:google/siglip2-base-patch16-naflex",
        "transformers",
        "SigLIP 2 NaFlex",
        _DOWNLOAD,
        size_mb=1501,
        licence="Apache-2.0",
        summary="keeps the aspect ratio of each picture instead of squashing it",
    ),
    ModelCard(
        "hf:facebook/metaclip-2-worldwide-huge-quickgelu",
        "transformers",
        "MetaCLIP 2",
        _DOWNLOAD,
        licence="CC-BY-NC-4.0",
        summary="very large, trained on pictures and texts of the whole world; needs a GPU",
    ),
    ModelCard(
        "hf:kakaobrain/align-base",
        "transformers",
        "ALIGN",
        _DOWNLOAD,
        size_mb=690,
        summary="EfficientNet and BERT: the other classic of 2021, without picture attention",
    ),
    ModelCard(
        "hf:OFA-Sys/chinese-clip-vit-base-patch16",
        "transformers",
        "Chinese-CLIP",
        _DOWNLOAD,
        size_mb=753,
        summary="trained on 200 million Chinese pairs",
    ),
    ModelCard(
        "hf:BAAI/AltCLIP",
        "transformers",
        "AltCLIP",
        _DOWNLOAD,
        size_mb=3450,
        licence="CreativeML-OpenRAIL-M",
        summary="CLIP ViT-L/14 with a bilingual text tower (Chinese, English)",
    ),
    ModelCard(
        "hf:Salesforce/blip-image-captioning-base",
        "transformers",
        "BLIP",
        _DOWNLOAD,
        size_mb=990,
        licence="BSD-3-Clause",
        summary="a captioner: writes a sentence about a picture, quick on a laptop",
    ),
    ModelCard(
        "hf:HuggingFaceTB/SmolVLM-256M-Instruct",
        "transformers",
        "SmolVLM",
        _DOWNLOAD,
        size_mb=1026,
        licence="Apache-2.0",
        summary="the smallest vision-language model that answers questions; tiles, several pictures",
    ),
    ModelCard(
        "hf:Qwen/Qwen2-VL-2B-Instruct",
        "transformers",
        "Qwen2-VL",
        _DOWNLOAD,
        size_mb=8836,
        licence="Apache-2.0",
        summary="a vision-language model of 2 billion numbers, English and Chinese; a GPU, or bfloat16",
    ),
    ModelCard(
        "hf:llava-hf/llava-1.5-7b-hf",
        "transformers",
        "LLaVA 1.5",
        _DOWNLOAD,
        size_mb=28254,
        licence="Llama-2",
        summary="the classic that much is written about: CLIP, a projector and Vicuna; 4 bits on a small GPU",
    ),
)
