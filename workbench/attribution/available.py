"""Which methods explain a model, and why the others do not."""

from __future__ import annotations

from typing import Any

from torch import nn

from workbench.attribution.explained.image_tower import why_not
from workbench.attribution.method_interface import MethodCard
from workbench.attribution.methods.registry import METHODS
from workbench.calling import verb
from workbench.models.given import as_model

__all__ = ["available_methods"]


@verb
def available_methods(model: Any) -> dict[str, str | None]:
    """Every method by name, those that `register_method` has added included.

    Nothing is explained for it; a dual encoder is asked once with a grey picture whether its attention spans
    all patches.

    Args:
        model: what `attribute` would be given: a dual encoder or its name, or any other model.

    Returns:
        name -> None where the method explains this model, else why it does not.

    Raises:
        UnknownNameError: no model of this name.
        BadInputError: no model.

    Example:
        >>> from workbench import attribution
        >>> reasons = attribution.available_methods("emoji-clip")
        >>> reasons["legrad"] is None
        True
    """
    model = as_model(model)
    if isinstance(model, nn.Module):
        return {name: _needs_towers(card) for name, card in METHODS.items()}
    return {name: why_not(model, card) for name, card in METHODS.items()}


def _needs_towers(card: MethodCard) -> str | None:
    if "towers" not in card.needs:
        return None
    if card.family == "second order":
        return "it is computed from the product of two towers, and this model is no such product"
    return "it reads the image tower of a dual encoder; models.load gives one"
