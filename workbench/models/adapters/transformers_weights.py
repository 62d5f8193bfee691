"""Weights into a model of transformers, where the library alone would not find them or not fit them.

The library reads a folder by the names of its files and of their tensors. Weights under another file name
("model.fp16.safetensors"), under a wrapper's tensor names ("module."), or of another size than the
configuration are read here and handed to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import isqrt, prod
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import MODEL_MAPPING, AutoConfig, AutoModel

from workbench.errors import BadInputError, BadWeightsError, UnavailableError
from workbench.models.claims import check_built, check_sizes
from workbench.models.options import Options
from workbench.models.tensors import read_checkpoint
from workbench.models.weights import (
    check_safetensors,
    check_unread,
    fitting,
    in_memory,
    is_usual,
    read_json,
    reading,
    too_little,
)

__all__ = ["Filled", "check_report", "load_weights", "put_on", "tensor_shapes"]

_IMAGE = "vision_model.embeddings.position_embedding.weight"
_TEXT = "text_model.embeddings.position_embedding.weight"
_POSITIONS = {"clip": 1, "metaclip_2": 1, "siglip": 0}
"""Families with tables of learned positions for both towers, and their tokens before the patches."""


@dataclass(frozen=True)
class Filled:
    """A model with its weights.

    Attributes:
        bias: the `logit_bias` in weights whose class has none: they were trained with the sigmoid loss.
        notes: what was taken off, resampled or found.
    """

    model: Any
    bias: float | None
    notes: tuple[str, ...]


def load_weights(folder: Path, weights: Sequence[Path], options: Options, *, name: str) -> Filled:
    """The model in a folder as `save_pretrained` writes it, in float32.

    Raises:
        BadWeightsError: the weights are damaged, unsafe, or of another architecture.
        BadInputError: an option that this family does not have.
    """
    beside = [file for file in weights if file.name.startswith("adapter_")]  # of an adapter here
    own = [file for file in weights if file not in beside]
    shapes = tensor_shapes(own)
    numbers = sum(prod(shape) for shape in shapes.values())
    check_sizes(read_json(folder / "config.json"), numbers=numbers, tensors=len(shapes), where=folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    check_built(partial(AutoModel.from_config, config), numbers=numbers, where=folder)
    changed = _settle(config, options)
    ours = changed or _wrapped(shapes) or _resized(config, shapes) or not all(map(is_usual, own))
    expected = f"the configuration in {folder} ({name})"
    if not ours and "logit_bias" not in shapes:
        return Filled(in_memory(_by_the_library(folder, weights, expected)), None, ())
    checkpoint = read_checkpoint(own)
    state = dict(checkpoint.tensors)
    notes = [*checkpoint.notes, *_variant(own), *_resample(config, state)]
    bias = None
    with fitting(weights, expected):
        kind: Any = MODEL_MAPPING[type(config)]
        model, report = kind.from_pretrained(
            None, config=config, state_dict=dict(state), dtype=torch.float32, output_loading_info=True
        )
    check_report(model, report, weights, folder)
    if "logit_bias" in state and not hasattr(model, "logit_bias"):
        bias = float(state["logit_bias"].reshape(-1)[0])
        notes.append(
            "The weights have a logit_bias, so they were trained with the sigmoid loss: pairs are scored "
            "one by one, by yes or no."
        )
    if beside:
        put_on(model, folder)
    return Filled(in_memory(model), bias, tuple(notes))


def put_on(model: Any, adapter: Path) -> tuple[Path, ...]:
    """Put an adapter of peft on a model; its files, which are part of what the model is now.

    Raises:
        UnavailableError: peft is not installed.
        BadWeightsError: the adapter is damaged, or of another model.
    """
    if find_spec("peft") is None:
        raise UnavailableError(f"{adapter} is an adapter of peft, which is not installed: pip install peft.")
    files = [adapter / name for name in ("adapter_model.safetensors", "adapter_model.bin")]
    weights = [file for file in files if file.is_file()][:1]
    if not weights:
        raise BadWeightsError(f"{adapter} has no {files[0].name}. Copy the adapter's folder again.")
    with reading(weights, "the base of this adapter"):
        report = model.load_adapter(str(adapter), adapter_kwargs={"local_files_only": True})
    lost = sorted(getattr(report, "unexpected_keys", None) or ())
    if lost:
        raise BadWeightsError(
            f"The adapter in {adapter} is of another model: {len(lost)} of its tensors have no place in this "
            f"base, first {lost[0]}. Give base_model_name_or_path in adapter_config.json the model it was "
            "trained on."
        )
    return (adapter / "adapter_config.json", *weights)


def _by_the_library(folder: Path, weights: Sequence[Path], expected: str) -> Any:
    safe = weights[0].suffix == ".safetensors"
    with reading(weights, expected):
        # float32 first: the scale of the logits is read before any rounding.
        model, report = AutoModel.from_pretrained(
            folder,
            use_safetensors=safe,
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    check_report(model, report, weights, folder)
    return model


def check_report(model: Any, report: Mapping[str, Any], weights: Sequence[Path], folder: Path) -> None:
    """Refuse weights that lack tensors of the model, or hold layers that it does not have.

    Raises:
        BadWeightsError: they do.
    """
    missing = {*report["missing_keys"], *(entry[0] for entry in report.get("mismatched_keys", ()))}
    if missing:
        raise too_little(weights, f"the configuration in {folder}", missing)
    check_unread(folder, report["unexpected_keys"], model.state_dict())


def tensor_shapes(weights: Sequence[Path]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor by its name in the files; those of safetensors from their headers alone."""
    found: dict[str, tuple[int, ...]] = {}
    for file in weights:
        if file.suffix == ".safetensors":
            check_safetensors(file)
            with safe_open(file, framework="pt") as opened:
                names = list(opened.keys())
                found |= {name: tuple(opened.get_slice(name).get_shape()) for name in names}
        else:
            found |= {name: tuple(value.shape) for name, value in read_checkpoint((file,)).tensors.items()}
    return found


