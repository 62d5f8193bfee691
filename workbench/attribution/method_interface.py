"""What a method is, is given, and gives back: its card, its options, and raw arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadInputError

__all__ = ["Maps", "MethodCard", "Need", "Options", "as_array", "pick_layer"]

Need = Literal["attention", "gradients", "features", "towers"]


@dataclass(frozen=True)
class MethodCard:
    """A method in one row: what it explains, what it needs of a model, and what it cannot tell.

    Attributes:
        name: what `attribute` takes.
        title: what a reader calls it.
        family: "attention", "gradient x attention", "class activation", "path", "perturbation",
            "second order" or "baseline"; of a method of your own any word.
        sides: what it maps: "image", "text" or both.
        needs: "attention" (of the image tower), "gradients", "features" (a grid of image features), "towers"
            (the two towers of a dual encoder; a method without it explains every other model too).
        signed: whether its values may be negative, which then means "speaks against".
        blind_to: one sentence: what it cannot tell.
        source: paper and year.
        order: 2 where it gives importance to pairs of word and patch.
        uses_target: False where the map is the same for every text: then it explains the tower, no score.

    Example:
        >>> from workbench.attribution import method_card
        >>> card = method_card("legrad")
        >>> card.title, card.signed, card.sides
        ('LeGrad', False, ('image',))
    """

    name: str
    title: str
    family: str
    sides: tuple[str, ...]
    needs: tuple[Need, ...]
    signed: bool
    blind_to: str
    source: str
    order: int = 1
    uses_target: bool = True


@dataclass(frozen=True)
class Options:
    """What a method can be told; None is the method's own default.

    Attributes:
        layer: the one layer that is read, from 0; negative ones count from the end.
        start_layer: the first of several.
        steps: of an integral.
        samples: of an estimate.
        fill: what stands in a removed patch: "mean", "blur", "white" or "black".
        seed: of what is random.
        batch_size: items in one pass, where a method takes many.

    Raises:
        BadInputError: a number of steps or samples, a batch size or a seed that is none, before any work.
    """

    layer: int | None = None
    start_layer: int | None = None
    steps: int | None = None
    samples: int | None = None
    fill: str = "mean"
    seed: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("samples", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is None and name in ("steps", "samples"):
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise BadInputError(
                    f"{name}={value!r} was given; expected a whole number of at least {least}."
                )

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for and is not the default; the seed is recorded by itself."""
        usual = Options()
        names = ("layer", "start_layer", "steps", "samples", "fill")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}


@dataclass(frozen=True)
class Maps:
    """What a method gives: raw arrays, before they are dressed as a `Heatmap`. What it does not map is None.

    Shapes:
        image: row x col of the cells of the picture
        text: token, one for each of the explained text's tokens
        pairs: token x row x col, of second-order methods

    Attributes:
        layer: the one layer that was read; `start_layer` the first of several.
        start_layer: None where a method reads no layers.
        notes: what the reader must know.

    Example:
        >>> import numpy as np
        >>> from workbench.attribution import Maps
        >>> Maps(image=np.ones((2, 3))).text is None
        True
    """

    image: NDArray[np.floating] | None = None
    text: NDArray[np.floating] | None = None
    pairs: NDArray[np.floating] | None = None
    layer: int | None = None
    start_layer: int | None = None
    notes: tuple[str, ...] = ()


def as_array(values: Any) -> NDArray[np.floating]:
    """The values of a tensor outside the graph, in float32 or wider."""
    values = values.detach().cpu()
    return (values if values.element_size() > 4 else values.float()).numpy()


def pick_layer(layer: int | None, count: int, *, default: int = -1, called: str = "layer") -> int:
    """A layer from 0 to count - 1; negative ones count from the end.

    Raises:
        BadInputError: there is no such layer.
    """
    chosen = default if layer is None else layer
    if isinstance(chosen, bool) or not isinstance(chosen, int) or not -count <= chosen < count:
        raise BadInputError(
            f"{called}={layer!r} was given; this tower has {count} layers, 0 to {count - 1} "
            f"(or -{count} to -1 from the end)."
        )
    return chosen % count
