"""Imports point down, and compute never meets a screen."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Collection
from importlib.util import resolve_name
from pathlib import Path

import pytest

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
