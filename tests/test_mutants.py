"""`make mutants`: its table is true, what it plants are faults, and one is seen by the tests and not by the disk."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from faults import mutations
from mutants import ROOT, drawn, table


def test_every_path_of_the_table_is_there() -> None:
    modules, equivalent = table()
    named = [path for module in modules for path in (module.path, *module.tests)]
    assert [path for path in named if not (ROOT / path.partition("::")[0]).exists()] == []
    assert len({module.name for module in modules}) == len(modules)
    assert {name for name, _ in equivalent} <= {module.name for module in modules}


def test_every_equivalent_fault_of_the_table_can_be_planted_and_says_why() -> None:
    modules, equivalent = table()
    there = {(module.name, fault.name) for module in modules for fault in drawn(module, 0, 0)[0]}
    assert [key for key in equivalent if key not in there] == []
    assert all(why.strip() for why in equivalent.values())


@pytest.mark.parametrize(
    ("line", "planted"),
    [
        ("a < b", {"(a <= b)", "(a >= b)"}),
        ("a is None", {"(a is not None)"}),
        ("a + 2 * b", {"(a - 2 * b)", "(2 / b)", "(3)"}),
        ("a and not b", {"(a or not b)", "(b)"}),
        ("x.mean(axis=1)", {"(x.sum(axis=1))", "(x.mean())", "(2)"}),
        ("min(a, 0.5)", {"(max(a, 0.5))", "(1.0)"}),
        ("a if x.any() else b", {"(not x.any())", "(x.all())"}),
        ("f'{a + 1}' + b", set()),
        ("'+' + b", set()),
    ],
)
def test_an_expression_becomes_what_the_page_says(line: str, planted: set[str]) -> None:
    found = mutations(f"value = {line}\n")
    assert {one.now for one in found} == planted
    assert all(ast.dump(ast.parse(one.source)) != ast.dump(ast.parse(f"value = {line}\n")) for one in found)


def test_statements_are_turned_and_words_types_and_printing_left_alone() -> None:
    source = """
def f(x: int | None, most: int = 3) -> int | str:
    '''1 + 1'''
    if x:
        raise ValueError(f"{x + 1} of {2}")
    x += 1
    x.put(most)
    return x

class A:
    def __repr__(self):
        return 1 + 2
"""
    now = {one.now for one in mutations(source)}
    assert now == {"(4)", "(not x)", "x -= 1", "(2)", "pass", "return None"}


def test_letters_of_any_alphabet_do_not_move_the_place_of_a_fault() -> None:
    (found, _) = mutations("a = 'größer 猫'; b = c < d\n")
    assert found.source == "a = 'größer 猫'; b = (c <= d)\n" and (found.line, found.was) == (1, "c < d")


def test_faults_that_are_written_alike_have_names_of_their_own() -> None:
    found = mutations("a = (1, 1)[1]\nb = 2\na = (1, 1)[1]\n")
    assert len({one.name for one in found}) == len(found) == 7


PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = [{tools!r}]
import mutants
mutants.ROOT = Path.cwd()
mutants._HEAVY = ("pytest",)
mutants.warmed()
module = mutants.Module("small", "small.py", ("test_small.py",))
for source in (None, *(fault.source for fault in mutants.drawn(module, 0, 0)[0])):
    print(*mutants.tried(module, source, 30))
print(*mutants.tried(module, "while True: pass", 1))
"""


def test_a_fault_is_seen_by_the_tests_that_notice_and_by_no_file(tmp_path: Path) -> None:
    """`double` is held by a test, `triple` by none: of two faults each, two are seen, and nothing is written."""
    small = "def double(x):\n    return 2 * x\n\n\ndef triple(x):\n    return 3 * x\n"
    (tmp_path / "small.py").write_text(small)
    (tmp_path / "test_small.py").write_text(
        "import small\n\n\ndef test_double():\n    assert small.double(3) == 6\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM.format(tools=str(ROOT / "tools"))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    killed = "killed FAILED test_small.py::test_double"
    assert [line.strip() for line in said] == [
        "survived",
        *[killed] * 3,
        *["survived"] * 3,
        "killed not done in 1 s",
    ]
    assert (tmp_path / "small.py").read_text() == small
