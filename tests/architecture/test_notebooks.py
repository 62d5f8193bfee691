"""Notebooks are thin: a story of short cells whose logic lives in the package."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from statistics import median

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LONGEST, MEDIAN = 12, 4
#: "3 min", "about two minutes", "half a minute", "20 s".
TIME = re.compile(
    r"\b(\d+|½|an?|one|two|three|four|five|ten|twenty|thirty|forty|half a|quarter of an)\s*(min\b|hours?\b|minutes?\b|s\b|seconds?\b)",
    re.IGNORECASE,
)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)[^)]*\)")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return json.loads(request.param.read_text("utf-8"))


def code_cells(notebook) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def prose(notebook) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def sections(notebook) -> dict[str, int]:
    """Each heading of the second level, with the number of code cells below it."""
    found: dict[str, int] = {}
    heading = ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            found[heading] = found.get(heading, 0) + 1
            continue
        for line in re.findall(r"^## (.*)$", "".join(cell["source"]), re.MULTILINE):
            heading = line
            found.setdefault(heading, 0)
    found.pop("", None)
    return found


def lines(cell: str) -> int:
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in cell.splitlines())


def test_there_is_a_tour():
    assert next(path.name for path in NOTEBOOKS) == "00_tour.ipynb"


def test_cells_are_short(notebook):
    lengths = [lines(cell) for cell in code_cells(notebook)]
    assert max(lengths) <= LONGEST
    assert median(lengths) <= MEDIAN


def test_nothing_is_defined_and_no_path_is_bent(notebook):
    for cell in code_cells(notebook):
        defined = [n for n in ast.walk(ast.parse(cell)) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        assert not defined, f"belongs into the package: {cell[:60]}"
        assert "sys.path" not in cell and not cell.lstrip().startswith(("!", "%"))


def test_no_output_is_stored(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code if cell["outputs"]] == []
    assert {cell["execution_count"] for cell in code} == {None}
    assert "widgets" not in notebook["metadata"]


def test_it_names_its_kernel_or_jupyterlab_would_open_a_dialog(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_it_opens_with_what_one_will_see_and_offers_things_to_try(notebook):
    texts = prose(notebook)
    assert texts[0].startswith("# ") and notebook["cells"][0]["cell_type"] == "markdown"
    assert any("try" in text.lower() for text in texts)


def test_it_says_how_long_it_takes_as_a_whole_and_section_by_section(notebook):
    front = prose(notebook)[0]
    assert TIME.search(front), "the front cell says no minutes"
    worked = [heading for heading, cells in sections(notebook).items() if cells]
    untimed = [heading for heading in worked if not TIME.search(heading)]
    listed = len(TIME.findall(front)) > len(worked)  # the whole, and then each section
    assert listed or not untimed, (
        f"sections that say no minutes, in their heading or in the front cell: {untimed}"
    )


def test_the_tour_says_which_keys_run_a_cell():
    tour = json.loads(NOTEBOOKS[0].read_text("utf-8"))
    first = next(place for place, cell in enumerate(tour["cells"]) if cell["cell_type"] == "code")
    before = ["".join(cell["source"]) for cell in tour["cells"][:first]]
    assert any("Shift+Enter" in text for text in before), (
        f"{NOTEBOOKS[0].name}: no Shift+Enter before its first cell"
    )


@pytest.mark.parametrize("place", range(len(NOTEBOOKS)), ids=[path.stem for path in NOTEBOOKS])
def test_its_end_leads_on(place):
    """To the next lesson; the last one back to the first, or to the project's page."""
    ways = [NOTEBOOKS[place + 1].name] if place + 1 < len(NOTEBOOKS) else [NOTEBOOKS[0].name, "../README.md"]
    end = prose(json.loads(NOTEBOOKS[place].read_text("utf-8")))[-1]
    assert set(LINK.findall(end)) & set(ways), (
        f"the last text of {NOTEBOOKS[place].name} links to none of {ways}"
    )


def test_every_link_between_lessons_leads_somewhere(notebook):
    dead = [
        link
        for text in prose(notebook)
        for link in LINK.findall(text)
        if "://" not in link and not (FOLDER / link).exists()
    ]
    assert dead == []


def test_a_claim_is_a_sentence_of_its_cell_and_python_that_could_be_true(notebook):
    for cell in notebook["cells"]:
        for claim in cell["metadata"].get("claims", []):
            assert cell["cell_type"] == "markdown", "claims stand where they are said"
            assert set(claim) == {"says", "true"}, f"a claim has `says` and `true`: {claim}"
            assert claim["says"] in "".join(cell["source"]), f"not in its cell any more: {claim['says']!r}"
            ast.parse(claim["true"], mode="eval")
