"""Parameters and FLOPs by formula: the twin of what is counted.

A FLOP is one multiplication or addition of a matrix product (2 a multiply-add), as torch counts them;
sums, norms and activations are left out on both sides. Everything is for one example.
"""

from __future__ import annotations

from workbench.fusion.design import Design

__all__ = [
    "attend_flops",
    "attend_parameters",
    "block_flops",
    "block_parameters",
    "linear_flops",
    "linear_parameters",
    "mlp_flops",
    "mlp_parameters",
    "stream_flops",
    "stream_parameters",
]


def linear_parameters(inside: int, outside: int) -> int:
    """Weights and biases of one linear map."""
    return inside * outside + outside


def linear_flops(rows: int, inside: int, outside: int) -> int:
    """One linear map over `rows` vectors."""
    return 2 * rows * inside * outside


def mlp_parameters(inside: int, hidden: int, outside: int) -> int:
    """Two linear maps."""
    return linear_parameters(inside, hidden) + linear_parameters(hidden, outside)


def mlp_flops(rows: int, inside: int, hidden: int, outside: int) -> int:
    """Two linear maps over `rows` vectors."""
    return linear_flops(rows, inside, hidden) + linear_flops(rows, hidden, outside)


def attend_parameters(width: int) -> int:
    """Query, key, value and output maps."""
    return 4 * linear_parameters(width, width)


def attend_flops(queries: int, keys: int, width: int) -> int:
    """The four maps, the scores and the weighted sum."""
    maps = linear_flops(2 * queries, width, width) + linear_flops(2 * keys, width, width)
    return maps + 2 * (2 * queries * keys * width)


def block_parameters(design: Design) -> int:
    """Attention, MLP and two norms."""
    width = design.width
    return attend_parameters(width) + mlp_parameters(width, design.expand * width, width) + 2 * 2 * width


def block_flops(queries: int, keys: int, design: Design) -> int:
    """`queries` tokens changed after reading `keys` tokens."""
    width = design.width
    return attend_flops(queries, keys, width) + mlp_flops(queries, width, design.expand * width, width)


def stream_parameters(features: int, tokens: int, depth: int, design: Design) -> int:
    """Stem, cls, positions, blocks and the last norm."""
    width = design.width
    start = linear_parameters(features, width) + width + tokens * width
    return start + depth * block_parameters(design) + 2 * width


def stream_flops(features: int, tokens: int, depth: int, design: Design, *, read: int | None = 1) -> int:
    """Stem and blocks; of the last block only the first `read` tokens (None: all)."""
    count = tokens + 1
    flops = linear_flops(tokens, features, design.width)
    if depth:
        flops += (depth - 1) * block_flops(count, count, design)
        flops += block_flops(count if read is None else read, count, design)
    return flops
