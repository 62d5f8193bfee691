"""Copy as Python: the code whose result is what stands on the fusion board. Also its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from workbench.fusion import Design, FusionReport, Meeting, Plan

__all__ = ["atlases_code", "compare_code", "meetings_code", "plan_code", "plane_code", "proof_code"]


def plane_code(task: str, fusions: Sequence[str], *, design: Design, seed: int, steps: int | None) -> str:
    """A cell that trains the same fusions on the same task of the plane."""
    more = f", steps={steps}" if steps else ""
    return (
        "from widgets import show\n"
        "from workbench.fusion import Design, regions\n\n"
        f"planes = regions(\n    {list(fusions)!r},\n    {task!r},\n"
        f"    design={_built(design, Design())},\n    seed={seed}{more},\n)\nshow(planes)\n"
    )


def meetings_code(own: Sequence[Meeting], specimens: Sequence[str]) -> str:
    """A cell that measures where the modalities meet, in one's own models and in tiny ones."""
    lines = ["from workbench.capture import capture", "from workbench.fusion import meeting, specimen", ""]
    lines += [
        f"meeting(capture(model, inputs))  # a {found.model}, with its processor's tensors" for found in own
    ]
    lines += [f"specimen({name!r})" for name in specimens]
    return "\n".join(lines) + "\n"


def atlases_code(first: str, second: str) -> str:
    """Lines that lay the fused spaces of two fusions side by side, as atlases with one selection."""
    return (
        "\nfrom workbench.fusion import fused\nfrom workbench.projection import align, project\n\n"
        f"show(align(project(fused(report, {first!r})), project(fused(report, {second!r}))))\n"
    )


def compare_code(report: FusionReport, *, selected: Sequence[int] = ()) -> str:
    """A cell that makes the same comparison on the same rows."""
    given = report.provenance.parameters
    source, imports, setup = _source(report, given)
    count = len(report.seeds)
    seeds = str(count) if report.seeds == tuple(range(count)) else repr(list(report.seeds))
    lines = [
        *imports,
        "from widgets import show",
        f"from workbench.fusion import {_names(source, plan_code(report.plan))}",
        "",
        *setup,
        "report = compare(",
        f"    {source},",
        f"    {list(report.fusions)!r},",
        f"    seeds={seeds},",
        f"    plan={plan_code(report.plan)},",
        ")",
        f"# configuration {report.config_hash}, seeds {', '.join(map(str, report.seeds))}",
        "show(report)",
    ]
    if selected:
        lines.append(f"chosen = report.examples.take({sorted(selected)!r})")
    return "\n".join(lines) + "\n"


def _names(source: str, plan: str) -> str:
    """What the cell takes from the fusion lab."""
    wanted = {
        "Design": "Design(" in plan,
        "Plan": True,
        "compare": True,
        "examples": source.startswith("examples("),
    }
    return ", ".join(name for name, used in wanted.items() if used)


def proof_code(fusions: Sequence[str]) -> str:
    """A cell that proves the same fusions."""
    return (
        "from widgets import show\nfrom workbench.fusion import prove\n\n"
        f"proof = prove({list(fusions)!r})\nshow(proof)\n"
    )


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


def _source(report: FusionReport, given: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """(argument, imports, lines before) that give the report's data again."""
    code = str(getattr(report.examples, "code", "") or given.get("data", "") or "examples")
    imports = []
    if "data." in code:
        imports.append("from workbench import data")
    if "models." in code:
        imports.append("from workbench import models")
    return code, imports, []
