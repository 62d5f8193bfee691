"""A notebook and its widgets used with the keyboard alone: nothing here clicks, and what is evaluated only reads."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from jupyter_page import Notebook
from playwright.sync_api import Locator

__all__ = [
    "BOARD",
    "FIELDS",
    "Control",
    "boards_put_out",
    "cells_of",
    "claims_of",
    "enter",
    "focused",
    "kernel_state",
    "leave",
    "run_through",
    "typed",
    "untrue",
    "use",
]  # fmt: skip

#: The root of every widget of ours, and the fields in which one types.
BOARD = ".wb"
FIELDS = "textarea, input:not([type=range], [type=checkbox], [type=radio], [type=file], [type=button], [type=color])"
RUN_S = 400
#: Tab presses within one widget before we say that it cannot be used.
MOST = 90

#: What is needed to judge where the keyboard is.
_FOCUSED = """(root) => {
    let node = document.activeElement;
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
    const board = node?.closest(root);
    const label = node?.getAttribute("aria-label") ?? node?.labels?.[0]?.textContent ?? node?.textContent ?? "";
    return { board: Array.from(document.querySelectorAll(root)).indexOf(board), tag: node?.tagName ?? "",
        type: node?.type ?? "", role: node?.getAttribute("role") ?? "", label: label.trim().slice(0, 60),
        value: node?.value ?? "", max: node?.max ?? "", pressed: node?.getAttribute("aria-pressed") ?? "",
        disabled: Boolean(node?.disabled || node?.getAttribute("aria-disabled") === "true"),
        notebook: Boolean(node?.closest(".jp-Notebook")), mode: jupyterapp.shell.currentWidget.content.mode };
}"""
_CELLS = """() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells.map((cell) => ({
    id: cell.id, type: cell.cell_type, source: cell.getSource(), count: cell.execution_count ?? null,
    error: cell.cell_type === "code" ? cell.getOutputs().filter((out) => out.output_type === "error")
        .map((out) => `${out.ename}: ${out.evalue}`)[0] ?? "" : "" }))"""
_VIEWS = """() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells
    .flatMap((cell) => cell.cell_type === "code" ? cell.getOutputs() : [])
    .map((output) => output.data?.["application/vnd.jupyter.widget-view+json"]?.model_id).filter(Boolean)"""
_ACTIVE = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
#: A digest of the public traits of our widgets: what a person chose, and nothing that changes by itself.
_STATE = """import hashlib as _h, json as _j
from ipywidgets.widgets import widget as _w
_ours = [one for _, one in sorted(_w._instances.items()) if type(one).__module__.startswith("widgets.")]
_chosen = [[name, repr(getattr(one, name))] for one in _ours for name in sorted(one.traits(sync=True))
    if name[0] != "_" and name not in ("layout", "comm")]
print(_h.sha256(_j.dumps(_chosen).encode()).hexdigest())
del _h, _j, _w, _ours, _chosen"""

#: As many boards must stand on the page. One that stands in a box is a child of what was put out.
_COUNT = """from ipywidgets.widgets import widget as _w
_open, _boards = [_w._instances.get(name) for name in {models!r}], 0
while _open:
    _one = _open.pop()
    _boards += hasattr(_one, "_view")
    _open.extend(getattr(_one, "children", ()))
