"""What a method hands to `attribute`: bare arrays, before they are dressed as a `Heatmap`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Maps", "as_array"]


@dataclass(frozen=True)
class Maps:
    """Values of patches (row x col), of tokens, of their pairs (token x row x col), and what was read."""

    image: NDArray[np.floating] | None = None
    text: NDArray[np.floating] | None = None
    pairs: NDArray[np.floating] | None = None
    layer: int | None = None
    start_layer: int | None = None
    notes: tuple[str, ...] = ()


def as_array(values: Tensor) -> NDArray[np.floating]:
    """The values outside the graph, in float32 or wider."""
    values = values.detach().cpu()
    return (values if values.element_size() > 4 else values.float()).numpy()
