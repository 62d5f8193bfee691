"""Which methods explain a model, and why the others do not."""

from __future__ import annotations

from typing import Any

from torch import nn

from workbench.attribution.methods import METHODS
from workbench.attribution.towers import why_not
from workbench.attribution.whole_methods import why_not_whole
from workbench.calling import verb
from workbench.models.given import as_model

__all__ = ["available_methods"]


@verb
def available_methods(model: Any) -> dict[str, str | None]:
    """Every method by name: None where it explains this model, else the reason why it does not."""
    model = as_model(model)
    if isinstance(model, nn.Module):
        return {name: why_not_whole(name) for name in METHODS}
    return {name: why_not(model, card) for name, card in METHODS.items()}
