"""How the patches of each picture lie, from the tensors that a processor gives and the model's modules.

The one place that reads it: `sequences` asks here for every model, `attribution` for the tokens of a tower
and the cells of a picture. What nothing says is tried out by `patch_trial`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

from torch import Tensor, nn

from workbench.attention.families import BEHIND_PATCHES, family_of

__all__ = [
    "Picture",
    "block_order",
    "merge_side",
    "merged",
    "patch_size",
    "picture_behind",
    "pictures_in",
    "prefix_of",
    "unpadded",
]

_MOST_PREFIX = 16  # class, distillation and register tokens together


@dataclass(frozen=True)
class Picture:
    """One picture, tile or frame as a vision tower reads it.

    Attributes:
        what: what a reader calls it: "picture 1", "tile 2", "frame 3". grid: rows and columns of patches.
    """

    what: str
    grid: tuple[int, int]

    @property
    def patches(self) -> int:
        """How many patches it is cut into."""
        return self.grid[0] * self.grid[1]


def pictures_in(root: nn.Module, inputs: Mapping[str, Tensor]) -> tuple[Picture, ...]:
    """Every picture, tile or frame of the inputs in order; () where the patches are not known."""
    for name in ("image_grid_thw", "grid_thw"):  # packed patches: frames, rows and columns of each picture
        if name in inputs:
            rows = [tuple(map(int, one)) for one in inputs[name].reshape(-1, 3).tolist()]
            return _named("picture", [(high, wide) for times, high, wide in rows for _ in range(times)])
    for name in ("spatial_shapes", "target_sizes"):
        if name in inputs and inputs[name].shape[-1] == 2:
            return _named("picture", [(int(h), int(w)) for h, w in inputs[name].reshape(-1, 2).tolist()])
    if "image_position_ids" in inputs:  # column and row of each patch; -1 fills up
        whole = inputs["image_position_ids"].reshape(len(inputs["image_position_ids"]), -1, 2)
        sizes = [(int(one[:, 1].max()) + 1, int(one[:, 0].max()) + 1) for one in whole]
        return _named("picture", sizes)
    pixels = inputs.get("pixel_values", next(filter(_is_picture, inputs.values()), None))
    cut = next(_cuts_of(root), None)
    if pixels is None or pixels.ndim < 4 or cut is None:
        return ()
    deep, high, wide = cut
    sizes = [(int(pixels.shape[-2]), int(pixels.shape[-1]))] * prod(pixels.shape[:-3])
    if "image_sizes" in inputs and family_of(root).own_sizes and len(inputs["image_sizes"]) == len(sizes):
        sizes = [(int(h), int(w)) for h, w in inputs["image_sizes"].tolist()]
    grids = [(height // high, width // wide) for height, width in sizes]
    if pixels.ndim == 4:
        return _named("picture", grids)
    if deep:  # a video model cuts time too
        return _named("frame", grids[: len(grids) // deep])
    return _named("tile", grids)


def _is_picture(value: Tensor) -> bool:
    """item x colour x row x column, under whatever name a bare module of timm or open_clip takes it."""
    return value.ndim == 4 and value.is_floating_point() and value.shape[1] in (1, 3)


def _named(what: str, grids: Sequence[tuple[int, int]]) -> tuple[Picture, ...]:
    return tuple(Picture(f"{what} {number}", grid) for number, grid in enumerate(grids, 1))


def _cuts_of(root: nn.Module) -> Iterator[tuple[int, int, int]]:
    """(frames or 0, rows, columns) of pixels that make one patch: of each kernel that may cut the picture."""
    for module in root.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == module.stride != (1, 1):
            yield 0, int(module.kernel_size[0]), int(module.kernel_size[1])
        if isinstance(module, nn.Unfold) and _both(module.kernel_size) == _both(module.stride):
            yield 0, *_both(module.kernel_size)
        if isinstance(module, nn.Conv3d) and module.kernel_size == module.stride:
            yield int(module.kernel_size[0]), int(module.kernel_size[1]), int(module.kernel_size[2])


def patch_size(root: nn.Module) -> tuple[int, int] | None:
    """Rows and columns of pixels of one patch; None where no kernel says."""
    return next(((high, wide) for _, high, wide in _cuts_of(root)), None)


def picture_behind(root: nn.Module, inputs: Mapping[str, Tensor], tokens: int) -> tuple[Picture, int] | None:
    """The one picture that a tower's `tokens` hold, and how many tokens stand before it; None without a grid.

    Said by the inputs, by a kernel that cuts the picture so, or, where neither does, by the picture's shape.
    """
    if "spatial_shapes" in inputs:
        return pictures_in(root, inputs)[0], 0  # what is behind the patches is padding
    height, width = (int(length) for length in inputs["pixel_values"].shape[-2:])
    for _, high, wide in _cuts_of(root):
        picture = Picture("picture 1", (height // high, width // wide))
        if 0 <= tokens - picture.patches <= _MOST_PREFIX:
            return picture, tokens - picture.patches
    prefix = int(_said(root, "num_prefix_tokens") or 0)
    rows = round(((tokens - prefix) * height / width) ** 0.5)
    if rows < 1 or (tokens - prefix) % rows:
        return None
    return Picture("picture 1", (rows, (tokens - prefix) // rows)), prefix


def _both(size: Any) -> tuple[int, int]:
    """Rows and columns of a size that may be one number for both."""
    return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))


def prefix_of(root: nn.Module, picture: Picture, tokens: int) -> int | None:
    """Tokens that stand before the patches among `tokens`; None where it cannot be one picture's sequence."""
    extra = tokens - picture.patches
    if not 0 <= extra <= _MOST_PREFIX + _behind(root, tokens):
        return None
    return 0 if family_of(root).marks_last else extra - min(extra, _behind(root, tokens))


