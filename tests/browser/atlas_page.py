"""What the atlas's browser tests do again and again: show one, let it settle, find a point on it."""

from __future__ import annotations

import io

from jupyter_page import Notebook
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocket

__all__ = ["FRAMES", "lassoed", "picture", "place_of", "settled", "shown", "weighed"]

FRAMES = """async (root) => {
    const { stage } = root.querySelector(".atl-stage");
    const next = () => new Promise((done) => requestAnimationFrame(done));
    while (!stage.points.length) await next();
    await new Promise((done) => setTimeout(done, 1500));
    const times = [];
    for (let step = 0; step < 60; step++) {
        const start = performance.now();
        stage.move({ ...stage.camera, x: stage.camera.x + 0.01 * Math.cos(step), zoom: 1.2 });
        await next();
        times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    return [times[30], times[54], stage.frames.points, stage.renderer.name];
}"""
"""Milliseconds of a frame while the map is dragged: median and 90 %; points drawn meanwhile, and by what."""

_WITHIN = """(root, share) => {
    const { stage } = root.querySelector(".atl-stage");
    const { width, height } = stage.size;
    let count = 0;
    for (let row = 0; row < stage.points.length / 2; row++) {
        const [x, y] = stage.view.toScreen(stage.points[2 * row], stage.points[2 * row + 1]);
        count += Math.abs(x / width - 0.5) < share && Math.abs(y / height - 0.5) < share;
    }
    return count;
}"""


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


def take_lasso(notebook: Notebook) -> None:
    """Take the lasso, choose nothing, and wait until the page knows both: the other tool would move the map."""
    notebook.python("atlas.selected = []; atlas.tool = 'lasso'")
    notebook.page.wait_for_function(
        "() => { const { stage } = document.querySelector('.atl .atl-stage');"
        " return stage.board.model.get('tool') === 'lasso' && stage.mask.every((byte) => byte === 0); }"
    )


def lassoed(notebook: Notebook, element: Locator, half: float = 0.1) -> tuple[int, int]:
    """Draw a lasso round the middle of the stage with the mouse; how many points it takes, from and to.

    The two counts are of slightly smaller and larger boxes: a point on the line may fall either way. `half` is half
    a side of the box, as a share of the stage's width and height.
    """
    take_lasso(notebook)
    box = element.locator(".atl-over").bounding_box()
    assert box is not None
    mouse = element.page.mouse
    near, far = 0.5 - half, 0.5 + half
    corners = [(near, near), (far, near), (far, far), (near, far), (near, near)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    mouse.move(*places[0])
    mouse.down()
    for x, y in places[1:]:
        mouse.move(x, y, steps=6)
    mouse.up()
    return element.evaluate(_WITHIN, half - 0.003), element.evaluate(_WITHIN, half + 0.003)


def lassoed_at_once(notebook: Notebook, element: Locator) -> tuple[int, int]:
    """A lasso round nearly the whole stage whose corners come in one late event; how many points it takes.

    Without its corners it would take half of them.
    """
    take_lasso(notebook)
    box = element.locator(".atl-over").bounding_box()
    assert box is not None
    left, right = box["x"] + 2, box["x"] + box["width"] - 2
    top, bottom = box["y"] + 2, box["y"] + box["height"] - 2
    mouse = element.page.mouse
    mouse.move(left, top)
    mouse.down()
    element.locator(".atl-over").evaluate(_LATE, [[right, top], [right, bottom], [left, bottom]])
    mouse.up()
    return element.evaluate(_WITHIN, 0.49), element.evaluate(_WITHIN, 0.5)


_LATE = """(over, places) => {
    const told = ([clientX, clientY]) => ({ clientX, clientY, pointerId: 1 });
    const coalescedEvents = places.map((place) => new PointerEvent("pointermove", told(place)));
    over.dispatchEvent(new PointerEvent("pointermove", { ...told(places.at(-1)), coalescedEvents, bubbles: true }));
}"""


def weighed(page: Page) -> dict[str, int]:
    """The largest message each way, in bytes, of all websockets that this page opens from now on."""
    largest = {"received": 0, "sent": 0}

    def weigh(way: str, payload: str | bytes) -> None:
        largest[way] = max(largest[way], len(payload))

    def watch(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: weigh("received", payload))
        socket.on("framesent", lambda payload: weigh("sent", payload))

    page.on("websocket", watch)
    return largest
