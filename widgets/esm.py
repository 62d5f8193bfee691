"""One front-end module for each widget, put together from the plain files in `static/`.

anywidget runs a module from a blob, where `import "./dom.mjs"` has nothing to resolve against.
So the relative imports are written out in place. There is no other build step, and `node --test`
imports the very same files.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["script", "style"]

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+\.mjs)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)


def script(name: str) -> str:
    """The text of `static/NAME.mjs`, after the files it imports, each once."""
    return _inlined(f"{name}.mjs", done=set(), entry=True)


def style(*names: str) -> str:
    """The text of `static/NAME.css` for each name."""
    return "\n".join((_STATIC / f"{name}.css").read_text("utf-8") for name in names)


def _inlined(file: str, *, done: set[str], entry: bool) -> str:
    if file in done:
        return ""
    done.add(file)
    text = (_STATIC / file).read_text("utf-8")
    needed = "".join(_inlined(other, done=done, entry=False) for other in _IMPORT.findall(text))
    own = _IMPORT.sub("", text)
    # Only the entry may export: anywidget reads its default, and names of helpers are the tests' affair.
    return needed + (own if entry else _EXPORT.sub("", own))
