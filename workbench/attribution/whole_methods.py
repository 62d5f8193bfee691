"""Paths and perturbations of the inputs of a model explained as a whole, and the list of all its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attribution.baselines import centre_map
from workbench.attribution.case import Options
from workbench.attribution.maps import Maps, as_array
from workbench.attribution.methods import METHODS
from workbench.attribution.paths import pooled_over_cells
from workbench.attribution.perturbation import Scores, ablated, shapley
from workbench.attribution.towers import hooked
from workbench.attribution.whole import Whole
from workbench.attribution.whole_flow import attention_whole, relevance_whole, rollout_whole
from workbench.errors import BadInputError, UnsupportedError

__all__ = ["WHOLE", "why_not_whole"]

_STEPS = 32


def why_not_whole(name: str) -> str | None:
    """Why a method is not there for models explained as a whole, or None where it is."""
    if name in WHOLE:
        return None
    if METHODS[name].family == "second order":
        return "it is computed from the product of two towers, and this model is no such product"
    return "it reads the image tower of a dual encoder; models.load gives one"


def _integrated(whole: Whole, options: Options) -> Maps:
    """From a picture of one colour (from padding) to what is there; computed by captum."""
    from captum.attr import IntegratedGradients

    steps, notes = options.steps or _STEPS, []
    image = text = None
    name = _picture_input(whole)
    if name is not None:
        found, gap = IntegratedGradients(lambda given: whole.values({name: given})).attribute(
            whole.inputs[name], baselines=_filled(whole, name, options), n_steps=steps,
            internal_batch_size=options.batch_size, return_convergence_delta=True,
        )  # fmt: skip
        image = _by_patch(whole, found[0])
        notes.append(f"completeness gap {float(gap.abs().max()):.1e} at {steps} steps")
    if whole.free and "input_ids" in whole.inputs:
        text = _integrated_words(whole, options, steps)
    whole.backwards += steps * ((image is not None) + (text is not None))
    return Maps(image, text, notes=tuple(notes))


def _integrated_words(whole: Whole, options: Options, steps: int) -> NDArray:
    """The same for the words' rows of the embedding table, from the row of padding."""
    from captum.attr import IntegratedGradients

    ids, table = whole.inputs["input_ids"], _table(whole)
    empty = ids.clone()
    empty[0, [whole.places[place] for place in whole.free]] = _padding(whole)

    def values(rows: Tensor) -> Tensor:
        # A copy, for some models add positions in place, which a leaf of the graph does not allow.
        with hooked(table, lambda _: rows.clone()):
            return whole.values({"input_ids": ids.expand(len(rows), -1)})

    with torch.no_grad():
        given, blank = table(ids), table(empty)
    found = IntegratedGradients(values).attribute(
        given, baselines=blank, n_steps=steps, internal_batch_size=options.batch_size
    )
    return as_array(found[0].sum(dim=-1))[list(whole.places)]


def _perturbed(explain: Callable[[Scores, int, Options], NDArray]) -> Callable[[Whole, Options], Maps]:
    def maps(whole: Whole, options: Options) -> Maps:
        image = text = None
        name = _picture_input(whole)
        if name is not None and whole.patches is not None:
            rows, cols = whole.patches
            scores = _scores(whole, options, lambda keep: {name: _kept_patches(whole, name, keep, options)})
            image = explain(scores, rows * cols, options).reshape(rows, cols)
        if whole.free:
            scores = _scores(whole, options, lambda keep: {"attention_mask": _kept_words(whole, keep)})
            text = np.zeros(len(whole.tokens))
            text[list(whole.free)] = explain(scores, len(whole.free), options)
        return Maps(image, text)

    return maps


def _random(whole: Whole, options: Options) -> Maps:
    chance = np.random.default_rng(options.seed)
    image = None if whole.patches is None else chance.random(whole.patches)
    return Maps(image, chance.random(len(whole.tokens)) if whole.tokens else None)


def _centre(whole: Whole, options: Options) -> Maps:
    if whole.patches is None:
        raise UnsupportedError("This model sees no picture, so there is no centre.")
    return Maps(centre_map(whole.patches))


