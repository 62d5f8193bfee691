"""What stands in front of an answer, and the same with an answer behind it: where families differ."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.families import PICTURE_TOKENS, PLACED
from workbench.errors import BadInputError, UnsupportedError
from workbench.models.writer import ROLES

__all__ = [
    "accepted", "answered", "context_of", "encoder_context_of", "encodes", "first_row", "handed_to_generate",
    "is_blip_vqa", "kind", "picture_tokens", "roles_of", "sees", "settled", "written_name",
]  # fmt: skip

_PICTURES = ("pixel_values", "flattened_patches", "image_patches", "visual_feats")
_OWN_START = ("donut", "whisper")  # their prompt is the beginning of the decoder's text


def kind(module: Any) -> str:
    """`model_type` of the configuration."""
    return str(getattr(module.config, "model_type", ""))


def is_blip(module: Any) -> bool:
    """BLIP's captioner, whose `generate` drops the last token of its prompt and writes over the first."""
    return kind(module) == "blip" and not is_blip_vqa(module)


def is_blip_vqa(module: Any) -> bool:
    """BLIP's answerer: its decoder reads the question's encoding, and begins with one mark, always."""
    return kind(module) == "blip" and hasattr(module, "text_encoder")


def encodes(module: Any) -> bool:
    """Whether a text of its own is written by a decoder that reads an encoder's output."""
    configs = [module.config, module.config.get_text_config(decoder=True)]
    inner = getattr(module, "language_model", None)
    configs += [inner.config] if inner is not None and hasattr(inner, "config") else []
    return is_blip_vqa(module) or any(getattr(one, "is_encoder_decoder", False) for one in configs)


def sees(module: nn.Module) -> bool:
    """Whether it takes a picture."""
    return any(name in _parameters(module) for name in _PICTURES)


def picture_tokens(module: Any) -> tuple[int, ...]:
    """Ids that stand in the text where the model reads a part of a picture."""
    found = [getattr(module.config, name, None) for name in PICTURE_TOKENS]
    return tuple(dict.fromkeys(one for one in found if isinstance(one, int)))


def context_of(module: Any) -> int | None:
    """Positions of the text that it writes, the prompt included; None where it names no limit."""
    config = module.config.get_text_config(decoder=True)
    limit = getattr(config, "max_position_embeddings", None)
    return int(limit) if isinstance(limit, int) and limit > 0 else None


def encoder_context_of(module: Any) -> int | None:
    """Positions of the text that an encoder-decoder encodes; None without a limit, or without such a text."""
    if not encodes(module):
        return None
    limit = getattr(module.config.get_text_config(encoder=True), "max_position_embeddings", None)
    return int(limit) if isinstance(limit, int) and limit > 0 else None


