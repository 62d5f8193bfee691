"""A docstring of the public face says every parameter, what comes back, what is refused, and shows a call."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest
from documented import ROOMS, entries, faults, field_faults, method_faults, methods, public, sections

from workbench.errors import BadInputError

PUBLIC = dict(public(ROOMS))
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if not inspect.isclass(thing)}
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_refuses_and_shows_a_call(name):
    assert faults(FUNCTIONS[name]) == []


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_describes_each_field_and_each_method_what_it_is_given(name):
    kind = CLASSES[name]
    assert inspect.getdoc(kind)
    assert field_faults(kind) == []
    told = {method: method_faults(function) for method, function in methods(kind)}
    assert {method: said for method, said in told.items() if said} == {}


def test_a_widget_shows_how_it_is_made():
    boards = {name: kind for name, kind in CLASSES.items() if name.startswith("widgets.")}
    shown = {name: sections(inspect.getdoc(kind) or "").get("Example", "") for name, kind in boards.items()}
    assert [name for name, said in shown.items() if ">>>" not in said] == []


# The contract itself ------------------------------------------------------------------------------


def _checked(rows: int) -> int:
    if rows < 0:
        raise BadInputError("rows are counted from 0")
    return rows


def whole(rows: int, *, seed: int = 0) -> int:
    """The rows as they came, checked.

    Args:
        rows: how many, 0 or more.
        seed: of nothing.

    Returns:
        The same number.

    Raises:
        BadInputError: below 0.

    Example:
        >>> whole(3)
        3
    """
    return _checked(rows) + 0 * seed


@pytest.mark.parametrize(
    ("left", "told"),
    [
        ("The rows as they came, checked.\n\n", "no first sentence"),
        ("    seed: of nothing.\n", "Args: no seed"),
        ("    rows: how many, 0 or more.\n", "Args: no rows"),
        ("Returns:\n    The same number.\n", "no Returns"),
        ("    BadInputError: below 0.\n", "Raises: no BadInputError"),
        ("    >>> whole(3)\n    3\n", "no Example"),
    ],
)
def test_each_part_is_missed_where_it_is_left_out(monkeypatch, left, told):
    assert faults(whole) == []
    text = inspect.getdoc(whole) + "\n"
    assert text.count(left) == 1
    monkeypatch.setattr(whole, "__doc__", text.replace(left, ""))
    assert faults(whole) == [told]


def test_a_parameter_that_there_is_not_any_more_is_found(monkeypatch):
    monkeypatch.setattr(whole, "__doc__", inspect.getdoc(whole).replace("seed:", "seed, start:"))
    assert faults(whole) == ["Args: start is no parameter"]


def test_what_stops_says_what_is_kept():
    def stops(*, should_stop: None = None) -> None:
        """Stops when it is asked to.

        Args:
            should_stop: asked before each step.

        Example:
            >>> stops()
        """

    assert faults(stops) == ["nothing on what is kept when it is cancelled"]


def test_a_field_or_an_argument_of_a_method_that_nobody_describes_is_found():
    @dataclass
    class Held:
        """Two numbers.

        Shapes:
            first: item

        Attributes:
            second: another.
        """

        first: int
        second: int
        third: int

        def top(self, most: int) -> int:
            """The best."""
            return most

    assert field_faults(Held) == ["no field third"]
    assert [method_faults(function) for _, function in methods(Held)] == [["nothing on most"]]


def test_one_entry_may_describe_several_names_and_goes_on_below():
    text = "What.\n\nArgs:\n    a, b: two\n        of them\n    **more: the rest.\n\nSource: a paper, equation 2."
    parts = sections(text)
    assert entries(parts["Args"]) == {"a": "two of them", "b": "two of them", "more": "the rest."}
    assert parts["Source"] == "a paper, equation 2."
