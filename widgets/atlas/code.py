"""Copy as Python: the code whose result is what stands on the atlas."""

from __future__ import annotations

from collections.abc import Sequence

from widgets.atlas.input import own_temperature
from widgets.atlas.view import Choices
from workbench.projection import Projection, changed_settings

__all__ = ["as_python"]

_LISTED = 60  # selected numbers written out; more would bury the code


def as_python(projection: Projection, choices: Choices, *, query: str = "", names: Sequence[str] = ()) -> str:
    """A cell that makes the same map and puts the same choices on it."""
    lines = (
        _source(projection) if len(names) < 2 else ["# `projections` are the maps that were passed to show()"]
    )
    shown = "projection" if len(names) < 2 else f"projections, names={list(names)!r}"
    lines += ["", f"atlas = show({shown})", *_settings(projection, choices, query)]
    return "\n".join(lines) + "\n"


def _source(projection: Projection) -> list[str]:
    embeddings = projection.embeddings
    if projection.method == "given" or projection.pairs is None or not embeddings.provenance.model:
        return [
            "from widgets import show",
            "",
            "# `projection` is the one that was passed to show()",
        ]
    options = [f"method={projection.method!r}", f"mode={projection.mode!r}"]
    if projection.mode == "shifted":
        options.append(f"shift={projection.shift!r}")
    if projection.seed is not None:
        options.append(f"seed={projection.seed!r}")
    options += [f"{name}={value!r}" for name, value in changed_settings(projection).items()]
    return [
        "from workbench import data, models",
        "from workbench.embedding import embed",
        "from workbench.projection import project",
        "from widgets import show",
        "",
        f"model = models.load({embeddings.provenance.model!r})",
        f"pairs = {projection.pairs.code}",
        f"projection = project(embed(model, pairs), {', '.join(options)})",
    ]


def _settings(projection: Projection, choices: Choices, query: str) -> list[str]:
    lines = []
    if choices.layer:
        lines.append(f"atlas.layer = {choices.layer}")
    if choices.colour != "label":
        lines.append(f"atlas.colour = {choices.colour!r}")
    if choices.labels:
        lines.append(f"atlas.labels = {list(choices.labels)!r}")
    if choices.temperature != own_temperature(projection.embeddings, projection.model):
        lines.append(f"atlas.temperature = {choices.temperature!r}")
    if choices.links != "none":
        lines.append(f"atlas.links = {choices.links!r}")
    if choices.gallery != "pictures":
        lines.append(f"atlas.gallery = {choices.gallery!r}")
    if query:
        lines.append(f"atlas.query = {query!r}")
    chosen = choices.selected
    if len(chosen) > _LISTED:
        lines.append(f"# {len(chosen):,} items are selected: atlas.selected holds their numbers")
    elif len(chosen):
        lines.append(f"atlas.selected = {chosen.tolist()!r}")
        if projection.pairs is not None:
            lines.append("chosen = pairs[atlas.selected]")
    return lines
