"""What `retrieve` can be asked for: a sentence, an item, a picture, or several of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from workbench.data.arrays import as_array, is_array, is_stack
from workbench.data.pairs import Pairs
from workbench.data.pairs_input import is_picture
from workbench.errors import BadInputError
from workbench.formatting import one_line

__all__ = ["Direction", "check_query", "several_queries"]

Direction = Literal["text to image", "image to text", "image to image"]


def several_queries(query: Any) -> list[Any] | None:
    """The queries of a list, a tuple, an array or a column of a table; None where one was given.

    Raises:
        BadInputError: none is in it.
    """
    found: list[Any] | None = None
    if isinstance(query, (list, tuple, Pairs)):
        found = list(query)
    elif is_array(query):
        array = as_array(query)
        if array.ndim == 1:
            found = array.tolist()
        elif is_stack(array):
            found = list(query)
    elif hasattr(query, "to_pylist"):
        found = list(query.to_pylist())
    elif hasattr(query, "tolist") and not isinstance(query, np.generic):
        found = list(query.tolist())
    if found is not None and not found:
        raise BadInputError("There is no query in the list. Give a sentence, an item number or a picture.")
    return found


def check_query(query: Any, items: int, among: Iterable[str] | None) -> None:
    """Refuse what nothing can be found by, before anything is embedded.

    Raises:
        BadInputError: no sentence, item or picture; an empty sentence; an item that there is not.
    """
    if is_picture(query):
        return
    if isinstance(query, str):
        if not query.strip():
            raise BadInputError("The query is empty. Type a word or a sentence to find pictures by.")
        if among is not None:
            raise BadInputError(
                "among= names texts to find, and a sentence finds pictures. Leave it out, or ask by a "
                "picture or "
                "by an item's number."
            )
        return
    if isinstance(query, (bool, np.bool_)) or not isinstance(query, (int, np.integer)):
        raise BadInputError(
            f"query is {one_line(repr(query))}, of type {type(query).__name__}; expected a sentence, the "
            "number of "
            "an item, a picture, or a list of these."
        )
    if not -items <= query < items:
        raise BadInputError(f"Item {query} was asked for; these pairs have {items}, numbered from 0.")
