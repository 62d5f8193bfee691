"""Models that bring their own code, which is never run here, and what to take in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import UnsupportedError

__all__ = ["check_own_code", "successor"]

_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"OpenGVLab/(InternVL3(?:_5)?-(?!.*-hf$).+)", r"OpenGVLab/\1-hf"),
    (r"microsoft/Florence-2-(\w+?)(?:-ft)?$", r"florence-community/Florence-2-\1"),
    (r"liuhaotian/llava-v1\.5-(\d+b)", r"llava-hf/llava-1.5-\1-hf"),
    (r"liuhaotian/llava-v1\.6-vicuna-(\d+b)", r"llava-hf/llava-v1.6-vicuna-\1-hf"),
    (r"liuhaotian/llava-v1\.6-mistral-7b", "llava-hf/llava-v1.6-mistral-7b-hf"),
    (r"lmms-lab/llava-onevision-qwen2-([\d.]+b)-(\w+)", r"llava-hf/llava-onevision-qwen2-\1-\2-hf"),
    (r"deepseek-ai/deepseek-vl-([\d.]+b)-(\w+)", r"deepseek-community/deepseek-vl-\1-\2"),
    (r"deepseek-ai/Janus-Pro-(\d+B)", r"deepseek-community/Janus-Pro-\1"),
    (r"(?:stepfun-ai|ucaslcl)/GOT-OCR2_0", "stepfun-ai/GOT-OCR-2.0-hf"),
)
"""Repositories -> the same weights in a layout of transformers' own."""

_BY_TYPE: Mapping[str, str] = {
    "internvl_chat": "OpenGVLab/InternVL3-2B-hf",
    "cogvlm": "zai-org/GLM-4.1V-9B-Thinking",
    "chatglm": "zai-org/GLM-4.1V-9B-Thinking",
    "qwen": "Qwen/Qwen2-VL-2B-Instruct",
    "minicpmv": "openbmb/MiniCPM-V-4.6",
    "deepseek_vl_v2": "deepseek-community/deepseek-vl-1.3b-chat",
    "multi_modality": "deepseek-community/deepseek-vl-1.3b-chat",
    "moondream1": "HuggingFaceTB/SmolVLM-256M-Instruct",
    "phi3_v": "HuggingFaceTB/SmolVLM-Instruct",
    "molmo": "allenai/Molmo2-4B",
    "llava_llama": "llava-hf/llava-1.5-7b-hf",
    "llava_mistral": "llava-hf/llava-v1.6-mistral-7b-hf",
    "llava_qwen": "llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
    "florence2": "florence-community/Florence-2-base",
    "GOT": "stepfun-ai/GOT-OCR-2.0-hf",
    "ovis": "thisisiron/Ovis2-1B-hf",
    "ofa": "Salesforce/blip-image-captioning-base",
}
"""`model_type` of such a model -> a model of its publisher, or of its size, that transformers can build."""


def successor(where: object, config: Mapping[str, Any]) -> str:
    """A sentence that names what to take instead; empty where none is known.

    Args:
        where: the repository or the folder.
        config: its configuration.
    """
    name = str(where)
    for told in (name, str(config.get("_name_or_path") or "")):
        for pattern, instead in _BY_NAME:
            match = re.search(pattern, told)
            if match:
                return f" The same model in a layout of transformers' own is 'hf:{match.expand(instead)}'."
    kind = str(config.get("model_type", ""))
    return f" Its native successor is 'hf:{_BY_TYPE[kind]}'." if kind in _BY_TYPE else ""


def check_own_code(where: object, config: Mapping[str, Any]) -> None:
    """Refuse a model whose architecture is a program beside its weights.

    Raises:
        UnsupportedError: it is; the message names what to load instead.
    """
    if "auto_map" not in config:
        return
    instead = successor(where, config)
    raise UnsupportedError(
        f"{where} brings its own code ({config['auto_map']}), which is never run here."
        f"{instead or ' Load a model whose architecture is part of transformers.'}"
    )
