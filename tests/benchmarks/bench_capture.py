"""What capture costs: time over a plain forward, and bytes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

Rows = list[tuple[str, str, str]]


def capture(_work: Path) -> Rows:
    """Attention of all layers of a ViT-B/16-sized tower over a plain forward pass, and what it keeps."""
    import transformers as tf

    from workbench.attention.recorder import Recorder, recording
    from workbench.capture.capture_attention import capture as captured

    torch.manual_seed(0)
    model = tf.ViTModel(tf.ViTConfig()).eval()
    pixels = torch.randn(1, 3, 224, 224)
    plain, kept = [], []

    def run() -> None:
        with torch.inference_mode():
            model(pixel_values=pixels)

    def run_kept() -> None:
        with recording(model, Recorder(lambda _: True)):
            run()

    run(), run_kept()
    for _ in range(12):  # in turn, so that a drift of the machine meets both
        plain.append(_seconds(run))
        kept.append(_seconds(run_kept))
    trace = captured(model, {"pixel_values": pixels})
    return [
        ("forward with all attention kept, over a plain one", f"{np.median(kept) / np.median(plain):.2f} x", "aim 1.1"),
        ("capture(), gate and plain pass included, over a plain one",
         f"{_seconds(lambda: captured(model, {'pixel_values': pixels})) / np.median(plain):.2f} x", ""),
        ("attention and hidden states kept, ViT-B/16", f"{trace.bytes / 1e6:.1f} MB", ""),
        ("output with capture on, relative difference", f"{trace.difference:.1g}", "at most 1e-4; aim 2e-6"),
    ]  # fmt: skip


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
