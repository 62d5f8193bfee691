"""The Python that shows an answer lens again, with everything that was set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from workbench import data
from workbench.generation import Answer, Beams

__all__ = ["FOLDER", "as_python"]

FOLDER = "pictures"
"""Where pictures go that were never files of their own, beside the notebook."""


def as_python(
    answer: Answer, choices: Mapping[str, Any], *, search: Beams | None = None, write: bool = False
) -> str:
    """A cell that asks the same model the same, and shows the lens as it stands.

    Args:
        choices: traits that differ from what a new lens has.
        search: the tree that the answer is a path of; the lens is one on the whole search then.
        write: write a picture that was never a file into `FOLDER`, so that the code can open it.
    """
    lines = ["from widgets import show"]
    if answer.provenance.model:
        lines += [
            "from workbench import data, models",
            f"from workbench.generation import {'search' if search is not None else _verbs(answer)}",
            "",
            f"model = models.load({answer.provenance.model!r})",
            *_pictures(answer, write),
            _written(answer) if search is None else _searched(search),
        ]
    else:
        lines += [
            "",
            "# `answer` is the Answer that was given to show(): no code makes it again.",
        ]
    told = "".join(f"    {name}={value!r},\n" for name, value in choices.items())
    shown = "answer" if search is None else "beams"
    lines += [f"lens = show(\n    {shown},\n{told})" if told else f"lens = show({shown})", "lens"]
    return "\n".join(lines) + "\n"


def _pictures(answer: Answer, write: bool) -> list[str]:
    if not answer.pictures:
        return ["picture = None"]
    kept = [
        data.keep(data.from_pictures([Image.fromarray(one)], texts=["picture"]), FOLDER, write=write).code
        for one in answer.pictures
    ]
    if len(kept) == 1:
        return [f"picture = {kept[0]}[0].picture"]
    return ["picture = [", *(f"    {code}[0].picture," for code in kept), "]"]


def _searched(beams: Beams) -> str:
    most = f", max_new_tokens={beams.max_new_tokens}" if beams.max_new_tokens else ""
    told = f"width={beams.how.width}, length_penalty={beams.how.length_penalty!r}{most}"
    return f"beams = search(model, picture, {beams.prompt!r}, {told})"


def _verbs(answer: Answer) -> str:
    given = answer.how.kind == "given"
    return "likelihood" if given else ", ".join(sorted((answer.how.kind, "write")))


def _written(answer: Answer) -> str:
    if answer.how.kind == "given":
        tokens = [int(token) for token in answer.tokens]
        return f"answer = likelihood(model, picture, {answer.prompt!r}, text={tokens!r}, ending=False)"
    known = answer.provenance.parameters
    told = [f"how={answer.how}"]
    told += [f"{name}={known[name]!r}" for name in ("max_new_tokens",) if name in known]
    start = list(known.get("start", ()))
    told += [f"start={start!r}"] if start else []
    return f"answer = write(model, picture, {answer.prompt!r}, {', '.join(told)})"
