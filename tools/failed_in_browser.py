"""Names the tests that failed in the last run; exits with 0 if they are a few, all of them in a browser.

    python tools/failed_in_browser.py && make test WORKERS=0 ARGS=--last-failed

What failed is read from pytest's own cache. Without one, pytest did not get that far, and the answer is 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: More failures than these are no accident.
MOST = 5


def failed(root: Path = ROOT) -> list[str]:
    """The tests that failed in the last run, as pytest names them."""
    try:
        return sorted(json.loads((root / ".pytest_cache/v/cache/lastfailed").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def worth_another_try(names: list[str]) -> bool:
    """Whether these are a few tests, all of them in a browser."""
    return 0 < len(names) <= MOST and all(name.startswith("tests/browser/") for name in names)


if __name__ == "__main__":
    names = failed()
    sys.stdout.write("".join(f"failed: {name}\n" for name in names))
    sys.exit(not worth_another_try(names))
