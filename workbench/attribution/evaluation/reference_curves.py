"""What a map's curves are held against: the masked pictures that no map decides, encoded once.

The whole picture, the empty one, the patches by nearness to the centre and the patches in random orders are
the same for every method, target and curve. Their vectors are kept in memory, under the model as it is, the
picture and the protocol, so that a second map on the same pair costs its own masked pictures alone.

A random order read from its other end is a random order too. So the pictures that random maps show in an
insertion are those that they leave in a deletion, and both curves come from the same vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.attribution.evaluation.faithfulness_result import Protocol
from workbench.attribution.explained.dual_encoder import ExplainedPair
from workbench.attribution.methods.baselines import centre_map, random_map
from workbench.cache import VectorMemory, digest
from workbench.data.pairs import Pair
from workbench.devices import coarse_products
from workbench.hooks import hooks_of_others_so_far

__all__ = [
    "References",
    "curve_counts",
    "encoded",
    "masks_of",
    "patch_order",
    "references",
    "shared_forwards",
    "target_of",
]

Grid = tuple[int, int]
_memory = VectorMemory(limit_mb=64)


class References:
    """The target's value for the pictures that no map decides.

    Attributes:
        whole, empty: of the picture as it is, and with every patch removed.

    Args:
        values: one for each of the masks, in their order.
    """

    def __init__(self, values: NDArray[np.float64], grid: Grid, protocol: Protocol) -> None:
        inner, self._sizes = _sizes(grid, protocol)
        self._patches, self._inner = grid[0] * grid[1], inner
        self.whole, self.empty = float(values[0]), float(values[1])
        centre, rest = np.split(values[2:], [2 * len(inner)])
        self._centre = dict(zip(("insertion", "deletion"), centre.reshape(2, len(inner)), strict=True))
        self._random = rest.reshape(protocol.baselines, len(self._sizes))

    def centre(self, name: str) -> NDArray[np.float64]:
        """step: the curve `name` of "nearest to the centre first"; both ends included."""
        return self.with_ends(name, self._centre[name][None])[0]

    def random(self, name: str) -> NDArray[np.float64]:
        """baseline x step: the curve `name` of random orders; both ends included."""
        shown = self._inner if name == "insertion" else self._patches - self._inner
        places = [self._sizes.index(int(count)) for count in shown]
        return self.with_ends(name, self._random[:, places])

    def with_ends(self, name: str, inner: NDArray[np.float64]) -> NDArray[np.float64]:
        """line x step: the whole and the empty picture put where the curve begins and ends."""
        first, last = (self.empty, self.whole) if name == "insertion" else (self.whole, self.empty)
        rows = len(inner)
        return np.hstack([np.full((rows, 1), first), inner, np.full((rows, 1), last)])


def references(
    explained: ExplainedPair, pair: Pair, grid: Grid, protocol: Protocol, batch_size: int
) -> References:
    """Encoded now, or kept from a map on the same pair; nothing is kept while hooks of others stand about."""
    key, strangers = _key(explained.model, pair, grid, protocol), hooks_of_others_so_far()
    found = _memory.get(key) if key else None
    if found is None:
        found = encoded(explained, _masks(grid, protocol), protocol, "random and centre pictures", batch_size)
        if (
            key
            and key == _key(explained.model, pair, grid, protocol)
            and strangers == hooks_of_others_so_far()
        ):
            _memory.put(key, found)
    return References(target_of(explained, found), grid, protocol)


def shared_forwards(model: Any, pair: Pair | None, grid: Grid, protocol: Protocol) -> int:
    """Pictures that `references` will encode: none where they are kept."""
    key = _key(model, pair, grid, protocol) if model is not None and pair is not None else ""
    if key and _memory.get(key) is not None:
        return 0
    inner, sizes = _sizes(grid, protocol)
    return 2 + 2 * len(inner) + protocol.baselines * len(sizes)


def encoded(
    explained: ExplainedPair,
    masks: Sequence[NDArray[np.bool_]],
    protocol: Protocol,
    stage: str,
    batch_size: int,
) -> NDArray[Any]:
    """mask x feature: the picture with only the patches in each mask, encoded."""
    filled = explained.filled(protocol.fill)

    def encode(rows: list[NDArray]) -> NDArray:
        with torch.no_grad():
            features = explained.image_features(explained.masked_pixels(np.stack(rows), filled))
            return _at_least_float32(features).cpu().numpy()

    return explained.many(encode, masks, stage, batch_size)


def target_of(explained: ExplainedPair, features: NDArray[Any]) -> NDArray[np.float64]:
    """The target for each row of `encoded`."""
    with torch.no_grad():
        return explained.value(torch.tensor(features, device=explained.texts.device)).double().cpu().numpy()


def masks_of(order: NDArray[np.int64], grid: Grid, counts: Sequence[int]) -> list[NDArray[np.bool_]]:
    """For each count, row x col: the patches shown when the first so many of `order` are."""
    found = []
    for count in counts:
        shown = np.zeros(grid[0] * grid[1], dtype=bool)
        shown[order[:count]] = True
        found.append(shown.reshape(grid))
    return found


def patch_order(values: NDArray) -> NDArray[np.int64]:
    """Patches by importance, the most important first."""
    return np.argsort(-values.ravel(), kind="stable")


def curve_counts(grid: Grid, protocol: Protocol) -> NDArray[np.int64]:
    """step: how many patches are removed or shown, from none to all."""
    return np.linspace(0, grid[0] * grid[1], protocol.steps + 1).round().astype(int)


def _sizes(grid: Grid, protocol: Protocol) -> tuple[NDArray[np.int64], list[int]]:
    """Patches at the inner steps of a curve, and every number of patches that one of the curves shows."""
    inner = curve_counts(grid, protocol)[1:-1]
    return inner, sorted({*inner.tolist(), *(grid[0] * grid[1] - inner).tolist()})


def _masks(grid: Grid, protocol: Protocol) -> list[NDArray[np.bool_]]:
    """In the order in which `References` reads them."""
    inner, sizes = _sizes(grid, protocol)
    nearest = patch_order(centre_map(grid))
    found = [np.ones(grid, dtype=bool), np.zeros(grid, dtype=bool)]
    found += masks_of(nearest, grid, inner.tolist())
    found += [~mask for mask in masks_of(nearest, grid, inner.tolist())]
    for baseline in range(protocol.baselines):
        found += masks_of(patch_order(random_map(grid, protocol.seed + baseline)), grid, sizes)
    return found


def _key(model: Any, pair: Pair, grid: Grid, protocol: Protocol) -> str:
    """What the vectors belong to; "" while that has no name."""
    if not pair.key or not getattr(model, "keepable", True):
        return ""
    held = (model.weights_hash, model.precision + coarse_products(), model.preprocessing_hash, pair.key)
    return digest("masked pictures", *held, list(grid), vars(protocol))


def _at_least_float32(features: Tensor) -> Tensor:
    return features if features.dtype == torch.float64 else features.float()
