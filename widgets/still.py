"""The picture that a notebook keeps of a board, for when there is no kernel.

Widget state does not survive the next save of a notebook, and a reopened one says "Error displaying widget".
So a board puts a second, ordinary output under itself: a picture that style rules hide while the board lives.
"""

from __future__ import annotations

import base64
import contextlib
import io
import threading
from collections.abc import Callable
from html import escape
from typing import Any

from PIL import Image

from widgets.snapshot import Snapshot

__all__ = ["Still", "still_html"]

_WIDTH = 1000  # pixels of the picture at most
_PAUSE = 2.0  # seconds without a change before the picture is drawn anew
_WAIT = 120.0  # seconds for which the first picture waits for work under way

# The two outputs are neighbours in one output area, in JupyterLab and in pages that nbconvert writes.
_RULES = (
    ".jp-OutputArea-child:has(.wb)+.jp-OutputArea-child:has(.wb-still){display:none}"
    ".jp-OutputArea-child:not(:has(.wb)):has(.jupyter-widgets):has(+.jp-OutputArea-child .wb-still)"
    "{display:none}"
)


def still_html(snapshot: Snapshot) -> str:
    """A figure of a few ten kilobytes, every text escaped."""
    with Image.open(io.BytesIO(snapshot.png)) as png:
        picture = png.convert("RGB")
    if picture.width > _WIDTH:
        height = round(picture.height * _WIDTH / picture.width)
        picture = picture.resize((_WIDTH, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80, method=2)
    data = base64.b64encode(out.getvalue()).decode()
    said = escape(snapshot.title)
    return (
        f'<style>{_RULES}</style><figure class="wb-still" style="margin:0">'
        f'<img alt="{said}" style="max-width:100%" src="data:image/webp;base64,{data}">'
        f"<figcaption>{said}<br><small>A picture of the board as it was. "
        "Run the cell for the live one.</small></figcaption></figure>"
    )


class Still:
    """Shows `draw()` under a board, and again whenever the board has come to rest after a change.

    `rested(seconds)` waits until the board's work is done and says whether it is.
    """

    def __init__(self, draw: Callable[[], Snapshot], rested: Callable[[float], bool]) -> None:
        self._draw, self._rested = draw, rested
        self._lock = threading.Lock()
        self._handles: list[Any] = []
        self._timer: threading.Timer | None = None

    def show(self) -> None:
        """Put the picture under what was displayed last; later, if work is under way."""
        from IPython.display import display

        ready = self._rested(0)
        handle = display(self._bundle() if ready else {"text/plain": ""}, raw=True, display_id=True)
        if handle is None:
            return  # no front end that shows anything
        with self._lock:
            self._handles.append(handle)
        if not ready:
            self.renew(0)

    def renew(self, pause: float = _PAUSE) -> None:
        """Draw it again once nothing has changed for `pause` seconds."""
        with self._lock:
            if not self._handles:
                return
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(pause, self._update)
            self._timer.daemon = True
            self._timer.start()

    def _update(self) -> None:
        if not self._rested(_WAIT):
            return
        bundle = self._bundle()
        for handle in list(self._handles):
            with contextlib.suppress(OSError, RuntimeError):  # the kernel is being closed
                handle.update(bundle, raw=True)

    def _bundle(self) -> dict[str, str]:
        try:
            snapshot = self._draw()
        except Exception as problem:  # the live board stands above and says its own errors
            return {"text/plain": f"No picture of the board: {type(problem).__name__}: {problem}"}
        return {"text/html": still_html(snapshot), "text/plain": snapshot.title}
