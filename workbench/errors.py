"""The errors a user can meet. Each says what was given, what was expected and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BadCallError",
    "BadInputError",
    "BadPictureError",
    "BadWeightsError",
    "Cancelled",
    "UnavailableError",
    "UnknownNameError",
    "UnsupportedError",
    "WorkbenchError",
    "did_you_mean",
]


#: Letters of a message; the longest of our own names some forty models.
_LONGEST = 4000


class WorkbenchError(Exception):
    """Base of every error this package raises on purpose.

    A library's own message is often quoted in ours, and can hold what it read: a header of 100,000 letters, a
    whole table. What is too long to be read on a screen is left out of the middle.
    """

    def __str__(self) -> str:
        told = super().__str__()
        if len(told) <= _LONGEST:
            return told
        half = _LONGEST // 2 - 50
        return f"{told[:half]} [... {len(told) - 2 * half:,} letters left out ...] {told[-half:]}"


class BadInputError(WorkbenchError, ValueError):
    """An argument cannot be used as given: labels, templates, texts, tables, options."""


class BadCallError(BadInputError, TypeError):
    """A call with an option that there is not, without an argument that is needed, or in the wrong order."""


class BadPictureError(BadInputError):
    """A picture cannot be read, or is not one."""


class BadWeightsError(WorkbenchError):
    """A weights file is corrupt, incomplete, of another architecture, or of an unsafe format."""


class UnknownNameError(WorkbenchError, LookupError):
    """No model, data set or option has this name."""


class UnavailableError(WorkbenchError):
    """Known, but not on this machine, and it may not be (or was not asked to be) downloaded."""


class UnsupportedError(WorkbenchError):
    """This model cannot do what was asked; the message gives the reason found when it was loaded."""


class Cancelled(WorkbenchError):  # noqa: N818 - a wish that was heard, not a mistake
    """The user cancelled; whatever was finished before is kept."""


def did_you_mean(name: str, choices: Iterable[str], *, most: int = 3) -> str:
    """The nearest `choices` as a sentence to end a message with.

    Args:
        name: what was given.
        choices: what there is.
        most: how many to name.

    Returns:
        The sentence, a space before it; "" where nothing is near.

    Example:
        >>> from workbench.errors import did_you_mean
        >>> did_you_mean("emojy", ["emoji", "photos"])
        " Did you mean 'emoji'?"
    """
    folded = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(name.casefold(), folded, n=most, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(folded[key]) for key in near)}?" if near else ""