print(_boards)
del _w, _open, _one, _boards"""


@dataclass(frozen=True)
class Control:
    """What has the keyboard: an element of a board, or of the notebook. `board` is its place among boards, or -1."""

    board: int
    tag: str
    type: str
    role: str
    label: str
    value: str
    max: str
    pressed: str
    disabled: bool
    notebook: bool
    mode: str

    @property
    def is_field(self) -> bool:
        """Whether one types into it."""
        return self.tag == "TEXTAREA" or (
            self.tag == "INPUT" and self.type not in ("range", "checkbox", "radio", "file", "button")
        )


def focused(notebook: Notebook) -> Control:
    """What has the keyboard now."""
    return Control(**notebook.page.evaluate(_FOCUSED, BOARD))


def cells_of(notebook: Notebook) -> list[dict[str, Any]]:
    """Id, type, source, count and error of every cell."""
    return notebook.page.evaluate(_CELLS)


def kernel_state(notebook: Notebook) -> str:
    """A digest of what every widget of ours holds in the kernel."""
    return notebook.python(_STATE)


def boards_put_out(notebook: Notebook) -> int:
    """How many boards the cells have put out, alone or side by side in a box, as the kernel knows them."""
    return int(notebook.python(_COUNT.format(models=notebook.page.evaluate(_VIEWS))))


def run_through(notebook: Notebook) -> None:
    """Shift+Enter from the first cell to the last, and wait until all have run.

    Raises:
        AssertionError: a cell failed, or the work is not done in time.
    """
    page = notebook.page
    page.wait_for_function("() => document.activeElement?.closest('.jp-Notebook')")
    count = len(cells_of(notebook))
    for _ in range(count):
        page.keyboard.press("Shift+Enter")
    page.keyboard.press("Escape")  # the last one opens a new cell to write in
    deadline = time.monotonic() + RUN_S
    while True:
        code = [cell for cell in cells_of(notebook) if cell["type"] == "code" and cell["source"].strip()]
        failed = [cell["error"] for cell in code if cell["error"]]
        assert not failed, f"{notebook.path}: {failed}"
        if all(cell["count"] for cell in code):
            notebook.wait_for_kernel()
            return
        assert time.monotonic() < deadline, f"{notebook.path}: cells without a count after {RUN_S} s"
        page.wait_for_timeout(200)


def enter(notebook: Notebook, board: int) -> Control:
    """Select the cell of a board with the arrows and go into it with Tab; the control one comes to.

    Args:
        notebook: in command mode.
        board: the place of the board among those of the notebook.
    """
    page = notebook.page
    cell = page.locator(BOARD).nth(board).evaluate(
        "(board) => Array.from(document.querySelectorAll('.jp-Notebook .jp-Cell')).indexOf(board.closest('.jp-Cell'))"
    )  # fmt: skip
    for _ in range(len(cells_of(notebook))):
        at = page.evaluate(_ACTIVE)
        if at == cell:
            break
        page.keyboard.press("ArrowUp" if at > cell else "ArrowDown")
    assert page.evaluate(_ACTIVE) == cell, f"the arrows do not reach cell {cell}"
    met = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        now = focused(notebook)
        if now.board == board:
            return now
        met.append(f"{now.tag} {now.label}")
    raise AssertionError(f"Tab does not lead into board {board}; it met {met[:8]}")


def use(notebook: Notebook, board: int) -> Control:
    """Tab through a board, trying each control as it is meant to be, until the kernel knows of a change.

    Raises:
        AssertionError: no control of it changed anything; all that were tried are named.
    """
    now, tried = enter(notebook, board), []
    for _ in range(MOST):
        if now.board != board:
            break
        keys = [] if now.disabled else _keys(now)
        if keys:
            before = kernel_state(notebook)
            tried.append(f"{now.tag.lower()} {now.role or now.type} {now.label!r}")
            for key in keys:
                notebook.page.keyboard.press(key)
            if _changes(notebook, before):
                return now
        notebook.page.keyboard.press("Tab")
        now = focused(notebook)
    raise AssertionError(f"board {board}: no key changed anything in the kernel; tried {tried}")


def leave(notebook: Notebook) -> None:
    """Escape to the notebook, by way of something that is no text field; the notebook's own keys work again."""
    page = notebook.page
    for _ in range(MOST):
        if not focused(notebook).is_field:
            break
        page.keyboard.press("Tab")
    for _ in range(3):  # the first one may close what the board had opened
        page.keyboard.press("Escape")
        if focused(notebook).board == -1:
            break
    now = focused(notebook)
    assert (now.board, now.notebook, now.mode) == (-1, True, "command"), f"Escape leads to {now}"
    before = page.evaluate(_ACTIVE)
    page.keyboard.press("ArrowUp" if before else "ArrowDown")
    assert page.evaluate(_ACTIVE) != before, "after Escape the arrows do not walk through the cells"


def _keys(control: Control) -> list[str]:
    """The keys with which a control is moved, or none if it is better left alone here."""
    if control.type == "range":
        return ["ArrowLeft" if control.value == control.max else "ArrowRight"]
    if control.tag == "SELECT":
        return ["ArrowDown"]
    if control.type in ("checkbox", "radio"):
        return ["Space"]
    if control.tag == "TEXTAREA":
        return ["End", "s"]
    if control.pressed or control.role in ("option", "switch"):
        return ["Enter"]
    if control.role == "tab":
        return ["ArrowRight", "Enter"]
    if control.tag == "CANVAS" or control.role in (
        "application",
        "img",
        "grid",
        "gridcell",
        "figure",
        "listbox",
    ):
        return ["ArrowRight", "Enter"]
    return []


def _changes(notebook: Notebook, before: str) -> bool:
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        if kernel_state(notebook) != before:
            return True
        notebook.page.wait_for_timeout(150)
    return False


def claims_of(document: dict[str, Any]) -> list[dict[str, str]]:
    """Every claim of a notebook, in the order of its cells: what it says, and the Python that must be true."""
    return [claim for cell in document["cells"] for claim in cell["metadata"].get("claims", [])]


def untrue(notebook: Notebook, document: dict[str, Any]) -> dict[str, str]:
    """The claims that the kernel, with all cells run, does not bear out: what is said, to what came instead."""
    wrong = {}
    for claim in claims_of(document):
        code = (
            f"try: _claim = bool(eval({claim['true']!r}))\n"
            "except Exception as _problem: _claim = f'{type(_problem).__name__}: {_problem}'\n"
            "import json as _j; print(_j.dumps(_claim)); del _claim, _j"
        )
        came = json.loads(notebook.python(code).splitlines()[-1])
        if came is not True:
            wrong[claim["says"]] = f"{claim['true']} is {came}"
    return wrong


def typed(field: Locator, text: str) -> None:
    """Whatever stood in a field goes, and `text` is typed key by key, a line break as Enter."""
    field.click()
    field.press("Control+a")
    field.press("Delete")
    field.press_sequentially(text)
