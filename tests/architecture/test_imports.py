"""Imports point down, and compute never meets a screen."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

import workbench

UI = ["widgets", "ipywidgets", "anywidget", "traitlets", "IPython", "plotly", "matplotlib"]

# Imports every module of workbench in a Python in which the user interface cannot be imported at all.
_BLOCKED = f"""
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {UI!r}:
            raise ImportError(f"compute imported {{name}}")

sys.meta_path.insert(0, Refuse())
import workbench
names = [module.name for module in pkgutil.walk_packages(workbench.__path__, "workbench.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""

_CHEAP = """
import sys
import workbench, workbench.cli, workbench.errors
heavy = {"torch", "transformers", "open_clip", "pandas", "PIL", "numpy", "jupyterlab"} & set(sys.modules)
print(sorted(heavy))
"""


def test_the_import_contracts_of_pyproject_hold(root):
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_of_workbench_imports_where_no_user_interface_exists(root):
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKED], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 30


def test_importing_workbench_loads_nothing_heavy(root):
    done = subprocess.run(
        [sys.executable, "-c", _CHEAP], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["workbench", "widgets"])
def test_no_modules_import_each_other_in_a_circle_at_run_time(root, package):
    """Imports inside functions count: they run. Those for types alone do not."""
    files = {_module_of(file, root): file for file in (root / package).rglob("*.py")}
    imports = {name: _imported(file, name, files) for name, file in files.items()}
    assert sum(map(len, imports.values())) > len(files), "imports are no longer found"
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_every_room_has_a_contract_for_its_inside(root):
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    held = {
        one["containers"][0] for one in project["contracts"] if one["type"] == "layers" and one["exhaustive"]
    }
    files = [
        _module_of(file, root)
        for package in ("workbench", "widgets")
        for file in (root / package).rglob("*.py")
    ]
    inside = Counter(
        name.rpartition(".")[0] for name in files if "." in name and not name.endswith("__main__")
    )
    rooms = {
        room for room, count in inside.items() if count > 1 and not room.startswith("workbench.recipes.")
    }
    assert len(rooms) > 20, "rooms are no longer found"
    assert rooms - held == set()


def test_boards_use_what_rooms_export_and_nothing_behind_it(root):
    used, hidden = set(), []
    for file, line, module, names in _named_by_boards(root):
        exported = getattr(importlib.import_module(module), "__all__", ())
        used.add(module)
        beyond = module.count(".") > 1 or module.rpartition(".")[2].startswith("_")
        if beyond or [name for name in names if name not in exported]:
            hidden.append(f"{file}:{line}: from {module} import {', '.join(names)}")
    assert len(used) > 12, "imports are no longer found"
    assert hidden == []


def test_what_a_verb_gives_can_be_imported_from_the_room_of_the_verb():
    rooms = {
        one.name: importlib.import_module(one.name)
        for one in pkgutil.iter_modules(workbench.__path__, "workbench.")
        if one.ispkg and hasattr(importlib.import_module(one.name), "__all__")
    }
    ours = [module for name, module in sys.modules.items() if name.startswith("workbench.")]
    classes = {
        name for module in ours for name, one in list(vars(module).items())
        if inspect.isclass(one) and one.__module__.startswith("workbench.")
    }  # fmt: skip
    given = [
        (room, verb, kind)
        for room, module in rooms.items()
        for verb in module.__all__ if inspect.isfunction(getattr(module, verb))
        for kind in re.findall(r"\w+", str(inspect.signature(getattr(module, verb)).return_annotation))
        if kind in classes
    ]  # fmt: skip
    assert len(given) > 40, "annotations are no longer found"
    missing = [one for one in given if one[2] not in rooms[one[0]].__all__]
    # `embed`, `capture` and `attribute` make these, and their rooms have them: the site has one page a class
    assert missing == [
        ("workbench.fusion", "fused", "Embeddings"),
        ("workbench.generation", "explain_word", "Heatmap"),
        ("workbench.generation", "replay", "Trace"),
    ]


def _named_by_boards(root: Path) -> Iterator[tuple[str, int, str, list[str]]]:
    """(file, line, module, names) of every import from workbench in widgets, and in the code that they write."""
    for file in sorted((root / "widgets").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workbench."):
                yield file.name, node.lineno, str(node.module), [alias.name for alias in node.names]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                for module, names in re.findall(r"from (workbench[.\w]+) import (\w[\w, ]*)", node.value):
                    yield file.name, node.lineno, module, re.findall(r"\w+", names)


def _module_of(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(file: Path, name: str, known: Collection[str]) -> set[str]:
    """The modules among `known` that a file imports when it runs."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found, waiting = set(), [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            found |= {
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names
            }
        waiting += ast.iter_child_nodes(node)
    return {one for one in found if one in known and one != name}
