"""What the zero-shot board shows of its ranking: numbers, pictures, and the code that shows it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from widgets import wire
from widgets.zero_shot.choices import Choices, item_order
from widgets.zero_shot.ranking_code import as_python
from widgets.zero_shot.ranking_snapshot import told
from widgets.zero_shot.ranking_view import board_view
from widgets.zero_shot.scoring import ZeroShotScoring
from widgets.zero_shot.traits import LOOK, PAGE
from workbench.models import DualEncoder
from workbench.results import Ranking

__all__ = ["OPTIONS", "ZeroShotScreen", "advised"]

OPTIONS = (*(name for name in LOOK if name != "thresholds"), "thresholds", "query", "selected")
"""Traits that can be given to a board by name: all below the scoring, which is the ranking's."""

_SMALL, _LARGE_CELL = 112, 224  # pixels of a picture in the sprite sheet: cards up to 128 wide take the small
_COLUMNS = 6  # of the sprite sheet, not of the screen
_LARGE = 320  # pixels of the picture looked at


class ZeroShotScreen(ZeroShotScoring):
    """The ranking as the board's choices show it, sent to the browser."""

    def __init__(self, ranking: Ranking, model: DualEncoder | None, **traits: Any) -> None:
        self._drawn: dict[str, Any] = {}
        super().__init__(ranking, model, **traits)

    def _choices(self) -> Choices:
        return Choices(
            self.sort,
            self.page,
            self.measure,
            self.threshold,
            self.only,
            tuple(self.won_by),
            tuple(self.removed),
        )

    def _look_at(self, item: int) -> None:
        """The picture in view, on its page; filters that would hide it go."""
        with self.hold_trait_notifications():
            self.focus = item
            if item not in item_order(self._ranking, self._choices(), self._order()):
                self.only, self.won_by = "all", []
            order = item_order(self._ranking, self._choices(), self._order()).tolist()
            self.page = order.index(item) // PAGE if item in order else self.page

    def _order(self) -> Any:
        return None if self._found is None else self._found.order

    def _code(self) -> str:
        """The code alone; nothing is written."""
        usual = {name: self.trait_defaults(name) for name in OPTIONS} | advised(
            self._model, len(self._ranking.labels)
        )
        named = ("measure", "threshold")  # a model's advice may change; what stands here shall not
        chosen = {
            name: _plain(getattr(self, name))
            for name in OPTIONS
            if name in named or getattr(self, name) != usual[name]
        }
        if chosen.get("thresholds") == {self.measure: self.threshold}:
            del chosen["thresholds"]
        own_rule = None if self._model is None else self._model.rule
        return as_python(self._ranking, chosen, own_rule=own_rule)

    def _publish(self) -> None:
        """Send the numbers, and the pictures only where other ones are shown than before."""
        with self._lock, self.hold_sync():
            ranking, choices = self._ranking, self._choices()
            view = board_view(
                ranking,
                choices,
                self.focus,
                own_rule=None if self._model is None else self._model.rule,
                advice=None if self._model is None else self._model.advice,
                found=self._found,
                texts=self._texts,
            )
            cell = _SMALL if self.size <= 128 else _LARGE_CELL
            items = [card["item"] for card in view["gallery"]["items"]]
            self._draw_pictures(items, view["detail"]["item"], cell)
            said = {"code": self._code(), "told": told(ranking, choices), "kept": self._copying}
            self._view = view | said | {"cell": cell, "columns": _COLUMNS}

    def _draw_pictures(self, items: Sequence[int], focus: int, cell: int) -> None:
        shown = (len(self._pairs), tuple(items), cell)
        if self._drawn.get("page") != shown:
            self._sprite = wire.sprite(map(self._pairs.picture, items), cell=cell, columns=_COLUMNS)
            self._drawn["page"] = shown
        if self._drawn.get("focus") != (len(self._pairs), focus):
            picture = self._pairs.picture(focus)
            self._large = wire.as_bytes(picture, side=_LARGE)
            self._seen = (
                b""
                if self._model is None
                else wire.as_bytes(self._model.preprocess_view(picture), side=_LARGE)
            )
            self._drawn["focus"] = (len(self._pairs), focus)


def advised(model: DualEncoder | None, labels: int) -> dict[str, Any]:
    """Measure and threshold as they were measured for the model with so many labels; off where nobody did."""
    advice = None if model is None else model.advice
    if advice is None:
        return {}
    threshold = advice.threshold_for(labels)
    known = {} if threshold is None else {str(advice.measure): threshold}
    return {"measure": advice.measure, "threshold": threshold, "thresholds": known}


def _plain(value: Any) -> Any:
    """A trait's value as it is written in code."""
    return sorted(value) if isinstance(value, list) and all(isinstance(one, int) for one in value) else value
