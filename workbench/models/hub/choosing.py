"""Which files of a repository a model needs, decided from their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = [
    "Choose",
    "choose_model_files",
    "choose_open_clip_weights",
    "choose_tokeniser",
    "choose_tower_files",
    "listing",
]

Choose = Callable[[Mapping[str, int]], list[str] | None]
"""From a repository's files (name -> bytes) those that are needed, or None if a needed one is missing."""

_TOKENISERS = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
)
_SMALL = (".json", ".txt", ".model", ".jinja")


def listing(folder: Path) -> dict[str, int]:
    """The files of a folder on this machine, name -> bytes, as `Choose` takes them."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}


def choose_model_files(files: Mapping[str, int]) -> list[str] | None:
    """A model folder of either library: configuration, tokeniser, weights (safetensors before pickles)."""
    small = [file for file in files if "/" not in file and file.endswith(_SMALL)]
    native = [file for file in ("config.json", "model.safetensors", "pytorch_model.bin") if file in files]
    if "open_clip_config.json" in files and len(native) < 2:
        weights = choose_open_clip_weights(files)
        return None if weights is None else [*small, *weights]
    shards = [file for file in files if file.startswith("model-") and file.endswith(".safetensors")]
    weights = [file for file in native[1:2]] or shards
    complete = "config.json" in files and weights and _promised(shards)
    return [*small, *weights] if complete and any(file in files for file in _TOKENISERS) else None


def choose_tower_files(files: Mapping[str, int]) -> list[str] | None:
    """One tower of transformers or timm: its configuration, weights, and a tokeniser if there is one."""
    small = [file for file in files if "/" not in file and file.endswith(_SMALL)]
    weights = [file for file in ("model.safetensors", "pytorch_model.bin") if file in files][:1]
    return [*small, *weights] if weights and "config.json" in files else None


def choose_open_clip_weights(files: Mapping[str, int]) -> list[str] | None:
    """open_clip's weights in a repository: safetensors before a pickle."""
    usual = (
        "open_clip_model.safetensors",
        "open_clip_pytorch_model.safetensors",
        "open_clip_pytorch_model.bin",
    )
    found = [file for file in usual if file in files]
    return found[:1] or None


def choose_tokeniser(files: Mapping[str, int]) -> list[str] | None:
    """A tokeniser and the configuration beside it, without weights."""
    if not any(file in files for file in _TOKENISERS):
        return None
    return [file for file in files if "/" not in file and file.endswith(_SMALL)]


def _promised(shards: Sequence[str]) -> bool:
    """Whether all parts named `model-00001-of-00003` are there."""
    return not shards or len(shards) == int(shards[0].removesuffix(".safetensors").rsplit("-of-", 1)[-1])
