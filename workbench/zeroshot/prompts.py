"""Templates: sentences with a `{}` where the label goes. They are data, never format strings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from workbench.calling import verb
from workbench.errors import BadInputError
from workbench.formatting import one_line, plural
from workbench.values import is_missing, sentences_of

__all__ = [
    "DEFAULT_TEMPLATES",
    "PHOTO_TEMPLATES",
    "check_labels",
    "check_template",
    "check_templates",
    "fill",
]

DEFAULT_TEMPLATES = ("{}", "a picture of {}", "an image of a {}", "a drawing of {}", "the {} symbol")
"""Wordings for drawings; the first is the bare label."""

PHOTO_TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a close-up photo of a {}.",
    "a blurry photo of a {}.",
    "a photo of many {}.",
    "a drawing of a {}.",
    "a bright photo of a {}.",
)
"""Wordings for models trained on photographs with captions."""

_SLOT = "{}"


@verb
def check_template(template: str) -> str:
    """One template as `classify` takes it, while it is typed: stripped, with its one `{}`.

    Args:
        template: a sentence with `{}` where the label goes.

    Returns:
        The sentence, without the spaces around it.

    Raises:
        BadInputError: it is empty, has no `{}` or several, or has other braces.

    Example:
        >>> from workbench.zeroshot import check_template
        >>> check_template(" a photo of {} ")
        'a photo of {}'
    """
    if not isinstance(template, str):
        raise BadInputError(
            f"A template is a {type(template).__name__} ({one_line(repr(template), most=40)}); expected a "
            "sentence "
            "with {} where the label goes."
        )
    text = template.strip()
    shown = repr(one_line(text))
    if not text:
        raise BadInputError("A template is empty. Write a sentence with {} where the label goes.")
    if _SLOT not in text:
        raise BadInputError(
            f"The template {shown} has no {{}}, so every label would become the same sentence. "
            "Write {} where the label goes, as in 'a photo of a {}'."
        )
    rest = text.replace(_SLOT, "", 1)
    if _SLOT in rest:
        raise BadInputError(
            f"The template {shown} has more than one {{}}; keep the one where the label goes."
        )
    if "{" in rest or "}" in rest:
        raise BadInputError(f"The template {shown} has other braces than one {{}}. Take them out.")
    return text


@verb
def check_templates(templates: Iterable[str]) -> tuple[str, ...]:
    """Templates as `classify` takes them: each checked, without repeats, in their order.

    Args:
        templates: sentences with `{}` where the label goes, or one.

    Returns:
        The sentences.

    Raises:
        BadInputError: none, or one that `check_template` refuses.

    Example:
        >>> from workbench.zeroshot import check_templates
        >>> check_templates(["{}", "a photo of {}", "{}"])
        ('{}', 'a photo of {}')
    """
    listed = sentences_of(templates, what="templates")
    checked = tuple(dict.fromkeys(check_template(template) for template in listed))
    if not checked:
        raise BadInputError("No template was given. Give at least one, such as '{}' for the bare label.")
    return checked


@verb
def check_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels as `classify` takes them: words, with single spaces and none around.

    Args:
        labels: words, or the numbers of classes.

    Returns:
        class: the labels, in their order.

    Raises:
        BadInputError: none, a blank one, or one given twice (its probability would be split in two).

    Example:
        >>> from workbench.zeroshot import check_labels
        >>> check_labels([" a  cat ", "a dog"])
        ('a cat', 'a dog')
    """
    if isinstance(labels, str):
        raise BadInputError(
            f"labels is the single text {one_line(labels)!r}. Give a list, as in ['a cat', 'a dog']."
        )
    labels = sentences_of(labels, what="labels")
    stripped = tuple(" ".join(_label(label, place).split()) for place, label in enumerate(labels))
    if not stripped:
        raise BadInputError("No label was given. Give at least one; two or more make a choice.")
    blank = [place + 1 for place, label in enumerate(stripped) if not label]
    if blank:
        raise BadInputError(
            f"{_places('label', blank)} blank. Every label needs a word; take the empty ones out."
        )
    seen: dict[str, int] = {}
    for place, label in enumerate(stripped):
        first = seen.setdefault(label, place)
        if first != place:
            raise BadInputError(
                f"The label {one_line(label)!r} is given twice (places {first + 1} and {place + 1}). "
                "The two would split one probability; keep one."
            )
    return stripped


def _label(label: object, place: int) -> str:
    """A label as text; numbers are written out, since the data's own may be class numbers."""
    if isinstance(label, (str, bool, int, float, np.number, np.bool_)) and not is_missing(label):
        return str(label)
    if isinstance(label, str) or label is None or is_missing(label):
        return ""
    raise BadInputError(
        f"Label {place + 1} is a {type(label).__name__} ({one_line(repr(label), most=40)}); expected words."
    )


def fill(label: str, template: str) -> str:
    """The sentence: `label` put literally in the place of `{}`."""
    return template.replace(_SLOT, label, 1)


def _places(noun: str, places: list[int]) -> str:
    shown = ", ".join(map(str, places[:5])) + (", …" if len(places) > 5 else "")
    return f"{plural(len(places), noun)} ({shown}) {'is' if len(places) == 1 else 'are'}"
