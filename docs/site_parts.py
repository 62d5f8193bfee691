"""What the site needs beyond Sphinx: pages of the API, safe docstrings, pictures of boards, formulas."""

from __future__ import annotations

import html
import importlib
import inspect
import json
import re
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer

_LIVE = "application/vnd.jupyter.widget-view+json"
_ROOM = re.compile(r"^% room: (\S+)$", re.MULTILINE)
# What typing makes of NDArray[...] and ArrayLike; readers know them by those names.
_ARRAY = re.compile(
    r"~?(?:numpy\.)?ndarray\[tuple\[~?(?:typing\.)?Any, \.\.\.\], "
    r"~?(?:numpy\.)?dtype\[((?:[^\[\]]|\[[^\]]*\])+)\]\]"
)
_ARRAY_LIKE = re.compile(r"_Buffer \| _SupportsArray.*?_NestedSequence\[complex \| bytes \| str\]")
_CODE = re.compile(r"(``[^`]+``|`(?:[^`\n]|\n(?!\s*\n))+`)")

# What makes a board, the picture of it that the README keeps, and what the picture shows.
BOARDS = (
    (r"measured\(|show\((report|kept|few)", "fusion_report.png", "The fusion board with a comparison"),
    (r"regions\(|fusion", "fusion_board.png", "The fusion board: what a fusion can decide on a plane"),
    (r"attribute\(|maps", "attribution_board.png", "The attribution board"),
    (r"capture\(|trace", "attention_lens.png", "The attention lens"),
    (r"project\(|projection|atlas|space", "embedding_atlas.png", "The embedding atlas"),
    (r"classify\(|ranking", "zero_shot_board.png", "The zero-shot board"),
)
_NOT_THIS_CELL = (
    "as it stands in JupyterLab: the README's picture, not this cell's output, which "
    "`make docs ARGS=--execute` puts here."
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))
    app.connect("source-read", _api_page)
    app.connect("source-read", _with_pictures)
    app.connect("doctree-read", _without_live_boards)
    app.connect("autodoc-process-signature", _short_signature)
    app.connect("autodoc-process-docstring", _made_safe, priority=400)  # before napoleon reads it
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _api_page(_: Sphinx, __: str, source: list[str]) -> None:
    """`% room: workbench.models` becomes everything in that module's `__all__`."""
    source[0] = _ROOM.sub(lambda found: room(importlib.import_module(found[1])), source[0])


def room(module: ModuleType) -> str:
    """A page's text on all public names of a module: verbs first, then what they give, then constants."""
    names = list(module.__all__)
    things = {name: getattr(module, name) for name in names}
    verbs = [name for name, thing in things.items() if inspect.isroutine(thing)]
    types = [name for name, thing in things.items() if inspect.isclass(thing)]
    rest = [name for name in names if name not in verbs and name not in types]
    parts = []
    for heading, some, directive, options in (
        ("Verbs", verbs, "autofunction", ""),
        ("Types", types, "autoclass", "\n   :members:"),
    ):
        if some:
            parts.append(f"## {heading}\n")
            parts += [
                f"```{{eval-rst}}\n.. {directive}:: {module.__name__}.{name}{options}\n```\n" for name in some
            ]
    if rest:
        parts.append("## Constants\n")
        parts += [_constant(module, name, things[name]) for name in rest]
    return "\n".join(parts)


def _constant(module: ModuleType, name: str, value: Any) -> str:
    shown = repr(value)
    said = [f"```{{eval-rst}}\n.. py:data:: {module.__name__}.{name}"]
    if len(shown) <= 80 and "\n" not in shown and " at 0x" not in shown:
        said.append(f"   :value: {shown}")
    said += ["", *(f"   {line}" for line in _made_plain(_comment_of(module, name)).splitlines()), "```\n"]
    return "\n".join(said)


def _comment_of(module: ModuleType, name: str) -> str:
    """The string that stands under a constant, in the room's module or in the one it was taken from."""
    inside = sorted(
        other
        for other in importlib.sys.modules  # type: ignore[attr-defined]
        if other == module.__name__ or other.startswith(f"{module.__name__}.")
    )
    for other in inside:
        try:
            lines = ModuleAnalyzer.for_module(other).find_attr_docs().get(("", name))
        except PycodeError:
            continue
        if lines:
            return "\n".join(lines)
    return ""


