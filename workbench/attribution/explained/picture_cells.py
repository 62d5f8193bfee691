"""The picture of a model explained as a whole: its cells, and which token holds which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workbench.attention.blocks import given_first
from workbench.attention.subject import is_image
from workbench.attribution.explained.masking import default_cells
from workbench.attribution.method_interface import as_array
from workbench.hooks import hooked, stand_in

__all__ = ["PICTURE", "Picture", "cells_of_tokens", "picture_among", "picture_of_pair", "pooled_over_cells"]

PICTURE = "pixel_values"
"""What the input that holds the picture is called here, whatever the model calls it."""
_NAMES = (PICTURE, "flattened_patches", "visual_feats")


class Picture:
    """The input that holds the picture.

    Attributes:
        name: of the input. grid: rows and columns of its cells, or None; `why` there is none.
        owner: for a picture given as a list of patches, the cell of each (-1 for padding); else None.
        fixed: leading values of a patch that say where it lies, and are not the picture's.
    """

    def __init__(
        self,
        name: str,
        given: Tensor,
        grid: tuple[int, int] | None,
        owner: Tensor | None,
        why: str,
        fixed: int = 0,
    ) -> None:
        self.name, self.given, self.grid, self.owner, self.why, self.fixed = (
            name,
            given,
            grid,
            owner,
            why,
            fixed,
        )

    @property
    def filled(self) -> Tensor:
        """The picture of one colour: each channel's mean."""
        if self.owner is None:
            return self.given.mean(dim=(-2, -1), keepdim=True).expand_as(self.given)
        real = self.owner >= 0
        mean = self.given[:, real].mean(dim=1, keepdim=True).expand_as(self.given)
        return torch.where(self._is_picture, mean, self.given)

    def share(self, keep: Tensor, grid: tuple[int, int]) -> Tensor:
        """item x cell of a grid, 0 to 1, as a factor of the input."""
        given, keep = self.given, keep.to(self.given.device, self.given.dtype)
        if self.owner is not None:
            padded = torch.cat([keep, torch.ones(len(keep), 1).to(keep)], dim=1)  # -1: what is no cell stays
            share = padded[:, self.owner][:, :, None].expand(-1, -1, given.shape[-1])
            return torch.where(self._is_picture, share, torch.ones_like(share))
        (rows, cols), (height, width) = grid, given.shape[-2:]
        by_row, by_col = torch.arange(height) * rows // height, torch.arange(width) * cols // width
        share = keep.reshape(-1, rows, cols)[:, by_row][:, :, by_col]
        return share.reshape(len(keep), *[1] * (given.ndim - 3), height, width)

    def kept(self, keep: Tensor, filled: Tensor | None = None) -> Tensor:
        """The picture with only the cells in `keep` (item x cell), the others as in `filled`."""
        assert self.grid is not None  # asked for a picture with cells only
        share = self.share(keep, self.grid)
        return self.given * share + (self.filled if filled is None else filled) * (1 - share)

    def summed(self, values: Tensor) -> NDArray:
        """Values of the input's numbers, summed by cell: row x col."""
        assert self.grid is not None  # asked for a picture with cells only
        if self.owner is None:
            return pooled_over_cells(as_array(values.flatten(0, -3)), self.grid)
        made = torch.zeros(self.grid[0] * self.grid[1] + 1).to(values)
        made.index_add_(0, self.owner % len(made), values[:, self.fixed :].sum(dim=-1))
        return as_array(made[:-1].reshape(self.grid))

    @property
    def _is_picture(self) -> Tensor:
        assert self.owner is not None  # asked for lists of patches only
        real = (self.owner >= 0)[None, :, None].expand_as(self.given).clone()
        real[..., : self.fixed] = False
        return real


def picture_among(
    inputs: Mapping[str, Tensor], config: Any, of_sites: tuple[int, int] | None, kept: int | None
) -> Picture | None:
    """The picture among the inputs, or None.

    Args:
        of_sites: the grid that the attention over the picture has, where it has one.
        kept: side of a patch of a masked autoencoder, which attends to some patches only.
    """
    name = next((one for one in _NAMES if one in inputs), None)
    if name is None:
        return None
    given = inputs[name]
    if given.ndim == 3:
        return _listed(name, given, inputs, config)
    pieces = int(np.prod(given.shape[1:-3], dtype=int))
    if given.ndim < 4 or pieces > 1:
        return Picture(
            name, given, None, None,
            f"it was given as {pieces} tiles (or pictures), which lie on no one grid",
        )  # fmt: skip
    height, width = given.shape[-2:]
    if kept is not None:
        of_sites = height // kept, width // kept
    return Picture(name, given, of_sites or default_cells(height, width), None, "")


def picture_of_pair(pixels: Tensor, grid: tuple[int, int]) -> Picture:
    """The picture of a dual encoder, whose cells are known: pixels, or packed patches row by row."""
    if pixels.ndim == 4:
        return Picture(PICTURE, pixels, grid, None, "")
    order = torch.arange(pixels.shape[1], device=pixels.device)
    return Picture(PICTURE, pixels, grid, torch.where(order < grid[0] * grid[1], order, -1), "")


