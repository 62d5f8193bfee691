"""Every example of a docstring of the public face runs, on what ships, and prints what it says."""

from __future__ import annotations

import doctest

import pytest
from documented import ROOMS, examples

from workbench import progress
from workbench.attribution import METHODS
from workbench.models.loading import shelf

EXAMPLES = dict(examples(ROOMS))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file or a folder
    monkeypatch.setattr(shelf, "_limit", shelf._limit)  # and two change a setting of the process
    monkeypatch.setattr(METHODS, "rows", METHODS.rows)  # one adds a method
    monkeypatch.setattr(progress, "_LISTENER", [*progress._LISTENER])
    said: list[str] = []
    case = doctest.DocTestParser().get_doctest(EXAMPLES[name], {}, name, name, 0)
    doctest.DocTestRunner().run(case, out=said.append)
    assert not said, "".join(said)


def test_a_wrong_line_is_found():
    case = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", "wrong", 0)
    said: list[str] = []
    assert doctest.DocTestRunner().run(case, out=said.append).failed == 1 and said
