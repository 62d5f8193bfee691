"""One front-end module for each widget, put together from the plain files in `static/`.

anywidget runs a module from a blob, where `import "../shared/dom.mjs"` has nothing to resolve against.
So each imported file becomes a function that returns what it exports, called once; names inside it stay
its own, as in the browser's modules. There is no other build step, and `node --test` imports the very
same files.

Joined are named imports (on one line or on several, as the formatter breaks them), functions, classes and
constants exported where they are declared, and one default export of the entry. Any other form is refused:
left as it is, it would fail in the reader's browser alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from workbench.errors import BadInputError

__all__ = ["script", "style"]

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[\w./]+\.mjs)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|class) \w)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default \{[^;]*\};\n", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)
# What none of these takes: `import x from`, `import * as x`,
# `export {a}`, `export * from`, `export const {a} =`.
_OTHER = re.compile(r"^(?:import\b(?!\().*|export\b.*)$", re.MULTILINE)


def script(name: str) -> str:
    """The text of `static/NAME.mjs` (such as "zero_shot/board"), after the files it imports, each once.

    Raises:
        BadInputError: a file imports or exports in a form that cannot be joined, or imports itself.
    """
    entry = f"{name}.mjs"
    parts: dict[str, str] = {}
    own = _linked(entry, (_STATIC / entry).read_text("utf-8"), parts, ())
    _refused(entry, _DEFAULT.sub("", _EXPORT.sub("", own)))
    return "".join(parts.values()) + own


def style(*names: str) -> str:
    """The text of `static/NAME.css` for each name (such as "shared/base")."""
    return "\n".join((_STATIC / f"{name}.css").read_text("utf-8") for name in names)


def _linked(file: str, text: str, parts: dict[str, str], above: tuple[str, ...]) -> str:
    """`text` with its imports taken from `parts`, to which every file it needs is added first."""

    def taken(match: re.Match[str]) -> str:
        names = ", ".join(name.strip().replace(" as ", ": ") for name in match[1].split(",") if name.strip())
        other = posixpath.normpath(posixpath.join(posixpath.dirname(file), match[2]))
        if other in (*above, file):
            raise BadInputError(
                f"{file} imports {other}, which imports it: {' -> '.join((*above, file, other))}. "
                "Move what both need into a file of its own."
            )
        if other not in parts:
            parts[other] = _wrapped(other, parts, (*above, file))
        return f"const {{ {names} }} = {_variable(other)};\n"

    return _IMPORT.sub(taken, text)


def _wrapped(file: str, parts: dict[str, str], above: tuple[str, ...]) -> str:
    text = (_STATIC / file).read_text("utf-8")
    names = ", ".join(_EXPORTED.findall(text))
    # Only an entry is rendered: a default of any other file is what node's tests load.
    body = _EXPORT.sub("", _DEFAULT.sub("", _linked(file, text, parts, above)))
    _refused(file, body)
    return f"const {_variable(file)} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();\n"


def _refused(file: str, body: str) -> None:
    """Nothing may be left of imports and exports."""
    other = _OTHER.search(body)
    if other is not None:
        raise BadInputError(
            f"{file} has a line that cannot be joined: {other[0]!r}. Write named imports of a relative .mjs "
            "file, and `export` before a function, a class or a constant of one name."
        )


def _variable(file: str) -> str:
    return "module_" + re.sub(r"\W", "_", file.removesuffix(".mjs"))