def _scores(whole: Whole, options: Options, changed: Callable[[Tensor], Mapping[str, Tensor]]) -> Scores:
    """A function of `keep` (item x player) that gives the number of each item, in batches."""

    def scores(keep: NDArray) -> NDArray:
        parts, size = [], max(1, options.batch_size)
        for begin in range(0, len(keep), size):
            whole.tell("changed inputs", begin, len(keep))
            with torch.no_grad():
                given = changed(torch.from_numpy(np.array(keep[begin : begin + size], np.float32)))
                parts.append(whole.values(given).double().cpu().numpy())
        return np.concatenate(parts)

    return scores


def _kept_patches(whole: Whole, name: str, keep: Tensor, options: Options) -> Tensor:
    given, filled = whole.inputs[name], _filled(whole, name, options)
    keep = keep.to(given.device, given.dtype)
    if given.ndim == 3:  # regions of a detector
        share = keep[:, :, None]
    else:
        (rows, cols), (height, width) = whole.patches or (1, 1), given.shape[-2:]
        by_row, by_col = torch.arange(height) * rows // height, torch.arange(width) * cols // width
        share = keep.reshape(-1, rows, cols)[:, by_row][:, :, by_col]
        share = share.reshape(len(keep), *[1] * (given.ndim - 3), height, width)
    return given * share + filled * (1 - share)


def _kept_words(whole: Whole, keep: Tensor) -> Tensor:
    """The attention mask without the words whose `keep` is 0: nobody reads them."""
    ids = whole.inputs["input_ids"]
    mask = whole.inputs.get("attention_mask", torch.ones_like(ids)).expand(len(keep), -1).clone()
    where = [whole.places[place] for place in whole.free]
    mask[:, where] = mask[:, where] * keep.to(mask.device, mask.dtype)
    return mask


def _filled(whole: Whole, name: str, options: Options) -> Tensor:
    if options.fill != "mean":
        raise BadInputError(
            f"fill is {options.fill!r}; a model given its processor's tensors knows no white and no black. "
            "Leave fill at 'mean'."
        )
    given = whole.inputs[name]
    return given.mean(dim=1 if given.ndim == 3 else (-2, -1), keepdim=True).expand_as(given)


def _by_patch(whole: Whole, values: Tensor) -> NDArray:
    if values.ndim == 2:
        return as_array(values.sum(dim=-1))[None]
    return pooled_over_cells(as_array(values.flatten(0, -3)), whole.patches or (1, 1))


def _picture_input(whole: Whole) -> str | None:
    return next((name for name in ("pixel_values", "visual_feats") if name in whole.inputs), None)


def _padding(whole: Whole) -> int:
    config = getattr(whole.model, "config", None)
    for part in (config, getattr(config, "text_config", None)):
        found = getattr(part, "pad_token_id", None)
        if found is not None:
            return int(found)
    return 0


def _table(whole: Whole) -> nn.Module:
    """The table in which the token ids are looked up."""
    ids, found = whole.inputs["input_ids"], []

    def note(module: nn.Module, args: tuple, _: Tensor) -> None:
        if args and isinstance(args[0], Tensor) and torch.equal(args[0], ids):
            found.append(module)

    tables = [module for module in whole.model.modules() if isinstance(module, nn.Embedding)]
    handles = [table.register_forward_hook(note) for table in tables]
    try:
        with torch.no_grad():
            whole.values({"input_ids": ids})
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise UnsupportedError(
            "Its token ids are not looked up in a table, so words have no gradient. Take 'occlusion'."
        )
    return found[0]


WHOLE: Mapping[str, Callable[[Whole, Options], Maps]] = {
    "attention": attention_whole,
    "rollout": rollout_whole,
    "relevance": relevance_whole,
    "integrated-gradients": _integrated,
    "kernel-shap": _perturbed(shapley),
    "occlusion": _perturbed(ablated),
    "random": _random,
    "centre": _centre,
}
"""Method -> what computes it. The others belong to the image tower of a dual encoder."""
