"""Models of every form of file, small and random, and what it takes to load and ask one."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.stress.readers import Reader, noise

__all__ = ["TINY", "of_models", "tiny_folder"]

TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 16, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2},
}
_ARCHITECTURE = "stress-tiny"


def _ask(name: str) -> None:
    from workbench import data, models
    from workbench.embedding import embed

    try:
        model = models.load(name)
        embed(model, data.from_pictures([noise()], texts=["a photo of “two” dogs"]))
        repr(model), model.tokens("a cat"), model.preprocess_view(noise()), list(model.notes)
    finally:
        models.unload()


def _in_folder(folder: Path) -> None:
    _ask(str(folder))


def _in_file(name: str, folder: Path) -> None:
    import open_clip

    open_clip.factory._MODEL_CONFIGS[_ARCHITECTURE] = TINY
    _ask(f"open_clip:{_ARCHITECTURE}/{folder / name}")


def _of_transformers(kind: str, folder: Path) -> None:
    from tests.workbench.models.conftest import FAMILIES, _wake
    from workbench.runtime import seeded

    with seeded(5):
        parts = FAMILIES[kind]()
        _wake(parts[0])
    for part in parts:
        part.save_pretrained(folder)
    if kind == "clip":  # in two parts, with an index
        state = dict(parts[0].state_dict())
        from safetensors.torch import save_file

        names = sorted(state)
        halves = (names[: len(names) // 2], names[len(names) // 2 :])
        where = {}
        for number, half in enumerate(halves, start=1):
            file = f"model-{number:05d}-of-00002.safetensors"
            save_file({name: state[name].contiguous() for name in half}, folder / file, {"format": "pt"})
            where |= dict.fromkeys(half, file)
        (folder / "model.safetensors").unlink()
        told = {"metadata": {"total_size": 1}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(told))


def tiny_folder(folder: Path) -> Path:
    """A model in open_clip's form, whose tokeniser is open_clip's own."""
    _of_open_clip("open_clip_model.safetensors", folder)
    return folder


def _of_open_clip(name: str, folder: Path) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    from workbench.runtime import seeded

    with seeded(6):
        model = open_clip.CLIP(**TINY)
        for parameter in model.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    state = model.state_dict()
    if name == "open_clip_model.safetensors":
        told = {"model_cfg": TINY, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "interpolation": "bicubic"}}
        (folder / "open_clip_config.json").write_text(json.dumps(told), "utf-8")
        save_file(state, folder / name)
    elif name == "trainer.pt":
        kept = {
            "epoch": np.int64(3),
            "args": argparse.Namespace(lr=1e-3),
            "state_dict": {f"module.{k}": v for k, v in state.items()},
        }
        torch.save(kept, folder / name)
    elif name == "old.pth":
        torch.save(state, folder / name, _use_new_zipfile_serialization=False)
    else:
        model.register_buffer("input_resolution", torch.tensor(32))
        example = (torch.randn(1, 3, 32, 32), torch.zeros(1, 77, dtype=torch.long))
        torch.jit.save(torch.jit.trace(model.eval(), example, check_trace=False), folder / name)


def _joined(folder: Path) -> None:
    from workbench.models.cards import WEIGHTS

    for file in (WEIGHTS / "photo-lite").iterdir():
        if file.is_file() and file.suffix in (".json", ".safetensors"):
            shutil.copy(file, folder / file.name)


def of_models() -> dict[str, Reader]:
    """A reader for each form of model."""
    parts = ("*.json", "*.json", "*.safetensors", "*.model", "*.txt")
    families = ("clip", "siglip", "siglip2", "align", "chinese_clip", "altclip", "two_towers", "metaclip_2")
    found = {
        f"model of {kind}": Reader(partial(_of_transformers, kind), _in_folder, parts) for kind in families
    }
    found["model of open_clip"] = Reader(
        partial(_of_open_clip, "open_clip_model.safetensors"), _in_folder, parts
    )
    for name in ("trainer.pt", "old.pth", "script.pt"):
        read: Callable[[Path], Any] = partial(_in_file, name)
        found[f"checkpoint {name}"] = Reader(partial(_of_open_clip, name), read, (name,))
    found["model of two towers joined"] = Reader(_joined, _in_folder, ("*.json", "*.json", "*.safetensors"))
    return found
