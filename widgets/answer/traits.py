"""What a user can set on the answer lens, from the browser or from the next cell, and its wire."""

from __future__ import annotations

from typing import Any

import traitlets as t

from widgets import wire
from workbench.generation import How

__all__ = ["CHOICES", "HOW", "MAPS", "PAGES", "WITHOUT", "AnswerTraits", "settings_of"]

MAPS = ("attention", "minus", "relevance", "occlusion")
"""What lies over the picture: attention, attention minus that under another picture, or an explanation."""

WITHOUT = ("others", "blur", "mean", "instruction", "history")
"""What can be taken from an answer, as `rely` names it."""

PAGES = ("answer", "beam")

HOW = ("how", "width", "length_penalty", "temperature", "top_k", "top_p", "seed", "max_new_tokens")
"""Traits that say how the next answer is written."""

CHOICES = ("selected", "patch", "page", "map", "layer", "row", "opacity", "node", "shown_width", "part", *HOW)
"""Traits that can be given to a lens by name."""


class AnswerTraits(t.HasTraits):
    """Public ones are choices, all of which `Copy as Python` writes down; private ones are the wire."""

    selected: t.List[int] = t.List(t.Int()).tag(sync=True)
    patch = t.Int(None, allow_none=True).tag(sync=True)
    page = t.Enum(PAGES, "answer").tag(sync=True)
    map = t.Enum(MAPS, "attention").tag(sync=True)
    layer = t.Int(None, allow_none=True).tag(sync=True)
    row = t.Enum(("producing", "reading"), "producing").tag(sync=True)
    opacity = t.Float(0.75, min=0.0, max=1.0).tag(sync=True)
    node = t.Int(None, allow_none=True).tag(sync=True)
    shown_width = t.Int(None, allow_none=True, min=1).tag(sync=True)
    part = t.Enum(("", *WITHOUT), "").tag(sync=True)
    prompt = t.Unicode("").tag(sync=True)
    how = t.Enum(("greedy", "beam", "sample"), "greedy").tag(sync=True)
    width = t.Int(4, min=1).tag(sync=True)
    length_penalty = t.Float(0.0).tag(sync=True)
    temperature = t.Float(1.0).tag(sync=True)
    top_k = t.Int(None, allow_none=True).tag(sync=True)
    top_p = t.Float(1.0).tag(sync=True)
    seed = t.Int(0).tag(sync=True)
    max_new_tokens = t.Int(64, min=1).tag(sync=True)

    _view: t.Dict[str, Any] = t.Dict().tag(sync=True)
    _tree: t.Dict[str, Any] = t.Dict().tag(sync=True)
    _found: t.Dict[str, Any] = t.Dict().tag(sync=True)
    _writing: t.Dict[str, Any] = t.Dict({"on": False, "text": ""}).tag(sync=True)
    _code = t.Unicode("").tag(sync=True)
    _maps = wire.ByteTrait()
    _other = wire.ByteTrait()
    _picture = wire.ByteTrait()

    def _decoding(self) -> How:
        """How the next answer is written, as a value.

        Raises:
            BadInputError: a setting is out of its range.
        """
        if self.how == "beam":
            return How("beam", width=self.width, length_penalty=self.length_penalty)
        if self.how == "greedy":
            return How()
        return How("sample", temperature=self.temperature, top_k=self.top_k, top_p=self.top_p, seed=self.seed)


def settings_of(how: How) -> dict[str, Any]:
    """The same as traits; nothing of an answer that was given."""
    if how.kind == "given":
        return {}
    known: dict[str, Any] = {"how": how.kind}
    if how.kind == "beam":
        known |= {"width": how.width, "length_penalty": how.length_penalty}
    if how.kind == "sample":
        known |= {"temperature": how.temperature, "top_k": how.top_k, "top_p": how.top_p, "seed": how.seed}
    return known
