"""What the atlas's browser tests do again and again: show one, let it settle, find a point on it."""

from __future__ import annotations

import io

from jupyter_page import Notebook
from PIL import Image
from playwright.sync_api import Locator

__all__ = ["picture", "place_of", "settled", "shown"]


def shown(notebook: Notebook, code: str) -> Locator:
    """The atlas that `code` shows, once it has been drawn and measured."""
    notebook.page.evaluate(
        """(code) => {
            const content = jupyterapp.shell.currentWidget.content;
            content.activeCellIndex = 1;
            content.activeCell.model.sharedModel.setSource(code);
        }""",
        code,
    )
    notebook.page.evaluate("() => jupyterapp.commands.execute('notebook:run-cell')")
    notebook.wait_for_kernel()
    element = notebook.output(1).locator(".atl").first
    notebook.wait_until("atlas.wait(0)", seconds=120)
    element.locator(".atl-stage").scroll_into_view_if_needed()
    settled(element)
    return element


def settled(element: Locator) -> None:
    """Wait until the map has stopped moving and its pictures have come."""
    element.evaluate(
        """async (root) => {
            const stage = root.querySelector(".atl-stage").stage;
            let before = -1;
            for (let round = 0; round < 150; round++) {
                await new Promise((done) => setTimeout(done, 120));
                if (stage.points.length && stage.frames.drawn === before && stage.mix === 1) return;
                before = stage.frames.drawn;
            }
        }"""
    )


def place_of(element: Locator, row: int) -> tuple[float, float]:
    """Where a point stands on the page, after the map has been brought to it."""
    x, y = element.evaluate(
        """(root, row) => {
            const { stage } = root.querySelector(".atl-stage");
            stage.move({ x: stage.points[2 * row], y: stage.points[2 * row + 1], zoom: 20000 });
            const box = stage.over.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];
        }""",
        row,
    )
    settled(element)
    return x, y


def picture() -> bytes:
    """A yellow PNG."""
    out = io.BytesIO()
    Image.new("RGB", (50, 40), (250, 200, 40)).save(out, "PNG")
    return out.getvalue()
