"""For programs of this folder: `tests` is this repository's, whatever another package has installed as such."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
if str(ROOT / "tests") not in getattr(sys.modules.get("tests"), "__path__", ()):
    ours = ModuleType("tests")
    ours.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = ours
