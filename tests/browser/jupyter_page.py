"""Pages of a running JupyterLab, spoken to in terms of notebooks, cells and Python."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page

__all__ = ["LabPage", "Notebook"]

OPEN_MS = 180_000
RUN_MS = 300_000
WAIT_S = 30.0
#: Console errors that are not ours to mend. Each needs its reason.
EXPECTED_ERRORS: tuple[str, ...] = ()

_KERNEL_READY = """async () => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    if (!session) return false;
    await session.ready;
    return session.session?.kernel?.status === "idle";
}"""
_EXECUTE = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false, stop_on_error: false});
    let out = "", error = null;
    future.onIOPub = ({header, content}) => {
        if (header.msg_type === "stream" && content.name === "stdout") out += content.text;
        if (header.msg_type === "error") error = content.ename + ": " + content.evalue;
    };
    await future.done;
    return {out, error};
}"""


class LabPage:
    """Tabs on a lab, watched. `page` is Playwright's page, for anything not offered here."""

    def __init__(self, context: BrowserContext, url: str, token: str, root: Path, results: Path) -> None:
        self.context, self.url, self.root, self._token, self._results = context, url, root, token, results
        self.errors: list[str] = []
        self.outside: list[str] = []
        self._pages: list[Page] = []
        self._paths: set[str] = set()
        self.page = self.new_page()

    def new_page(self) -> Page:
        """Another tab, watched like the first."""
        page = self.context.new_page()
        page.set_default_timeout(WAIT_S * 1000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))
        self._pages.append(page)
        return page

    def home(self) -> None:
        """Go where the address leads that `workbench lab` prints."""
        self.page.goto(f"{self.url}/?token={self._token}", wait_until="commit", timeout=OPEN_MS)

    def open(self, notebook: str | list[str], *, page: Page | None = None) -> Notebook:
        """Open a notebook and wait for its kernel.

        Args:
            notebook: a path below the lab's root ("notebooks/00_tour.ipynb"), or the code of the cells
                of a new one.
        """
        path = notebook if isinstance(notebook, str) else self._written(notebook)
        page = page or self.page
        # A workspace of its own: JupyterLab would otherwise bring back whatever was open before.
        address = f"{self.url}/lab/workspaces/{uuid.uuid4().hex}/tree/{path}?reset&token={self._token}"
        page.goto(address, wait_until="commit", timeout=OPEN_MS)
        return self.opened(path, page=page)

    def opened(self, path: str, *, page: Page | None = None) -> Notebook:
        """The notebook that a page has opened or is opening, with its kernel ready."""
        self._paths.add(path)
        page = page or self.page
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=OPEN_MS)
        found = Notebook(page, path, self.root / path)
        found.wait_for_kernel()
        return found

    def theme(self, theme: Literal["light", "dark"]) -> None:
        """Switch JupyterLab's theme as its menu does."""
        name = f"JupyterLab {theme.title()}"
        self.page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        is_light = "true" if theme == "light" else "false"
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{is_light}'")
        # A picture lies over everything while the theme's styles are loaded.
        self.page.wait_for_function("document.getElementById('jupyterlab-splash') === null")

    def screenshot(self, name: str, *, of: Locator | None = None) -> Path:
        """A picture in test-results/TEST/NAME.png, of the page or of one element."""
        self._results.mkdir(parents=True, exist_ok=True)
        path = self._results / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path

    def check(self) -> None:
        """Raise if the console held an error or a request left this machine."""
        assert not self.outside, f"requests that leave this machine: {self.outside}"
        assert not self.errors, f"errors in the console: {self.errors}"

    def close(self) -> None:
        """Close every tab and stop its kernels, so that the next test has the memory; those of others go on."""
        for page in self._pages:
            page.close()
        headers = {"Authorization": f"token {self._token}"}
        for session in self.context.request.get(f"{self.url}/api/sessions", headers=headers).json():
            if session["path"] in self._paths:
                self.context.request.delete(f"{self.url}/api/sessions/{session['id']}", headers=headers)

    def _written(self, cells: list[str]) -> str:
        name = f"test-{uuid.uuid4().hex[:8]}.ipynb"
        empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        document = {
            "cells": [{**empty, "id": f"cell-{index}", "source": code} for index, code in enumerate(cells)],
            # Without a kernelspec JupyterLab opens a dialog and waits.
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.root / name).write_text(json.dumps(document), "utf-8")
        return name

    def _asked(self, url: str) -> None:
        if not _is_here(url):
            self.outside.append(url)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in EXPECTED_ERRORS):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")


class Notebook:
    """An open notebook. Cells are counted from 0 and include Markdown cells where `cell` is asked."""

    def __init__(self, page: Page, path: str, file: Path) -> None:
        self.page, self.path, self.file = page, path, file

    def wait_for_kernel(self) -> None:
        """Wait until the kernel is idle."""
        self.page.wait_for_function(_KERNEL_READY, timeout=OPEN_MS)

    def run_all(self) -> None:
        """Run every cell and wait for the last; raises with the error's text if a cell fails."""
        self.page.set_default_timeout(RUN_MS)
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.set_default_timeout(WAIT_S * 1000)
        self.wait_for_kernel()
        failed = self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.content.model.sharedModel.cells.flatMap((cell, index) =>
                (cell.cell_type === "code" ? cell.getOutputs() : [])
                .filter((output) => output.output_type === "error")
                .map((output) => `cell ${index}: ${output.ename}: ${output.evalue}`))"""
        )
        assert not failed, f"{self.path}: {failed}"

    def restart(self) -> None:
        """Restart the kernel without asking, and wait until it is idle again."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_for_kernel()

    def save(self) -> None:
        """Save the file."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")

    def cell(self, index: int) -> Locator:
        """A whole cell, code or Markdown."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """What the code cell number `index` (Markdown not counted) put out: never its source."""
        cells = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
        return cells.nth(index).locator(".jp-Cell-outputArea").first

    def python(self, code: str) -> str:
        """What `code` printed, run in the notebook's kernel beside its cells.

        Raises:
            AssertionError: the code raised; the message is the error's.
        """
        answer = self.page.evaluate(_EXECUTE, code)
        assert answer["error"] is None, answer["error"]
        return answer["out"].rstrip("\n")

    def wait_until(self, expression: str, *, seconds: float = WAIT_S) -> None:
        """Wait until a Python expression is true in the kernel."""
        deadline = time.monotonic() + seconds
        while self.python(f"print(bool({expression}))") != "True":
            assert time.monotonic() < deadline, f"not true after {seconds} s: {expression}"
            self.page.wait_for_timeout(100)


def _is_here(url: str) -> bool:
    parts = urlparse(url)
    return parts.scheme in ("data", "blob", "about", "chrome-error") or parts.hostname in (
        "127.0.0.1",
        "localhost",
        "::1",
    )
