"""Notebooks are thin: a story of short cells whose logic lives in the package."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from statistics import median

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LONGEST, MEDIAN = 12, 4


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return json.loads(request.param.read_text("utf-8"))


def code_cells(notebook) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


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
    prose = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    assert prose[0].startswith("# ") and notebook["cells"][0]["cell_type"] == "markdown"
    assert any("try" in text.lower() for text in prose)
