"""What fails while a model is made: the files' fault is said in words, anybody else's surfaces as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.errors import BadInputError, BadWeightsError, WorkbenchError
from workbench.models.claims import in_words


@pytest.mark.parametrize(
    "problem", [KeyError("a"), RecursionError("deep"), TypeError("x"), RuntimeError("INTERNAL: y")]
)
def test_whatever_a_library_says_of_a_damaged_file_names_the_model(problem: Exception) -> None:
    with pytest.raises(BadWeightsError, match="my-model cannot be made from its files"):
        reading(by_a_library(problem))
    with pytest.raises(WorkbenchError, match="ours"):
        reading(by_a_library(BadInputError("ours")))
    with pytest.raises(MemoryError):
        reading(by_a_library(MemoryError()))


@pytest.mark.parametrize("problem", [KeyError("a"), TypeError("x"), RuntimeError("INTERNAL: y")])
def test_a_mistake_in_our_own_lines_or_the_callers_surfaces_as_it_is(problem: Exception) -> None:
    ours = raising(problem, "workbench/models/probes.py", "workbench.models.probes")
    with pytest.raises(type(problem)) as raised:
        reading(ours)
    assert raised.value is problem

    def callers() -> None:
        raise problem

    with pytest.raises(type(problem)) as raised:
        reading(callers)
    assert raised.value is problem


def test_lines_of_ours_that_read_the_files_may_meet_what_is_damaged_but_not_forget_a_name() -> None:
    where = "workbench/models/adapters/open_clip.py", "workbench.models.adapters.open_clip"
    with pytest.raises(BadWeightsError, match="KeyError: 'vision_cfg'"):
        reading(raising(KeyError("vision_cfg"), *where))
    with pytest.raises(NameError, match="forgotten"):
        reading(raising(NameError("forgotten"), *where))


def reading(read: Callable[[], None]) -> None:
    """`read` while a model is made, called by `workbench` as it is in `load`."""
    held = {"__name__": "workbench.models.loading", "in_words": in_words, "read": read}
    exec("def load():\n    with in_words('my-model'):\n        read()", held)
    held["load"]()


def raising(problem: Exception, file: str, module: str) -> Callable[[], None]:
    held = {"__name__": module, "problem": problem}
    exec(compile("def read():\n    raise problem", file, "exec"), held)
    return held["read"]


def by_a_library(problem: Exception) -> Callable[[], None]:
    return raising(problem, "lib/site-packages/library/reading.py", "library.reading")
