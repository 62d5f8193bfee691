"""The picture of a model explained as a whole: its cells, and which token holds which."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workbench.attention.patch_grids import merge_side, pictures_in
from workbench.attribution.explained.masking import default_cells
from workbench.attribution.method_interface import as_array

__all__ = ["PICTURE", "Picture", "picture_among", "picture_of_pair", "pooled_over_cells"]

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

    def noisy(self, grid: tuple[int, int]) -> Callable[[NDArray[np.bool_]], Tensor]:
        """A function that puts noise, always the same, on some cells of a grid."""
        noise = torch.randn(self.given.shape, generator=torch.Generator().manual_seed(0)).to(self.given)

        def changed(where: NDArray[np.bool_]) -> Tensor:
            keep = torch.from_numpy(1 - where.astype(np.float32))[None]
            return self.given + noise * (1 - self.share(keep, grid))

        return changed

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
    root: nn.Module, inputs: Mapping[str, Tensor], of_sites: tuple[int, int] | None
) -> Picture | None:
    """The picture among the inputs, or None.

    Args:
        of_sites: the grid that the attention over the picture has, where it has one.
    """
    name = next((one for one in _NAMES if one in inputs), None)
    if name is None:
        return None
    given = inputs[name]
    if given.ndim == 3:
        return _listed(name, given, inputs, root)
    pieces = int(np.prod(given.shape[1:-3], dtype=int))
    if given.ndim < 4 or pieces > 1:
        return Picture(
            name, given, None, None,
            f"it was given as {pieces} tiles (or pictures), which lie on no one grid",
        )  # fmt: skip
    return Picture(name, given, of_sites or default_cells(*given.shape[-2:]), None, "")


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


def _listed(name: str, given: Tensor, inputs: Mapping[str, Tensor], root: nn.Module) -> Picture:
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
    pictures = pictures_in(root, inputs)
    if len(pictures) == 1:
        side = merge_side(root) if "image_grid_thw" in inputs else 1
        rows, cols = (length // side for length in pictures[0].grid)
        held = rows * cols * side**2  # what is behind them is padding
        if held == count or (side == 1 and held < count):
            return Picture(name, given, (rows, cols), torch.where(order < held, order // side**2, -1), "")
    several = "several pictures" if pictures else "patches whose places the inputs do not tell"
    return Picture(name, given, None, None, f"it was given as {several}")
