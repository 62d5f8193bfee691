"""What a user chooses on a fusion board, page by page, and what goes over the wire."""

from __future__ import annotations

import traitlets as t

from widgets import wire
from widgets.board import Board
from widgets.fusion.datasets import SETS
from widgets.fusion.plane_store import PLANE_STEPS
from widgets.fusion.report_view import COSTS, MEASURES

__all__ = ["FusionTraits"]

_ORDERS = ("as given", "fusions disagree", "this one wrong", "only this one right")
_CURVES = ("validation_accuracy", "validation_loss", "train_loss")


class FusionTraits(Board):
    """The traits of a fusion board; `FusionBoard` says what each means."""

    tab = t.Unicode("plane").tag(sync=True)
    need = t.Enum(("unknown", "sum", "product"), "unknown").tag(sync=True)
    may_miss = t.Bool(False).tag(sync=True)
    explain = t.Bool(False).tag(sync=True)
    apart = t.Bool(False).tag(sync=True)
    most_parameters = t.Int(0).tag(sync=True)
    most_seconds = t.Float(0.0).tag(sync=True)
    rows = t.Int(0).tag(sync=True)

    task = t.Unicode("xor").tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    bottleneck = t.Int(0).tag(sync=True)
    beside = t.List(t.Unicode(), ["early-tokens", "mean-logits"]).tag(sync=True)
    seed = t.Int(0).tag(sync=True)
    steps = t.Int(PLANE_STEPS).tag(sync=True)
    preset = t.Unicode("").tag(sync=True)

    fusion = t.Unicode("").tag(sync=True)
    baseline = t.Unicode("").tag(sync=True)
    measure = t.Enum(tuple(MEASURES), "accuracy").tag(sync=True)
    cost = t.Enum(tuple(COSTS), "parameters").tag(sync=True)
    curve = t.Enum(_CURVES, "validation_accuracy").tag(sync=True)
    order = t.Enum(_ORDERS, "as given").tag(sync=True)
    page = t.Int(0).tag(sync=True)
    focus = t.Int(-1).tag(sync=True)
    selected = t.List(t.Int()).tag(sync=True)

    data = t.Enum(("", *SETS), "").tag(sync=True)
    chosen = t.List(t.Unicode()).tag(sync=True)
    seeds = t.Int(3).tag(sync=True)
    epochs = t.Int(8).tag(sync=True)
    most_train = t.Int(0).tag(sync=True)
    training = t.Enum(("joint", "separate", "experts-first"), "joint").tag(sync=True)

    _view = t.Dict().tag(sync=True)
    _live = t.Dict().tag(sync=True)
    _planes = wire.ByteTrait()
    _space = wire.ByteTrait()
    _sprite = wire.ByteTrait()
    _large = wire.ByteTrait()
