"""Copy as Python: the code that shows the fusion board again, with everything that was set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from workbench.fusion import PLANE_DESIGN, PLANE_SIZE, PLANE_STEPS, Design, FusionReport, Meeting, Plan

if TYPE_CHECKING:
    from widgets.fusion.fusion_board import FusionBoard

__all__ = ["board_code", "meetings_code", "plan_code"]

_SET = (
    "tab", "need", "may_miss", "explain", "apart", "most_parameters", "most_seconds", "rows", "task", "layer",
    "bottleneck", "beside", "seed", "steps", "preset", "fusion", "baseline", "measure", "cost", "curve",
    "order", "page", "focus", "selected", "chosen", "seeds", "epochs", "most_train", "training",
)  # fmt: skip
"""Traits that are copied where they differ from those the board would begin with."""


def board_code(board: FusionBoard, screen: Sequence[str]) -> str:
    """A cell that makes what is shown, shows it, and sets what was set.

    Args:
        screen: fusions on the plane, the slider's first.
    """
    made, shown = _made(board, screen)
    names = {name: None for _, lines in made.values() for name in _imports(lines)}
    code = "\n".join(line for _, lines in made.values() for line in lines)
    begins = _begins(board, made)
    sets = [
        f"board.{name} = {getattr(board, name)!r}" for name in _SET if getattr(board, name) != begins[name]
    ]
    head = [f"from workbench import {name}" for name in ("data", "models") if f"{name}." in code]
    head += ["from widgets import show" if shown else "from widgets import FusionBoard"]
    head += [f"from workbench.fusion import {', '.join(sorted(names))}"] if names else []
    last = [f"board = show({shown})" if shown else "board = FusionBoard()", *sets, "board"]
    if board.tab == "space":
        last += ["", *_atlases(board.baseline, board.fusion)]
    return "\n".join([*head, "", *(code.split("\n") if code else []), *last]) + "\n"


Made = dict[str, tuple[str, list[str]]]
"""What a board is given, by the name of the argument: (variable, lines that make it)."""


def _made(board: FusionBoard, screen: Sequence[str]) -> tuple[Made, str]:
    """What the board shows, and the arguments of `show` that bring it back."""
    made: Made = {}
    if board.report is not None:
        made["report"] = ("report", _report_lines(board.report, board.selected))
    if board.proof is not None:
        made["proof"] = ("proof", [f"proof = prove({list(board.proof.fusions)!r})"])
    if board.tab == "plane":
        made["regions"] = ("planes", _plane_lines(board, screen))
    if board.report is None and board.examples is not None:
        made["examples"] = ("asked", [f"asked = {board.examples.code}"])
    if board.report is None and board.tab == "choose":
        made["advice"] = ("advice", [f"advice = advise({_asked(board)})"])
    order = ("report", "advice", "regions", "proof", "examples")
    given = [name for name in order if name in made]
    if not given:
        return made, ""
    first, *others = given
    shown = ", ".join([made[first][0], *(f"{name}={made[name][0]}" for name in others)])
    return {name: made[name] for name in given}, shown


def _begins(board: FusionBoard, made: Made) -> dict[str, Any]:
    """Traits that a board made from just this begins with."""
    from widgets.fusion.initial_traits import start_values

    values = start_values(
        board.report, board.proof, None, (), None if board.report is not None else board.examples,
        board.advice if "advice" in made else None,
    )  # fmt: skip
    if "regions" in made:  # the very traits that were on the screen
        values = {"tab": "plane"} | {k: v for k, v in values.items() if board.report is not None}
        values |= {
            name: getattr(board, name) for name in ("task", "layer", "bottleneck", "beside", "seed", "steps")
        }
    return {name: values.get(name, board.traits()[name].default()) for name in _SET}


def _imports(lines: Sequence[str]) -> list[str]:
    """Names of `workbench.fusion` that some lines use."""
    from workbench import fusion

    text = "\n".join(lines)
    return [name for name in fusion.__all__ if f"{name}(" in text.replace(f".{name}(", "")]


def _plane_lines(board: FusionBoard, screen: Sequence[str]) -> list[str]:
    store = board.store
    more = [f"seed={board.seed}"]
    more += [f"steps={board.steps}"] if board.steps != PLANE_STEPS else []
    more += [f"size={store.size}"] if store.size != PLANE_SIZE else []
    more += [f"design={_built(store.design, Design())}"] if store.design != PLANE_DESIGN else []
    return [
        "planes = regions(",
        f"    {list(screen)!r},",
        f"    {board.task!r},",
        f"    {', '.join(more)},",
        ")",
    ]


def _asked(board: FusionBoard) -> str:
    from widgets.fusion.initial_traits import asked_of

    usual = {"need": "unknown", "may_miss": False, "explain": False, "apart": False}
    asked = asked_of(board)
    return ", ".join(f"{name}={value!r}" for name, value in asked.items() if value != usual.get(name))


def _report_lines(report: FusionReport, selected: Sequence[int]) -> list[str]:
    """The comparison opened again where it was kept, else made again."""
    lines = [f"report = {report.code}"] if report.code else _compared(report)
    if selected:
        lines.append(f"chosen = report.examples.take({sorted(selected)!r})")
    return lines


def _atlases(first: str, second: str) -> list[str]:
    """Lines that say how to lay two fused spaces side by side, as atlases with one selection."""
    return [
        "# The same two spaces as linked atlases:",
        "# from workbench.fusion import fused",
        "# from workbench.projection import align, project",
        f"# show(align(project(fused(report, {first!r})), project(fused(report, {second!r}))))",
    ]


def _compared(report: FusionReport) -> list[str]:
    given = report.provenance.parameters
    source = str(getattr(report.examples, "code", "") or given.get("data", "") or "examples")
    count = len(report.seeds)
    seeds = str(count) if report.seeds == tuple(range(count)) else repr(list(report.seeds))
    return [
        "report = compare(",
        f"    {source},",
        f"    {list(report.fusions)!r},",
        f"    seeds={seeds},",
        f"    plan={plan_code(report.plan)},",
        ")",
        f"# configuration {report.config_hash}, seeds {', '.join(map(str, report.seeds))}",
    ]


def meetings_code(own: Sequence[Meeting], specimens: Sequence[str]) -> str:
    """A cell that measures and shows where the modalities meet, in one's own models and in tiny ones."""
    lines = ["from workbench.capture import capture", "from workbench.fusion import meeting, specimen", ""]
    lines += [
        f"meeting(capture(model, inputs))  # a {found.model}, with its processor's tensors" for found in own
    ]
    lines += [f"specimen({name!r})" for name in specimens]
    return "\n".join(lines) + "\n"


def plan_code(plan: Plan) -> str:
    """`Plan(...)` with what differs from the usual."""
    usual, parts = Plan(), []
    for entry in fields(Plan):
        value = getattr(plan, entry.name)
        if entry.name == "design":
            if value != usual.design:
                parts.append(f"design={_built(value, usual.design)}")
        elif value != getattr(usual, entry.name):
            parts.append(f"{entry.name}={value!r}")
    return f"Plan({', '.join(parts)})"


def _built(value: Any, usual: Any) -> str:
    parts = [
        f"{entry.name}={getattr(value, entry.name)!r}"
        for entry in fields(value)
        if getattr(value, entry.name) != getattr(usual, entry.name)
    ]
    return f"{type(value).__name__}({', '.join(parts)})"