def _wrapped(names: Iterable[str]) -> bool:
    return any(name.startswith("module.") or "_orig_mod." in name for name in names)


def _settle(config: Any, options: Options) -> bool:
    """Write what was asked into the configuration; whether anything was."""
    act = {True: "quick_gelu", False: "gelu", None: None}[options.force_quick_gelu]
    for name, part, key, value in (
        ("image_size", "vision_config", "image_size", options.image_size),
        ("context_length", "text_config", "max_position_embeddings", options.context_length),
        ("force_quick_gelu", "vision_config", "hidden_act", act),
        ("force_quick_gelu", "text_config", "hidden_act", act),
    ):
        if value is None:
            continue
        if _POSITIONS.get(config.model_type) is None or not hasattr(getattr(config, part, None), key):
            raise BadInputError(
                f"{name} was given, but a model of type {config.model_type!r} cannot be built otherwise than "
                f"its configuration says; known for {', '.join(_POSITIONS)}. Leave it out."
            )
        setattr(getattr(config, part), key, value)
    return bool(options.asked)


def _resized(config: Any, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the position tables have other lengths than the configuration."""
    wanted = _lengths(config)
    return any(name in shapes and shapes[name][0] != length for name, length in wanted.items())


def _lengths(config: Any) -> dict[str, int]:
    """Rows of the position tables that the configuration asks for."""
    extra = _POSITIONS.get(config.model_type)
    if extra is None:
        return {}
    image = config.vision_config
    rows = (image.image_size // image.patch_size) ** 2 + extra
    return {_IMAGE: rows, _TEXT: config.text_config.max_position_embeddings}


def _resample(config: Any, state: dict[str, Tensor]) -> list[str]:
    """Bring position tables to the configuration's lengths, as open_clip does; a note on each."""
    notes = []
    for name, wanted in _lengths(config).items():
        table = state.get(name)
        if table is None or len(table) == wanted:
            continue
        extra = _POSITIONS[config.model_type]
        state[name] = _grid(table.float(), wanted, extra) if name == _IMAGE else _line(table.float(), wanted)
        if name == _IMAGE:
            was, patch = isqrt(len(table) - extra), config.vision_config.patch_size
            now = isqrt(wanted - extra)
            notes.append(
                f"The image tower was trained on {was} x {was} patches and reads {now} x {now} here: the "
                f"positions were resampled, which costs accuracy. image_size={was * patch} builds it as it "
                "was trained."
            )
        else:
            notes.append(
                f"The text tower was trained on {len(table)} positions and has {wanted} here: they were "
                "resampled, so that every word stands elsewhere than it was trained. "
                f"context_length={len(table)} builds it as it was trained."
            )
    for name in [name for name in state if re.search(r"\.position_ids$", name)]:
        del state[name]  # counted up by the library itself
    return notes


def _grid(table: Tensor, wanted: int, extra: int) -> Tensor:
    """row x feature, bicubic over the square of patches; a class token in front stays as it is."""
    side, now = isqrt(len(table) - extra), isqrt(wanted - extra)
    square = table[extra:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grown = interpolate(square, size=(now, now), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([table[:extra], grown.permute(0, 2, 3, 1).reshape(now * now, -1)])


def _line(table: Tensor, wanted: int) -> Tensor:
    """row x feature, linear along the text."""
    return interpolate(table.T[None], size=wanted, mode="linear", align_corners=False)[0].T.contiguous()


def _variant(weights: Sequence[Path]) -> list[str]:
    if all(is_usual(file) for file in weights):
        return []
    return [
        f"The weights are {weights[0].name}, which is not the usual name; there are no others in the folder."
    ]
