"""`AttributionBoard`: several explanations of one pair side by side, each with its score."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from widgets import esm, wire
from widgets.attribution.checks import CHOICES, check_choices, check_chosen, check_maps
from widgets.attribution.explaining import EXPLAINING, SCORING, Explaining, Wanted
from widgets.attribution.heatmap_code import as_python
from widgets.attribution.heatmap_snapshot import board_snapshot
from widgets.attribution.heatmap_view import Choices, board_view
from widgets.snapshot import Snapshot
from workbench.attribution import Attributions, Faithfulness, Heatmap
from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.models import as_model

__all__ = ["AttributionBoard"]

_SIDE = 768  # pixels of the picture sent: a smaller one is enlarged in the browser, not here
_WAIT = 120.0  # seconds that a snapshot waits for work under way


class AttributionBoard(Explaining):
    """Which patches and words a number comes from, by several methods on one colour scale.

    Click a word to see its patches, click a patch to see its words; type another text, or a second one to
    contrast it with; let a map be scored. Every public trait is the user's choice, and can be given at once.

    Attributes:
        methods: names of the maps shown, in order.
        text: the text explained. against: the text it is contrasted with, "" for none.
        focus: the method looked at.
        patches: chosen patches, counted row by row. words: chosen places in the tokens.
        scale: "own" (each map by its own largest value) or "shared".
        opacity: of the colours where a value is largest, 0 to 1.
        ground: "grey" or "colour", how the picture lies under the maps.
        size: pixels that a map takes at least.

    Example:
        >>> from widgets import AttributionBoard
        >>> from workbench import attribution, data
        >>> maps = attribution.attribute("emoji-clip", data.load("emoji")[0], method="relevance")
        >>> board = AttributionBoard(maps)
        >>> board.focus, board.heatmap.image.shape  # the map in focus: row x col of patches
        ('relevance', (8, 8))
    """

    _esm = esm.script("attribution/board")
    _css = esm.style("shared/base", "attribution/board")

    @verb
    def __init__(
        self,
        maps: Attributions | Heatmap,
        *,
        model: Any = None,
        scores: Iterable[Faithfulness] = (),
        **choices: Any,
    ) -> None:
        """A board on one map or several.

        Args:
            maps: of `attribute`.
            model: needed for new texts; the maps' own by default.
            scores: what `faithfulness` found for some of these maps.
            choices: `focus`, `patches`, `words`, `scale`, `opacity`, `ground`, `size`.

        Raises:
            BadInputError: there is no map, they explain different things, or a choice does not fit them.
        """
        given = (maps,) if isinstance(maps, Heatmap) else tuple(maps)
        check_maps(given)
        self._lock = threading.RLock()
        self._maps = given
        self._refused = dict(maps.refused) if isinstance(maps, Attributions) else {}
        self._model = as_model(model) if model is not None else given[0].model
        self._scores = {found.method: found for found in scores}
        self._wanted: Wanted | None = None
        self._asked_at = ""  # the control whose change is being computed
        self._to_score: list[str] = []
        names = [heatmap.method for heatmap in given]
        check_choices(choices, names, [*self._scores, choices.get("focus", names[0])])
        target = given[0].target
        super().__init__(
            **{"focus": given[0].method} | choices,
            methods=names,
            text=target.text,
            against=target.against[0] if target.kind == "contrast" else "",
        )
        self._check_chosen()
        self._publish()
        self.on_msg(self._on_message)
        self.observe(self._on_wish, ["methods", "text", "against"])
        self.observe(self._on_choice, ["patches", "words", "focus"])
        self.observe(self._write_code, list(CHOICES))

    @property
    def strength(self) -> float:
        """The old name of `opacity`."""
        warnings.warn("AttributionBoard.strength is now opacity.", DeprecationWarning, stacklevel=2)
        return float(self.opacity)

    @strength.setter
    def strength(self, value: float) -> None:
        warnings.warn("AttributionBoard.strength is now opacity.", DeprecationWarning, stacklevel=2)
        self.opacity = value

    @property
    def scores(self) -> dict[str, Faithfulness]:
        """method -> its scores, for the maps that were scored."""
        return dict(self._scores)

    @property
    def heatmap(self) -> Heatmap:
        """The map in focus; of a second-order one the part of the chosen words or patches."""
        found = self._focused()
        if found.pairs is not None and self.words:
            return found.of_words(self.words)
        if found.pairs is not None and self.patches:
            return found.of_patches(self.selected)
        return found

    @property
    def selected(self) -> list[tuple[int, int]]:
        """The chosen patches as (row, column) of the map in focus."""
        _, cols = self._focused().grid or (1, 1)
        return [(patch // cols, patch % cols) for patch in self.patches]

    def score(self, *methods: str) -> None:
        """Score the maps of these `methods` (all, if none is named) in the background.

        Raises:
            BadInputError: there is no such map on the board.
            WorkbenchError: the model is not at hand, or its maps cannot be scored.
        """
        names = list(methods) or [heatmap.method for heatmap in self._maps if heatmap.image is not None]
        unknown = [name for name in names if name not in self.attributions.methods]
        if unknown:
            raise BadInputError(f"There is no map of {unknown[0]!r} on the board.")
        self._asked()
        self._to_score = [*self._to_score, *(name for name in names if name not in self._to_score)]
        self._request()

    def code(self) -> str:
        """Python that shows this board again; a picture that was never a file is written down."""
        return self._as_python(write=True)

    def snapshot(self) -> Snapshot:
        """The board as a static page, with values, scores and provenance: `snapshot().save("cat")`.

        What is being computed is waited for, two minutes at most.
        """
        self.wait(_WAIT)
        with self._lock:
            return board_snapshot(self._maps, self._scores, self._looked(), code=self._as_python(write=False))

    # What the user changed -------------------------------------------------------------------

    def _on_wish(self, change: dict[str, Any]) -> None:
        """Another text or other methods: compute in the background, keep what is on the screen till then."""
        with self._reported(change["name"]):
            if not self.methods:
                raise BadInputError("No method is left; choose at least one.")
            wanted = Wanted(tuple(self.methods), self._target())
            if wanted == (self._wanted or self._present()):
                self._clear("text", "against", "methods")
                return
            self._asked_at = change["name"]
            if wanted.target != self._maps[0].target:
                self._asked()
                self._to_score = []
            self._wanted = None if wanted == self._present() else wanted
            self._request()

    def _on_choice(self, _change: dict[str, Any]) -> None:
        with self._reported():
            self._check_chosen()
            self._clear("")

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        kind = content.get("kind")
        with self._reported("score" if kind == "score" else ""):
            if kind == "cancel":
                self._cancel(str(content.get("what", "")))
            elif kind == "score":
                self.score(*[str(name) for name in content.get("methods", [])])
            elif kind == "keep":
                self.code()

    def _cancel(self, job: str) -> None:
        """Scores alone, or everything: scores of maps that do not come cannot come either."""
        with self._lock:
            if job == SCORING and self._wanted is not None:
                self._to_score = []
                self._end(SCORING)
                return
            self._stop(EXPLAINING, said="cancelled")
            self._wanted, self._to_score = None, []
            self._end(SCORING)
            self._show_wish()

    def _check_chosen(self) -> None:
        check_chosen(self._focused(), len(self._maps[0].tokens), self.patches, self.words)

    # What the browser draws ------------------------------------------------------------------

    def _focused(self) -> Heatmap:
        return next((found for found in self._maps if found.method == self.focus), self._maps[0])

    def _looked(self) -> Choices:
        chosen = {name: getattr(self, name) for name in CHOICES}
        chosen |= {name: tuple(chosen[name]) for name in ("patches", "words")}
        return Choices(**chosen)

    def _as_python(self, *, write: bool) -> str:
        usual = {name: self.trait_defaults(name) for name in CHOICES} | {"focus": self._maps[0].method}
        chosen = {name: getattr(self, name) for name in CHOICES}
        told = {name: value for name, value in chosen.items() if value != usual[name]}
        return as_python(self._maps, self._scores, told, write=write)

    def _write_code(self, _change: Any = None) -> None:
        self._code = self._as_python(write=False)

    def _publish(self) -> None:
        with self._lock, self.hold_sync():
            picture = self._maps[0].picture
            if picture is not None and not self._picture:
                self._picture = wire.as_bytes(Image.fromarray(np.asarray(picture)), side=_SIDE)
            pairs = next((found.pairs for found in self._maps if found.pairs is not None), None)
            self._pairs = b"" if pairs is None else np.ascontiguousarray(pairs, "<f4").tobytes()
            self._view = board_view(self._maps, self._scores, refused=self._refused, model=self._model)
            self._write_code()
