"""Weights into a model of open_clip; what was resampled, switched on or taken as sigmoid is said."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

import open_clip
from open_clip.convert import convert_state_dict, load_big_vision_weights
from open_clip.model import convert_to_custom_text_state_dict, resize_pos_embed, resize_text_pos_embed
from torch import Tensor

from workbench.errors import BadInputError
from workbench.models.claims import check_built, check_sizes
from workbench.models.options import Options
from workbench.models.pickles import PICKLE_SUFFIXES
from workbench.models.tensors import Checkpoint, read_checkpoint
from workbench.models.torchscript import is_torchscript
from workbench.models.weights import fitting

__all__ = ["Built", "build", "fill", "load_weights", "settled", "unsure_activation"]

_BIG_VISION = (".npz", ".npy")  # Google's own files of SigLIP, which open_clip converts

_GRID, _LENGTHS = "visual.positional_embedding", ("positional_embedding", "text.positional_embedding")


@dataclass(frozen=True)
class Built:
    """A model with its weights, the configuration that it was built from, and what there is to say of it."""

    model: Any
    architecture: dict[str, Any]
    notes: tuple[str, ...]


def load_weights(
    architecture: Mapping[str, Any], weights: Path, text_config: Path | None, options: Options, *, name: str
) -> Built:
    """The model of an open_clip configuration with the weights in a file.

    Raises:
        BadWeightsError: the weights are damaged, unsafe or of another architecture.
        BadInputError: an option that this architecture does not have.
    """
    foreign = weights.suffix in _BIG_VISION
    checkpoint = Checkpoint({}) if foreign else read_checkpoint((weights,))
    parts, changed = settled(architecture, None if foreign else checkpoint, options)
    origin = (
        " (they are of a TorchScript archive, as OpenAI publishes its CLIPs)" if checkpoint.is_program else ""
    )
    if not foreign:
        numbers = sum(tensor.numel() for tensor in checkpoint.tensors.values())
        check_sizes(parts, numbers=numbers, tensors=len(checkpoint.tensors), where=weights.parent)
        check_built(partial(build, parts, text_config), numbers=numbers, where=weights.parent)
    with fitting((weights,), f"the architecture of {name}{origin}"):
        model = build(parts, text_config)
        if foreign:
            load_big_vision_weights(model, str(weights))
            return Built(model, parts, changed)
        resampled = fill(model, checkpoint)
    return Built(model, parts, (*checkpoint.notes, *changed, *resampled))


def settled(
    architecture: Mapping[str, Any], checkpoint: Checkpoint | None, options: Options
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The configuration to build: that of the files, changed by what was asked and what the weights show.

    A checkpoint with a `logit_bias` was trained with the sigmoid loss, whatever its architecture says; one
    without it was not. A program in the checkpoint says which activation it computes.

    Returns:
        The configuration, and a note on each change that nobody asked for.
    """
    parts, notes = deepcopy(dict(architecture)), []
    if options.image_size is not None:
        parts["vision_cfg"]["image_size"] = options.image_size
    if options.context_length is not None:
        parts["text_cfg"]["context_length"] = options.context_length
    quick = options.force_quick_gelu
    if quick is None and checkpoint is not None and checkpoint.quick_gelu and not parts.get("quick_gelu"):
        quick = True
        notes.append(
            "The program beside the weights computes QuickGELU, which the architecture lacks; it was "
            "switched on. force_quick_gelu=False leaves it off."
        )
    if quick is not None:
        _check_activation(parts, options)
        parts["quick_gelu"] = quick
    if checkpoint is None:
        return parts, tuple(notes)
    biased = "logit_bias" in checkpoint.tensors
    if biased and parts.get("init_logit_bias") is None:
        parts["init_logit_bias"] = 0.0
        notes.append(
            "The weights have a logit_bias, so they were trained with the sigmoid loss: pairs are scored "
            "one by one, by yes or no."
        )
    elif not biased and parts.get("init_logit_bias") is not None:
        del parts["init_logit_bias"]
        notes.append(
            "The weights have no logit_bias, which this architecture has when it is trained with the "
            "sigmoid loss; labels share one probability (softmax)."
        )
    return parts, tuple(notes)