def pooled_over_cells(values: NDArray[np.floating], grid: tuple[int, int]) -> NDArray[np.floating]:
    """channel x row x col summed within cells; nothing is lost, whatever the sizes."""
    rows, cols = grid
    height, width = values.shape[1:]
    by_row, by_col = np.arange(height) * rows // height, np.arange(width) * cols // width
    out = np.zeros(grid, values.dtype)
    np.add.at(out, (by_row[:, None], by_col[None]), values.sum(axis=0))
    return out


def _listed(name: str, given: Tensor, inputs: Mapping[str, Tensor], config: Any) -> Picture:
    """A picture given as patches: in rows, in blocks that are merged, or with their places in front."""
    count, device = given.shape[1], given.device
    order = torch.arange(count, device=device)
    if name == "visual_feats":
        return Picture(name, given, (1, count), order, "")
    if name == "flattened_patches":
        row, col = given[0, :, 0].long(), given[0, :, 1].long()
        rows, cols = int(row.max()), int(col.max())
        owner = torch.where(row > 0, (row - 1) * cols + col - 1, torch.full_like(row, -1))
        return Picture(name, given, (rows, cols), owner, "", fixed=2)
    if "spatial_shapes" in inputs:
        rows, cols = (int(length) for length in inputs["spatial_shapes"][0])
        return Picture(name, given, (rows, cols), torch.where(order < rows * cols, order, -1), "")
    sizes = inputs.get("image_grid_thw")
    if sizes is not None and sizes.numel() == 3 and int(sizes.flatten()[0]) == 1:
        vision = getattr(config, "vision_config", config)
        side = int(getattr(vision, "spatial_merge_size", 1))
        rows, cols = (int(length) // side for length in sizes.flatten()[1:])
        if rows * cols * side**2 == count:
            return Picture(name, given, (rows, cols), order // side**2, "")
    several = "several pictures" if sizes is not None else "patches whose places the inputs do not tell"
    return Picture(name, given, None, None, f"it was given as {several}")


def cells_of_tokens(
    model: nn.Module, run: Callable[[Tensor], Any], picture: Picture, grid: tuple[int, int], reader: nn.Module
) -> NDArray[np.int64] | None:
    """Which cell of a grid each token that a block reads holds: -1 for none, -2 for several; None if unread.

    Found out, not assumed: while no patch reads another, noise on a cell changes the tokens that hold it and
    no other. Noise on the cells whose number has a certain bit, and on those that have it not, tells that
    bit.

    Args:
        run: the model's pass for another picture. reader: the block; the pass ends where it begins.
    """
    count = grid[0] * grid[1]
    noise = torch.randn(picture.given.shape, generator=torch.Generator().manual_seed(0)).to(picture.given)

    def read(changed: NDArray[np.bool_]) -> Tensor | None:
        keep = torch.from_numpy(1 - changed.astype(np.float32))[None]
        share = picture.share(keep, grid)
        with torch.no_grad(), _each_for_itself(model), given_first(reader) as seen:
            run(picture.given + noise * (1 - share))
        return seen[0][0] if seen and seen[0].ndim == 3 and len(seen[0]) == 1 else None

    plain = read(np.zeros(count, bool))
    if plain is None:
        return None
    scale = float(plain.abs().max()) * 1e-6
    numbers, found = np.arange(count), np.zeros(len(plain), np.int64)
    for bit in range(max(1, (count - 1).bit_length())):
        has = (numbers >> bit & 1).astype(bool)
        moved = []
        for changed in (has, ~has):
            now = read(changed)
            if now is None or now.shape != plain.shape:
                return None
            moved.append(((now - plain).abs().amax(dim=1) > scale).cpu().numpy())
        found |= moved[0].astype(np.int64) << bit
        found[moved[0] & moved[1]] = -2
        found[~moved[0] & ~moved[1] & (found != -2)] = -1
    return found


@contextmanager
def _each_for_itself(model: nn.Module) -> Iterator[None]:
    """Inside the picture's tower every token attends to itself alone, for this thread."""
    depth = [0]

    def comes(*_: Any) -> None:
        depth[0] += 1

    def goes(*_: Any) -> None:
        depth[0] -= 1

    def attention(whole: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not depth[0] or query.shape[-2] != key.shape[-2]:
            return whole(query, key, value, *args, **kwargs)
        return value.repeat_interleave(query.shape[-3] // value.shape[-3], dim=-3)

    def softmax(whole: Any, scores: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not depth[0] or scores.ndim != 4 or scores.shape[-1] != scores.shape[-2]:
            return whole(scores, *args, **kwargs)
        return torch.eye(scores.shape[-1]).to(scores).expand_as(scores)

    with ExitStack() as stack:
        for path, module in model.named_modules():
            if is_image(path):
                stack.enter_context(hooked(module, before=comes, after=goes, always=True))
        stack.enter_context(stand_in(functional, "scaled_dot_product_attention", attention))
        stack.enter_context(stand_in(functional, "softmax", softmax))
        yield
