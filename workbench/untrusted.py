"""JSON that anybody may have written: whatever is wrong with it is a `ValueError`."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["parsed", "whole_letters"]

_HALF = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def parsed(text: str | bytes) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is no JSON, or nested deeper than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep to be read") from None


def whole_letters(text: str) -> tuple[str, int]:
    """A JSON text in which escapes that are half a character ("\\ud83d" alone) stand as \ufffd, and how many.

    JSON allows them; no file, digest or tokeniser takes them.
    """
    if "\\ud" not in text and "\\uD" not in text:
        return text, 0
    halves = 0

    def mended(found: re.Match[str]) -> str:
        nonlocal halves
        halves += found[1] is None
        return found[0] if found[1] is not None else "\\ufffd"

    return _HALF.sub(mended, text), halves
