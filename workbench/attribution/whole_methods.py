"""Paths and perturbations of the inputs of a model explained as a whole, and the list of all its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.blocks import embedding_table
from workbench.attribution.baselines import centre_map
from workbench.attribution.case import Options
from workbench.attribution.maps import Maps, as_array
from workbench.attribution.methods import METHODS
from workbench.attribution.perturbation import Scores, ablated, shapley
from workbench.attribution.whole import Whole
from workbench.attribution.whole_flow import attention_whole, relevance_whole, rollout_whole
from workbench.attribution.whole_picture import Picture
from workbench.errors import BadInputError, UnsupportedError
from workbench.hooks import output_changed

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
    picture = _picture(whole, options)
    if picture is not None:
        name = picture.name

        def number(pixels: Tensor) -> Tensor:
            # Pixels that the model cuts off from its number have no gradient, which is 0 and no error.
            return whole.values({name: pixels}) + 0 * pixels.flatten(1).sum(dim=1)

        found, gap = IntegratedGradients(number).attribute(
            picture.given, baselines=picture.filled, n_steps=steps,
            internal_batch_size=options.batch_size, return_convergence_delta=True,
        )  # fmt: skip
        image = picture.summed(found[0])
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
    empty[0, [whole.places[place] for place in whole.free]] = _padding(whole, table)

    def values(rows: Tensor) -> Tensor:
        # A copy, for some models add positions in place, which a leaf of the graph does not allow.
        with output_changed(table, lambda _: rows.clone()):
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
        picture = _picture(whole, options)
        if picture is not None and picture.grid is not None:
            rows, cols = picture.grid
            scores = _scores(whole, options, lambda keep: {picture.name: picture.kept(keep)})
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
        raise UnsupportedError(
            "This model sees no picture, or several, so there is no centre." if whole.seen is None
            else f"There is {whole.without_picture}."
        )  # fmt: skip
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


def _kept_words(whole: Whole, keep: Tensor) -> Tensor:
    """The attention mask without the words whose `keep` is 0: nobody reads them."""
    ids = whole.inputs["input_ids"]
    mask = whole.inputs.get("attention_mask", torch.ones_like(ids)).expand(len(keep), -1).clone()
    where = [whole.places[place] for place in whole.free]
    mask[:, where] = mask[:, where] * keep.to(mask.device, mask.dtype)
    return mask


def _picture(whole: Whole, options: Options) -> Picture | None:
    """The picture, where it has cells to be told apart."""
    if options.fill != "mean" and whole.seen is not None:
        raise BadInputError(
            f"fill is {options.fill!r}; a model given its processor's tensors knows no white and no black. "
            "Leave fill at 'mean'."
        )
    return whole.seen if whole.patches is not None else None


def _padding(whole: Whole, table: nn.Module) -> int:
    """The id of padding; 0 where none is said, or one that the table does not hold."""
    config = getattr(whole.model, "config", None)
    for part in (config, getattr(config, "text_config", None)):
        found = getattr(part, "pad_token_id", None)
        if found is not None and 0 <= int(found) < getattr(table, "num_embeddings", int(found) + 1):
            return int(found)
    return 0


def _table(whole: Whole) -> nn.Module:
    """The table in which the token ids are looked up."""
    ids = whole.inputs["input_ids"]
    table = embedding_table(whole.model, ids, lambda: whole.values({"input_ids": ids}))
    if table is None:
        raise UnsupportedError(
            "Its token ids are not looked up in a table, so words have no gradient. Take 'occlusion'."
        )
    return table


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
