"""Imports point down, and compute never meets a screen."""

from __future__ import annotations

import subprocess
import sys

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
