"""The Python that shows an attention lens again, with everything that was set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widgets.lens.trace_view import Group
from workbench import data
from workbench.capture import Trace

__all__ = ["FOLDER", "as_python"]

FOLDER = "pictures"
"""Where pictures go that were never files of their own, beside the notebook."""
_AT_HAND = "# `pair` is the picture with its text that was captured; it must be at hand."


def as_python(
    trace: Trace,
    group: Group,
    selected: Mapping[str, Any],
    *,
    choices: Mapping[str, Any],
    sites: Sequence[str] | None = None,
    write: bool = False,
) -> str:
    """A cell that captures the same pair, takes the row of attention on the screen, and shows the lens again.

    Args:
        choices: traits that differ from what a new lens has.
        sites: those that the lens was limited to.
        write: write a picture that was never a file into `FOLDER`, so that the code can open it.
    """
    options = {"selected": dict(selected), **choices}
    told = [f"{name}={value!r}" for name, value in options.items()]
    if sites is not None:
        told.insert(0, f"sites={list(sites)!r}")
    show = "show(\n    trace,\n" + "".join(f"    {one},\n" for one in told) + ")"
    lines = [*_captured(trace, write), *_weights(group, selected), *_without(trace, choices), show]
    rollout = ", rollout" if selected["reading"] == "rollout" else ""
    imports = [
        "from widgets import show",
        "from workbench import data, models",
        f"from workbench.capture import capture{rollout}",
        "",
    ]
    return "\n".join(imports + lines) + "\n"


def _captured(trace: Trace, write: bool) -> list[str]:
    if trace.score is None and not hasattr(trace.pair, "code") and not _in_hand(trace):
        if not trace.provenance.model:
            return ["# `trace` is the Trace that was given to show(): made by hand, no code makes it again."]
        return [
            f"# `model` and `inputs` are the {trace.provenance.model} and the tensors that were captured.",
            f"trace = capture(model, inputs{_options(trace)})",
        ]
    pair = f"pair = {_pair(trace, write)}" if trace.pair is not None else _AT_HAND
    return [
        f"model = models.load({trace.provenance.model!r})",
        pair,
        f"trace = capture(model, pair{_options(trace)})",
    ]


def _in_hand(trace: Trace) -> bool:
    """Whether the pair is a tuple (picture, text), either of which may be missing."""
    return isinstance(trace.pair, tuple) and len(trace.pair) == 2


def _pair(trace: Trace, write: bool) -> str:
    pair = trace.pair
    code = "" if isinstance(pair, tuple) else str(pair.code)
    if code and "from_pictures(pictures" not in code:
        return code
    picture, text = pair if isinstance(pair, tuple) else (pair.picture, pair.text)
    if picture is None:
        return f"(None, {text!r})"
    kept = data.keep(data.from_pictures([picture], texts=[text or "picture"]), FOLDER, write=write)
    return f"{kept.code}[0]" if text else f"({kept.code}[0].picture, '')"


def _options(trace: Trace) -> str:
    known, usual = trace.provenance.parameters, {"rows": "all", "precision": "float32"}
    told = [f"{name}={known[name]!r}" for name, value in usual.items() if known.get(name, value) != value]
    if "asked" in known:
        told.insert(0, repr(list(known["asked"])))
    return "".join(f", {one}" for one in told)


def _weights(group: Group, selected: Mapping[str, Any]) -> list[str]:
    """The numbers on the screen, taken from the trace."""
    site, token, head = selected["site"], selected["token"], selected["head"]
    if selected["reading"] == "rollout":
        layers = group.sites[: group.sites.index(site) + 1]
        return [
            f"flow = rollout([trace.attention(name) for name in {layers!r}])",
            f"weights = flow[:, {token}]" if selected["backwards"] else f"weights = flow[{token}]",
        ]
    one = selected["reading"] == "head"
    if selected["backwards"]:
        heads = f"values[{head}]" if one else "values.mean(axis=0)"
        return [f"weights = trace.attention({site!r}).{heads}[:, {token}]"]
    return [f"weights = trace.attention({site!r}).row({token}{f', head={head}' if one else ''})"]


def _without(trace: Trace, choices: Mapping[str, Any]) -> list[str]:
    """The score without what is masked; the lens computes it too."""
    masked = choices.get("masked", {})
    patches, words = (list(masked.get(name, ())) for name in ("patches", "words"))
    if not (patches or words) or trace.score is None:
        return []
    return [
        "from workbench.attribution import score_without",
        f"print(score_without(model, pair, patches={patches!r}, words={words!r}))",
    ]
