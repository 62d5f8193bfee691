"""Numbers as every board writes them. `static/shared/format.mjs` says the same in the browser."""

from __future__ import annotations

import math
import re

__all__ = ["decimal", "number", "percent", "signed", "spaced"]

_MINUS = "−"


def number(value: float) -> str:
    """Three significant digits, without an exponent between 0.001 and 9999; a true minus sign."""
    if math.isnan(value):
        return "not known"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if value == 0:
        return "0"
    size = abs(value)
    text = _exponent(size) if size >= 9999.5 or size < 0.0009995 else _fixed(size)
    return _MINUS + text if value < 0 else text


def signed(value: float) -> str:
    """`number` with its sign always said; nothing is neither for nor against."""
    return f"+{number(value)}" if value > 0 else number(value)


def decimal(value: float, decimals: int = 3) -> str:
    """A probability or a cosine: as many decimals as asked for."""
    if math.isnan(value):
        return "not known"
    text = f"{abs(value):.{decimals}f}"
    return _MINUS + text if value < 0 and float(text) != 0 else text


def percent(share: float) -> str:
    """0.1234 -> "12.3 %"; tiny shares are not rounded to nothing, nor nearly all to all."""
    if math.isnan(share):
        return "not known"
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def spaced(text: str) -> str:
    """Figures of compute ("chance 41.3%") as the boards write them: "chance 41.3 %"."""
    return re.sub(r"(?<=\d)%", " %", text)


def _fixed(size: float) -> str:
    digits = max(0, 2 - math.floor(math.log10(float(f"{size:.3g}"))))
    return f"{size:.{digits}f}"


def _exponent(size: float) -> str:
    mantissa, power = f"{size:.1e}".split("e")
    return f"{mantissa}e{_MINUS if power[0] == '-' else ''}{int(power[1:])}"
