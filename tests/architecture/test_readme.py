"""The README's Python can be copied from top to bottom, and what needs no network really runs."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
# Those from here on name files, models and networks of the reader's own, or take half an hour.
OF_ONES_OWN = next(index for index, block in enumerate(BLOCKS) if "from_pretrained" in block)


def bound(tree: ast.AST) -> set[str]:
    """Names that a block imports or assigns."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return imported | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def test_every_name_was_said_before_it_is_used():
    known = set(dir(builtins))
    for block in BLOCKS:
        tree = ast.parse(block)
        known |= bound(tree)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not used - known, f"never imported nor assigned: {sorted(used - known)}\n{block}"


def test_everything_imported_is_there():
    imports = [
        node for block in BLOCKS for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)
    ]
    assert len(imports) > 10
    for node in imports:
        module = importlib.import_module(node.module)
        for alias in node.names:
            missing = f"{node.module} has no {alias.name}"
            assert hasattr(module, alias.name) or importlib.util.find_spec(f"{node.module}.{alias.name}"), (
                missing
            )


@pytest.mark.slow
def test_what_needs_no_network_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where `save` writes
    assert OF_ONES_OWN == 5
    said: dict[str, object] = {}
    for block in BLOCKS[:OF_ONES_OWN]:
        exec(compile(block, "README.md", "exec"), said)
    assert len(said["photos"]) == len(said["board"].pairs)
    assert {path.suffix for path in tmp_path.rglob("heads*")} >= {".png", ".npz", ".json"}