def _with_pictures(app: Sphinx, document: str, source: list[str]) -> None:
    """Into a lesson that is not run: under the first cell that shows a board, the README's picture of one."""
    if not document.startswith("notebooks/") or app.config.nb_execution_mode != "off":
        return
    notebook = json.loads(source[0])
    cells: list[dict[str, Any]] = []
    shown: set[str] = set()
    for cell in notebook["cells"]:
        cells.append(cell)
        board = board_of("".join(cell["source"])) if cell["cell_type"] == "code" else None
        if board and board[0] not in shown:
            shown.add(board[0])
            text = f"![{board[1]}](../docs/{board[0]})\n\n*{board[1]}, {_NOT_THIS_CELL}*"
            cells.append(
                {"cell_type": "markdown", "id": f"still-{len(cells)}", "metadata": {}, "source": text}
            )
    source[0] = json.dumps(notebook | {"cells": cells})


def _without_live_boards(_: Sphinx, document: nodes.document) -> None:
    """A live board of a lesson that was run needs a kernel; its picture is an output of its own."""
    for bundle in list(document.findall(nodes.container)):
        kinds = {child.get("mime_type") for child in bundle if isinstance(child, nodes.container)}
        if bundle.get("nb_element") == "mime_bundle" and _LIVE in kinds:
            bundle.parent.remove(bundle)


def board_of(code: str) -> tuple[str, str] | None:
    """(file, what it shows) of the picture for a cell that shows a board."""
    if "show(" not in code:
        return None
    return next(((file, said) for what, file, said in BOARDS if re.search(what, code)), None)


def _short_signature(
    _: Sphinx, __: str, ___: str, ____: Any, _____: Any, arguments: str | None, gives: str | None
) -> tuple[str | None, str | None]:
    return _short(arguments), _short(gives)


def _short(signature: str | None) -> str | None:
    if not signature:
        return signature
    signature = _ARRAY.sub(r"NDArray[\1]", _ARRAY_LIKE.sub("ArrayLike", signature))
    signature = re.sub(r"~?(numpy\._typing\._array_like\.)?_ScalarT\b", "Any", signature)
    return re.sub(r"= ?<[^<>]*>", "= ...", signature)  # a factory has no text that could be read as Python


def _made_safe(_: Sphinx, __: str, ___: str, ____: Any, _____: Any, lines: list[str]) -> None:
    lines[:] = _made_plain("\n".join(lines)).splitlines()


def _made_plain(text: str) -> str:
    """Docstrings are written for `help()`: `name` is code, and a star or an underscore is itself."""
    kept: list[str] = []
    plain: list[str] = []
    literal, margin = False, 0
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        literal = literal and (not line.strip() or indent > margin)
        if literal or line.lstrip().startswith((">>>", "...")):
            kept += [_plain_prose("\n".join(plain)), line] if plain else [line]
            plain = []
            continue
        plain.append(line)
        if line.rstrip().endswith("::"):
            literal, margin = True, indent
    return "\n".join([*kept, _plain_prose("\n".join(plain))] if plain else kept)


def _plain_prose(text: str) -> str:
    said = ""
    for place, part in enumerate(_CODE.split(text)):
        if place % 2:
            said += ("\\ " if said[-1:].isalnum() else "") + f"``{part.strip('`')}``"
        else:
            between = "\\ " if place and part[:1].isalnum() else ""  # the s of several `Fusion`s
            said += between + re.sub(r"[\\*|`]|_(?!\w)", r"\\\g<0>", part)
    return said


def _inline_formula(writer: Any, node: nodes.math) -> None:
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _formula(writer: Any, node: nodes.math_block) -> None:
    name = html.escape(node.get("label") or "")
    writer.body.append(f'<div class="math" id="{name}">' if name else '<div class="math">')
    writer.body.append(tex2mathml(node.astext(), as_block=True) + "</div>")
    raise nodes.SkipNode
