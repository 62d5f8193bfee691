"""Random numbers that a model draws in a pass, given again in the next, for this thread alone.

A masked autoencoder hides other patches in each pass, so two passes would be of two inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from workbench.hooks import stand_in

__all__ = ["Draws"]

_DRAWING = ("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli")


class Draws:
    """What torch's functions drew in one pass, in order."""

    def __init__(self) -> None:
        self._drawn: list[tuple[str, Tensor]] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of a pass in which something was drawn."""
        if not self._drawn:
            return ()
        names = ", ".join(f"torch.{name}" for name in sorted({name for name, _ in self._drawn}))
        return (
            f"The model draws random numbers in each pass ({names}): this is what one draw gave. Where the "
            "model takes them as an argument (a masked autoencoder's noise=), give it to choose them.",
        )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Remember what is drawn inside."""
        self._drawn.clear()

        def draw(name: str, whole: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
            drawn = whole(*args, **kwargs)
            self._drawn.append((name, drawn.detach().clone()))
            return drawn

        with self._answered(draw):
            yield

    @contextmanager
    def again(self) -> Iterator[None]:
        """Give the same numbers inside, as long as the same is drawn in the same order."""
        left = iter(self._drawn)

        def draw(name: str, whole: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
            fresh = whole(*args, **kwargs)
            before, kept = next(left, ("", fresh))
            same = before == name and kept.shape == fresh.shape and kept.dtype == fresh.dtype
            return kept.to(fresh.device, copy=True) if same else fresh

        with self._answered(draw):
            yield

    @contextmanager
    def _answered(self, draw: Callable[..., Tensor]) -> Iterator[None]:
        with ExitStack() as stack:
            for name in _DRAWING:
                stack.enter_context(
                    stand_in(
                        torch,
                        name,
                        lambda whole, *args, _name=name, **kwargs: draw(_name, whole, *args, **kwargs),
                    )
                )
            yield