def unsure_activation(architecture: str, weights: Path, options: Options) -> tuple[str, ...]:
    """A note where the tags of an architecture disagree on the activation, which a file does not say."""
    quick = [
        tag
        for tag in open_clip.list_pretrained_tags_by_model(architecture)
        if (open_clip.get_pretrained_cfg(architecture, tag) or {}).get("quick_gelu")
    ]
    config = open_clip.get_model_config(architecture) or {}
    if options.force_quick_gelu is not None or config.get("quick_gelu") or not quick:
        return ()
    if weights.suffix in PICKLE_SUFFIXES and is_torchscript(weights):
        return ()  # its program says it
    return (
        f"A weights file does not say its activation: GELU of {architecture} was taken. Some of its tags "
        f"({', '.join(quick[:3])}) use QuickGELU; for weights that began as theirs, load with "
        "force_quick_gelu=True.",
    )


def build(architecture: Mapping[str, Any], text_config: Path | None) -> Any:
    """The model with random weights, on the CPU in float32; no tower weights are ever downloaded."""
    parts = deepcopy(dict(architecture))
    vision, text = parts["vision_cfg"], parts["text_cfg"]
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    if text_config is not None:
        text.update(hf_model_name=str(text_config), hf_model_pretrained=False)
    kind: Any = open_clip.CLIP
    if parts.pop("custom_text", False) or text_config is not None:
        kind = open_clip.CoCa if "multimodal_cfg" in parts else open_clip.CustomTextCLIP
    return kind(**parts)


def fill(model: Any, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Give the model the checkpoint's weights, strictly; notes on the positions that had to be resampled.

    Raises:
        RuntimeError: tensors are missing, left over, or of another shape.

    Source: `open_clip.factory.load_checkpoint`, whose steps these are, for tensors that were read already.
    """
    state = convert_state_dict(model, dict(checkpoint.tensors))
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    for name in ("logit_scale", "logit_bias"):
        if name in state and getattr(model, name, None) is not None:
            state[name] = state[name].reshape(getattr(model, name).shape)  # a number, or a list of one
    state.pop("text.transformer.embeddings.position_ids", None)  # a buffer of transformers before 4.31
    own = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    for name, _ in model.named_buffers():
        if name not in own:
            state.pop(name, None)  # made anew with the model; TorchScript keeps them all the same
    state = {name: value.to(own.get(name, value.dtype)) for name, value in state.items()}
    notes = (*_resampled_grid(model, state), *_resampled_length(model, state))
    model.load_state_dict(state, strict=True)
    return notes


def _resampled_grid(model: Any, state: dict[str, Tensor]) -> tuple[str, ...]:
    before = state.get(_GRID)
    if before is None or not hasattr(model.visual, "grid_size"):
        return ()
    resize_pos_embed(state, model)
    after = state[_GRID]
    if after.shape == before.shape:
        return ()
    was, patch = isqrt(len(before) - 1), model.visual.patch_size[0]
    rows, cols = model.visual.grid_size
    return (
        f"The image tower was trained on {was} x {was} patches and reads {rows} x {cols} here: the positions "
        f"were resampled, which costs accuracy. image_size={was * patch} builds it as it was trained.",
    )


def _resampled_length(model: Any, state: dict[str, Tensor]) -> tuple[str, ...]:
    name = next((name for name in _LENGTHS if name in state), None)
    text = getattr(model, "text", model)
    if name is None or getattr(text, "positional_embedding", None) is None:
        return ()
    now = len(text.positional_embedding)
    extra = now - text.context_length  # CoCa's class token has a position of its own
    was = len(state[name]) - extra
    if len(state[name]) == now:
        return ()
    resize_text_pos_embed(state, model)
    return (
        f"The text tower was trained on {was} positions and has {now - extra} here: they were resampled, so "
        f"that every word stands elsewhere than it was trained. context_length={was} builds it as it was "
        "trained.",
    )


def _check_activation(parts: Mapping[str, Any], options: Options) -> None:
    image, text = parts["vision_cfg"].get("timm_model_name"), parts["text_cfg"].get("hf_model_name")
    if options.force_quick_gelu and image and text:
        raise BadInputError(
            f"force_quick_gelu=True was given, but both towers ({image}, {text}) are of other libraries and "
            "have activations of their own. Leave it out."
        )