def accepted(module: nn.Module, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a processor's tensors that the model takes: some tokenisers add more."""
    known = _parameters(module)
    return {name: value for name, value in tensors.items() if name in known and name != "labels"}


def settled(module: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The model's inputs with the ids in front of the answer spelled out, as it reads them."""
    made = dict(tensors)
    name = written_name(module)
    if is_blip_vqa(module):
        made[name] = _ids(module, [module.decoder_start_token_id])
        return made
    if name == "decoder_input_ids":
        made[name] = _started(module, made.get(name), made)
        return made
    ids = made.get(name)
    if is_blip(module):
        text = module.config.text_config
        first = _ids(module, [text.bos_token_id])
        made[name] = first if ids is None else torch.cat([first, ids[:, 1:-1]], dim=1)
        if "attention_mask" in made:
            made["attention_mask"] = made["attention_mask"][:, : made[name].shape[1]]
    elif ids is None or not ids.shape[1]:
        begin = _setting(module, "bos_token_id")
        if begin is None:
            raise UnsupportedError(f"{type(module).__name__} has no mark to begin a text with: give a prompt")
        made[name] = _ids(module, [begin])
        made["attention_mask"] = torch.ones_like(made[name])
    return made


def written_name(module: Any) -> str:
    """The input that holds what was written so far."""
    return "decoder_input_ids" if encodes(module) else "input_ids"


def answered(module: Any, tensors: Mapping[str, Tensor], answer: Sequence[int]) -> dict[str, Tensor]:
    """The inputs with an answer behind the question: masks, types and positions go on as in generation.

    The library's own step brings them up to date (PaliGemma's new tokens are a suffix, Gemma's are words).

    Raises:
        BadInputError: the answer holds the mark of a picture, which would be read as one.
    """
    name = written_name(module)
    pictures = set(picture_tokens(module)) & {int(token) for token in answer}
    if pictures and not encodes(module):
        raise BadInputError(
            f"The answer holds token {min(pictures)}, at which {type(module).__name__} reads a part of a "
            "picture, and none belongs to it. Leave that token out."
        )
    before = tensors[name].shape[1]
    named: dict[str, Any] = {key: value for key, value in tensors.items() if key != name}
    for _ in answer:
        named = module._update_model_kwargs_for_generation({}, named, is_encoder_decoder=encodes(module))
    for key in PLACED:
        if key in named and named[key].shape[-1] == before:
            named[key] = torch.cat([named[key], named[key].new_zeros(1, len(answer))], dim=-1)
    new = torch.tensor([[int(token) for token in answer]], dtype=torch.long, device=tensors[name].device)
    return {**named, name: torch.cat([tensors[name], new.reshape(1, -1)], dim=-1)}


def handed_to_generate(module: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inputs as `generate` is to be given them, so that the model reads `tensors`."""
    if is_blip_vqa(module):
        return {name: value for name, value in tensors.items() if name != "decoder_input_ids"}
    if not is_blip(module):
        return dict(tensors)
    longer = dict(tensors)
    for name in ("input_ids", "attention_mask"):  # it drops the last
        if name in longer:
            longer[name] = torch.cat([longer[name], longer[name][:, -1:]], dim=1)
    return longer


def first_row(module: Any, tensors: Mapping[str, Tensor]) -> int:
    """Row of the output's logits that gives the first token of the answer.

    GIT's picture stands in front of the text in its sequence, and in its logits.
    """
    before = tensors[written_name(module)].shape[1] - 1
    if kind(module) == "git" and "pixel_values" in tensors:
        before += int(module.git.encoder.layer[0].attention.self.image_patch_tokens)
    return before


def roles_of(module: Any, tensors: Mapping[str, Tensor], words: tuple[int, int] | None) -> NDArray[np.uint8]:
    """What each position in front of the answer is.

    Args:
        words: the range of the user's words, counted from the end where negative; None where they do not
            stand there.
    """
    ids = tensors[written_name(module)][0].cpu().numpy()
    roles = np.full(len(ids), ROLES.index("frame"), np.uint8)
    if words is not None:
        roles[words[0] : words[1] or None] = ROLES.index("instruction")
    if not encodes(module):
        roles[np.isin(ids, picture_tokens(module))] = ROLES.index("picture")
        for name in PLACED:
            if name in tensors:
                roles[tensors[name][0].cpu().numpy()[: len(ids)] > 0] = ROLES.index("picture")
    return roles


def _started(module: Any, given: Tensor | None, tensors: Mapping[str, Tensor]) -> Tensor:
    """The decoder's own beginning, its start mark in front as `generate` puts it there."""
    start = next(
        (one for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id")
         if (one := _setting(module, name)) is not None), 0,
    )  # fmt: skip
    if given is None or not given.shape[1]:
        return _ids(module, [start])
    own = any(
        name in kind(module) + str(getattr(module.config, "encoder", "")).lower() for name in _OWN_START
    )
    if own or int(given[0, 0]) == start:
        return given
    return torch.cat([torch.full_like(given[:, :1], start), given], dim=1)


def _setting(module: Any, name: str) -> int | None:
    """A token's id from `generation_config`, of the part that writes where it has its own."""
    inner = getattr(module, "language_model", None) or getattr(module, "text_decoder", None)
    owners = [inner, module] if hasattr(inner, "generation_config") else [module]
    for owner in owners:
        for settings in (
            getattr(owner, "generation_config", None),
            owner.config.get_text_config(decoder=True),
        ):
            value = getattr(settings, name, None)
            value = value[0] if isinstance(value, list | tuple) and value else value
            if isinstance(value, int):
                return value
    return None


def _ids(module: Any, ids: Sequence[int]) -> Tensor:
    return torch.tensor([list(ids)], dtype=torch.long, device=module.device)


def _parameters(module: nn.Module) -> set[str]:
    found = set(inspect.signature(module.forward).parameters)
    prepare = getattr(module, "prepare_inputs_for_generation", None)
    return found | (set(inspect.signature(prepare).parameters) if prepare else set())
