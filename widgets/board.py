"""What every board has: a status, an export, its code, and a picture that outlives the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget

from widgets.snapshot import Files, Snapshot, exported
from widgets.status import BackgroundJobs
from widgets.still import Still

__all__ = ["Board"]


class Board(BackgroundJobs, anywidget.AnyWidget):
    """A widget with a front end made by `static/shared/mount.mjs`.

    A board offers `code()` (Python that shows it again) and `snapshot()` (a static page and picture of it).
    """

    if TYPE_CHECKING:  # every board has these; they differ in their options

        def code(self) -> str: ...  # noqa: D102
        def snapshot(self) -> Snapshot: ...  # noqa: D102

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._still = Still(lambda: self.snapshot(), lambda seconds: self.wait(seconds))
        self.on_msg(self._on_board_message)
        chosen = [name for name in self.trait_names(sync=True) if not name.startswith("_")]
        self.observe(lambda _change: self._still.renew(), [*chosen, "_view"])

    def export(self, path: str | Path) -> Files:
        """Write PATH.html, .png, .npz, .json and .csv from `snapshot()`; returns the paths.

        The button of the same name does it with the view as it stands in the browser.

        Raises:
            BadInputError: no name, or its folder does not exist.
        """
        return exported(self.snapshot(), path)

    def _page(self) -> bytes:
        """The page that "Save" writes, for a board that has a better one than the view in the browser."""
        return b""

    def _ipython_display_(self, **options: Any) -> None:
        from IPython.display import display

        bundle = self._repr_mimebundle_(**options)
        if bundle is None:
            return
        data, metadata = bundle
        display(data, metadata=metadata, raw=True)
        self._still.show()

    def _on_board_message(self, _widget: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        """The browser sends what it shows: a page and a picture; numbers are added here."""
        if content.get("kind") != "export":
            return
        with self._reported("export"):
            page, picture = (bytes(buffer) for buffer in buffers) if len(buffers) == 2 else (b"", b"")
            own = self._page() or page
            files = exported(self.snapshot(), str(content.get("path", "")), page=own, picture=picture)
            self._say(f"saved {', '.join(file.name for file in files)}", at="export")
