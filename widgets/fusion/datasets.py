"""Data sets that ship and that fusions can be compared on: the menu of the page Training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench import data
from workbench.fusion import Examples, examples
from workbench.results import OnEvent, ShouldStop

__all__ = ["SETS", "ShippedSet", "load_set"]


@dataclass(frozen=True)
class ShippedSet:
    """One entry of the menu.

    Attributes:
        title: for people, with what the label needs. name, options: what `data.load` takes.
        most_train: training rows that a comparison takes at first, so that it ends within minutes.
    """

    title: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    most_train: int = 0


SETS: Mapping[str, ShippedSet] = {
    "digits-words-xor": ShippedSet(
        "digits and words: is exactly one odd? (XOR: a product)", "digits-words", {"task": "xor", "n": 1600}
    ),
    "digits-words-redundant": ShippedSet(
        "digits and words: which digit? (redundant: either says it)",
        "digits-words",
        {"task": "redundant", "n": 1600, "text_noise": 0.5},
    ),
    "easy-vqa": ShippedSet("easy-VQA: questions about shapes (a product)", "easy-vqa", {}, 4000),
    "shapes-questions": ShippedSet("questions about drawn scenes", "shapes-questions", {}, 4000),
    "emoji-match": ShippedSet("emoji and names: do they fit?", "emoji-match", {}, 4000),
}
"""Name to entry, the quickest first."""


def load_set(name: str, on_event: OnEvent | None, should_stop: ShouldStop | None) -> Examples:
    """The tokens of an entry."""
    entry = SETS[name]
    pairs = data.load(entry.name, **entry.options)
    return examples(pairs, limit=12_000, on_event=on_event, should_stop=should_stop)
