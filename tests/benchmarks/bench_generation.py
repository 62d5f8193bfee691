"""What writing costs: tokens a second over the library's own loop, which keeps no distribution."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Rows = list[tuple[str, str, str]]

TOKENS, PICTURE = 64, 7_999


def writing(_work: Path) -> Rows:
    """Tokens a second of write() over model.generate() of a LLaVA of 11 M parameters, in turn."""
    from workbench.generation import beam, write
    from workbench.models import as_writer

    model, inputs = _llava()
    writer = as_writer(model, tensors=inputs)
    plain = {"max_new_tokens": TOKENS, "do_sample": False}
    beams = {**plain, "num_beams": 4, "length_penalty": 0.0, "early_stopping": "never"}

    def theirs(**settings: Any) -> Callable[[], Any]:
        return lambda: model.generate(**inputs, **settings)

    heard: list[Any] = []
    ratios = {
        "write(), greedy": _ratio(theirs(**plain), lambda: write(writer, max_new_tokens=TOKENS)),
        "write(), each piece told as it comes": _ratio(
            theirs(**plain), lambda: write(writer, max_new_tokens=TOKENS, on_event=heard.append)
        ),
        "write(how=beam(4)), its whole tree kept": _ratio(
            theirs(**beams), lambda: write(writer, how=beam(4), max_new_tokens=TOKENS)
        ),
    }
    rate = TOKENS / _seconds(theirs(**plain))
    return [
        *((f"{what}, over generate(), tokens a second", f"{ratio:.2f}", "aim 0.95") for what, ratio in ratios.items()),
        ("generate() on this machine", f"{rate:,.0f} tokens/s", ""),
    ]  # fmt: skip


def _ratio(theirs: Callable[[], Any], ours: Callable[[], Any]) -> float:
    """How many times as fast ours is: the median over rounds in turn, so that a drift meets both."""
    theirs(), ours()
    return float(np.median([_seconds(theirs) / _seconds(ours) for _ in range(9)]))


def _llava() -> tuple[Any, dict[str, torch.Tensor]]:
    """Random weights, 64 patches before the words, no end mark: every answer has all its tokens."""
    import transformers as tf

    torch.manual_seed(0)
    eye = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 6,
           "image_size": 64, "patch_size": 8}  # fmt: skip
    words = {"vocab_size": 8_000, "hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 8,
             "num_attention_heads": 8, "num_key_value_heads": 8, "max_position_embeddings": 512}  # fmt: skip
    model = tf.LlavaForConditionalGeneration(
        tf.LlavaConfig(
            vision_config=tf.CLIPVisionConfig(**eye),
            text_config=tf.LlamaConfig(**words),
            image_token_index=PICTURE,
            vision_feature_layer=-1,
        )
    ).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.suppress_tokens = [PICTURE]
    ids = torch.cat([torch.tensor([1]), torch.full((64,), PICTURE), torch.arange(10, 30)])[None]
    picture = torch.randn(1, 3, 64, 64)
    return model, {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": picture}


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
