"""A reliability diagram as SVG: confidence against accuracy, and how many pictures stand behind each bin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.formatting import plural

__all__ = ["reliability_svg"]

_SIDE = 240  # pixels of the square in which confidence meets accuracy
_LEFT, _TOP, _BELOW, _RIGHT = 54, 12, 44, 16
_COUNTS = 46  # pixels of the bars of counts, under the square
_BLUE, _ORANGE = "#3b7ea1", "#d9822b"  # told apart by people who do not see red or green


def reliability_svg(
    edges: NDArray[np.float64],
    confidence: NDArray[np.float64],
    accuracy: NDArray[np.float64],
    count: NDArray[np.int64],
    error: float,
) -> str:
    """A self-contained SVG, drawn in the colour of the text around it.

    Bars are the accuracy of each bin, the orange stroke on a bar its mean confidence: where the two part,
    the model is too sure (stroke above the bar) or not sure enough. Below, the share of pictures in each bin.
    """
    filled = np.flatnonzero(count > 0)
    bars = [_bar(edges[k], edges[k + 1], accuracy[k], confidence[k], int(count[k])) for k in filled]
    share = count / max(1, int(count.max(initial=1)))
    below = [_count(edges[k], edges[k + 1], share[k], int(count[k])) for k in filled]
    width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _COUNTS + _BELOW
    pictures = plural(int(count.sum()), "picture")
    said = f"Reliability diagram: expected calibration error {error:.3f} over {pictures}"
    return (
        f'<svg role="img" aria-label="{said}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="color: var(--jp-ui-font-color1, currentColor); '
        'font: 11px sans-serif; max-width: 100%">'
        f"{_axes()}{''.join(bars)}{_diagonal()}{''.join(below)}{_words(height)}</svg>"
    )


def _x(value: float) -> float:
    return round(_LEFT + _SIDE * value, 1)


def _y(value: float) -> float:
    return round(_TOP + _SIDE * (1 - value), 1)


def _bar(low: float, high: float, accuracy: float, confidence: float, count: int) -> str:
    left, wide = _x(low) + 1, max(1.0, _x(high) - _x(low) - 2)
    stroke = _y(confidence) - 1.5
    told = (
        f"{low:.2f} to {high:.2f}: {plural(count, 'picture')}, {accuracy:.1%} right, "
        f"said to be {confidence:.1%} sure"
    )
    return (
        f"<g><title>{told}</title>"
        f'<rect x="{left}" y="{_y(accuracy)}" width="{wide:.1f}" '
        f'height="{_SIDE * accuracy:.1f}" fill="{_BLUE}"/>'
        f'<rect x="{left}" y="{stroke:.1f}" width="{wide:.1f}" height="3" fill="{_ORANGE}"/></g>'
    )


def _count(low: float, high: float, share: float, count: int) -> str:
    top, tall = _TOP + _SIDE + 18, (_COUNTS - 22) * share
    return (
        f"<g><title>{plural(count, 'picture')}</title>"
        f'<rect x="{_x(low) + 1}" y="{top + _COUNTS - 22 - tall:.1f}" '
        f'width="{max(1.0, _x(high) - _x(low) - 2):.1f}" height="{max(1.0, tall):.1f}" '
        'fill="currentColor" opacity="0.45"/></g>'
    )


def _axes() -> str:
    ticks = "".join(
        f'<text x="{_x(v)}" y="{_y(0) + 13}" text-anchor="middle" fill="currentColor">{v:g}</text>'
        f'<text x="{_LEFT - 6}" y="{_y(v) + 4}" text-anchor="end" fill="currentColor">{v:g}</text>'
        for v in (0, 0.2, 0.4, 0.6, 0.8, 1)
    )
    return (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" '
        f'stroke="currentColor" opacity="0.35"/>{ticks}'
    )


def _diagonal() -> str:
    return (
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="currentColor" '
        'stroke-dasharray="4 3" opacity="0.7"/>'
    )


def _words(height: int) -> str:
    middle, below = _LEFT + _SIDE / 2, _TOP + _SIDE + _COUNTS + 12
    lines: Sequence[tuple[str, str]] = (
        (f'x="{middle}" y="{below}" text-anchor="middle"', "confidence (probability of the best label)"),
        (f'x="{middle}" y="{height - 12}" text-anchor="middle" opacity="0.75"', "grey: pictures in each bin"),
        (
            f'x="14" y="{_TOP + _SIDE / 2}" text-anchor="middle" '
            f'transform="rotate(-90 14 {_TOP + _SIDE / 2})"',
            "accuracy",
        ),
    )
    return "".join(f'<text {place} fill="currentColor">{text}</text>' for place, text in lines)
