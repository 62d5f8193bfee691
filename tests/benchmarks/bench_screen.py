"""What a person waits for at the screen: the lab, the first picture, new cards after a key; and how high boards are."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator

__all__ = ["screen"]

Rows = list[tuple[str, str, str]]
TESTS = Path(__file__).resolve().parents[1]
KEYS = 9

#: Whether a cell has been run to its end.
_COUNTED = """(place) => { const cell = jupyterapp.shell.currentWidget.content.widgets[place];
    return cell.model.executionCount !== null && cell.model.executionState !== "running"; }"""
#: Milliseconds from a key pressed in the field to the frame in which the cards say something else.
_WATCH = """(field) => {
    const root = field.getRootNode();
    const said = () => Array.from(root.querySelectorAll("[class*=card]")).map((card) => card.textContent).join("|");
    window.__waited = [];
    field.addEventListener("keydown", () => {
        const before = said(), start = performance.now();
        const look = () => said() === before ? requestAnimationFrame(look)
            : window.__waited.push(performance.now() - start);
        look();
    }, true);
}"""
#: Whether an element or its shadow trees hold a picture that is drawn.
_PICTURED = """(output) => {
    const walk = (node) => [node, ...(node.shadowRoot ? walk(node.shadowRoot) : []),
        ...Array.from(node.children ?? []).flatMap(walk)];
    return walk(output).some((node) => (node.tagName === "IMG" && node.complete && node.naturalWidth > 1
        || node.tagName === "CANVAS" && node.width > 1) && node.getBoundingClientRect().width > 20);
}"""


def screen(_work: Path) -> Rows:
    """Seconds from `make lab` to the tour's first picture, from key to new cards, and the heights of the boards."""
    sys.path.insert(0, str(TESTS / "browser"))
    from lab_server import page_of, running_lab

    with tempfile.TemporaryDirectory() as folder:
        rows = _doctor(Path(folder) / "cache")
        start = time.perf_counter()
        with running_lab(Path(folder) / "lab") as server:
            answered = time.perf_counter() - start
            rows.append(("`workbench lab` to the first HTTP answer", f"{answered:.1f} s", ""))
            with page_of(server) as lab:
                rows += _first_picture(lab, server.process, start)
                rows += _heights(lab)
    return rows


def _doctor(cache: Path) -> Rows:
    """What `make lab` runs before the lab: the first time, and every other time."""
    rows, environment = [], os.environ | {"WORKBENCH_CACHE": str(cache), "PYTHONPATH": str(TESTS.parent)}
    for name, aim in (("the first time", ""), ("remembered", "aim under 0.5 s")):
        start, spent = time.perf_counter(), _of_children()
        subprocess.run(
            [sys.executable, "-m", "workbench", "doctor", "--remembered"],
            env=environment, capture_output=True, check=False,
        )  # fmt: skip
        took = f"{time.perf_counter() - start:.1f} s, {_of_children() - spent:.1f} of it work"
        rows.append((f"`workbench doctor --remembered`, {name}", took, aim))
    return rows


def _first_picture(lab: Any, server: int, start: float) -> Rows:
    """Shift+Enter through the tour until a board shows a picture; then keys into its labels."""
    page, begun = lab.page, time.perf_counter()
    lab.home()
    from by_key import BOARD, cells_of

    notebook = lab.opened("my-notebooks/00_tour.ipynb")
    idle = time.perf_counter() - begun
    board = page.locator(BOARD).first
    for place, cell in enumerate(cells_of(notebook)):
        page.keyboard.press("Shift+Enter")
        if cell["type"] == "code":
            page.wait_for_function(_COUNTED, arg=place, timeout=300_000)
            notebook.wait_for_kernel()
        if board.count():
            break
    page.wait_for_function(_PICTURED, arg=board.element_handle())
    rows = [
        ("page opened to kernel idle", f"{idle:.1f} s", ""),
        ("`workbench lab` to the tour's first picture", f"{time.perf_counter() - start:.1f} s", "aim 30 s, two quiet cores"),
        ("  processor time of server and kernel until then", f"{_spent(server):.1f} s", ""),
    ]  # fmt: skip
    labels = board.locator("textarea").first
    return [*rows, ("key in Labels to new cards, median of several", f"{_typed(labels):.0f} ms", "")]


def _typed(labels: Locator) -> float:
    """Type and take back a letter at the end of the first label, each time a name that the cards show."""
    page = labels.page
    labels.click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    labels.evaluate(_WATCH)
    for count in range(KEYS):
        page.keyboard.press("Backspace" if count % 2 else "s")
        page.wait_for_function("(count) => window.__waited.length > count", arg=count)
        page.wait_for_timeout(400)
    return median(page.evaluate("() => window.__waited"))


def _heights(lab: Any) -> Rows:
    """Each board's height beside the part of the window in which cells are seen."""
    import five_widgets as five

    notebook, rows = five.opened(lab), []
    for size in five.SIZES[:2]:
        five.resized(lab, *size)
        room = lab.page.locator(five.AREA).bounding_box()["height"]
        for name in five.WIDGETS:
            element = five.shown(notebook, name)
            five.settled(element)
            height = element.bounding_box()["height"]
            rows.append((f"height of {name} at {size[0]} x {size[1]}", f"{height:.0f} px", f"aim {room:.0f}"))
    return rows


def _of_children() -> float:
    """Seconds of processor time of programs that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _spent(process: int) -> float:
    """Seconds of processor time of a process and of all it started."""
    import psutil

    parent = psutil.Process(process)
    times = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return sum(one.user + one.system for one in times)
