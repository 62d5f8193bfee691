"""What a user can set on the zero-shot board, from the browser or from the next cell."""

from __future__ import annotations

from typing import Any

import traitlets as t

from widgets import wire
from widgets.zero_shot.choices import ONLY, SORTS
from workbench.zeroshot import ENSEMBLES, MEASURES, RULES

__all__ = ["LOOK", "PAGE", "SIZES", "ZeroShotTraits"]

PAGE = 24
"""Pictures on one page of the gallery."""

SIZES = (64, 224)
"""Least and greatest side of a card's picture, in pixels."""

LOOK = ("measure", "threshold", "thresholds", "sort", "page", "focus", "only", "won_by", "removed", "size")
"""Traits that change only what is drawn, not a score."""


class ZeroShotTraits(t.HasTraits):
    """Public ones are choices, all of which `Copy as Python` writes down; private ones are the wire."""

    labels: t.List[str] = t.List(t.Unicode()).tag(sync=True)
    templates: t.List[str] = t.List(t.Unicode()).tag(sync=True)
    active: t.List[bool] = t.List(t.Bool()).tag(sync=True)
    rule = t.Enum(RULES, "softmax").tag(sync=True)
    ensemble = t.Enum(ENSEMBLES, "embedding").tag(sync=True)
    temperature = t.Float(1.0).tag(sync=True)
    measure = t.Enum(MEASURES, "probability").tag(sync=True)
    threshold = t.Float(None, allow_none=True).tag(sync=True)
    thresholds: t.Dict[str, float] = t.Dict(value_trait=t.Float(), key_trait=t.Enum(MEASURES)).tag(sync=True)
    sort = t.Enum(SORTS, "as given").tag(sync=True)
    only = t.Enum(ONLY, "all").tag(sync=True)
    won_by: t.List[str] = t.List(t.Unicode()).tag(sync=True)
    removed: t.List[int] = t.List(t.Int()).tag(sync=True)
    page = t.Int(0).tag(sync=True)
    size = t.Int(96, min=SIZES[0], max=SIZES[1]).tag(sync=True)
    query = t.Unicode("").tag(sync=True)
    focus = t.Int(0).tag(sync=True)
    selected: t.List[int] = t.List(t.Int()).tag(sync=True)

    _view: t.Dict[str, Any] = t.Dict().tag(sync=True)
    _copying = t.Unicode("").tag(sync=True)
    _sprite = wire.ByteTrait()
    _large = wire.ByteTrait()
    _seen = wire.ByteTrait()