def _behind(root: nn.Module, tokens: int) -> int:
    """Learned tokens that stand behind the patches: what a detector finds, what patches are grouped by."""
    for name, value in root.named_parameters():
        if name.endswith(BEHIND_PATCHES) and value.ndim == 3 and value.shape[1] < tokens:
            return int(value.shape[1])
    return 0


def merged(pictures: Sequence[Picture], tokens: int) -> tuple[Picture, ...]:
    """The pictures with side x side neighbours made one token; () where that does not give `tokens`."""
    whole = sum(one.patches for one in pictures)
    if not tokens or whole % tokens:
        return ()
    side = isqrt(whole // tokens)
    fits = all(one.grid[0] % side == 0 and one.grid[1] % side == 0 for one in pictures)
    if side * side * tokens != whole or not fits:
        return ()
    return tuple(Picture(one.what, (one.grid[0] // side, one.grid[1] // side)) for one in pictures)


def unpadded(pictures: Sequence[Picture], size: tuple[int, int], tokens: int) -> tuple[int, int] | None:
    """Rows and columns of all tiles but the first, put together and freed of what was padded.

    Each row ends in a token of its own. None where no arrangement, or more than one, gives `tokens`.

    Source: Liu et al. 2024, "LLaVA-NeXT", the section on dynamic high resolution.
    """
    rows, columns = pictures[0].grid
    count, found = len(pictures) - 1, set()
    for down in range(1, count + 1):
        if count % down:
            continue
        high, wide = down * rows, count // down * columns
        if size[1] / size[0] > wide / high:
            high -= 2 * ((high - int(round(size[0] * wide / size[1], 7))) // 2)
        else:
            wide -= 2 * ((wide - int(round(size[1] * high / size[0], 7))) // 2)
        if high * (wide + 1) == tokens:
            found.add((high, wide))
    return found.pop() if len(found) == 1 else None


def block_order(grid: tuple[int, int], root: nn.Module) -> tuple[int, ...]:
    """Where each patch, row by row, stands in a packed tower's sequence.

    Patches that will be merged stand together (Qwen2-VL and its kin); where most layers attend within
    windows (Qwen2.5-VL), the windows do too.

    Source: Wang et al. 2024, "Qwen2-VL", section 2.1; Bai et al. 2025, "Qwen2.5-VL", section 2.1.1.
    """
    side, window = _said(root, "spatial_merge_size") or 1, 0
    if _said(root, "fullatt_block_indexes") is not None:
        cut = _said(root, "patch_size") or 1
        window = int(_said(root, "window_size") or 0) // side // cut
    high, wide = grid[0] // side, grid[1] // side
    units = [(row, column) for row in range(high) for column in range(wide)]
    if window:
        units.sort(key=lambda at: (at[0] // window, at[1] // window, at[0] % window, at[1] % window))
    rank = {unit: number for number, unit in enumerate(units)}
    return tuple(
        rank[row // side, column // side] * side * side + row % side * side + column % side
        for row in range(grid[0])
        for column in range(grid[1])
    )


def _said(root: nn.Module, name: str) -> Any:
    return next(
        (found for module in root.modules() if (found := getattr(module, name, None)) is not None), None
    )


def merge_side(root: nn.Module) -> int:
    """How many patches a side a packed model makes one token of."""
    return int(_said(root, "spatial_merge_size") or 1)
