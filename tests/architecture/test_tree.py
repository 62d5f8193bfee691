"""The tree of files: as the README draws it, small, safe, and free of what belongs to one machine."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS_MB = 100
LINES, COLUMNS = 400, 110
# Folders whose contents speak for themselves.
UNLISTED_BELOW = (
    "tests/workbench/",
    "tests/browser/",
    "workbench/models/weights/",
    "workbench/fusion/kept/",
    "docs/",
)

_TREE = re.compile(r"^## The tree\n.*?^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^(?P<indent> *)(?P<names>\S+(?: \S+)*?)(?: {2,}(?P<clause>\S.*))?$")
_TEXT = {".py", ".md", ".toml", ".yml", ".txt", ".mjs", ".ts", ".css", ".json", ".ipynb", "", ".cfg"}
# Spelled in pieces: this file is in the tree as well.
_MACHINE = re.compile(
    "|".join(("/" + "root/", "/" + "tmp/", "/" + "work/", "/" + r"home/(?!a/)\w+/", r"[A-Z]:\\Users\\"))
)
_REGISTRY = re.compile(
    "|".join(("index-" + "url", r"://[a-z.]*(?:registry|pypi|npmjs)[a-z.]*/", "find-" + "links"))
)
_UNFINISHED = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "raise NotImplemented" + "Error")) + r")\b"
)


def tracked() -> list[str]:
    """Files of the repository that are there; without git, files that git would not ignore by their name."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """Name and text of each file that people wrote."""
    own = [name for name in tracked() if Path(name).suffix in _TEXT and "weights/" not in name]
    return [(name, (ROOT / name).read_text("utf-8")) for name in own]


def drawn() -> dict[str, str]:
    """Path to clause, as the README's tree has it. A folder ends with a slash; two spaces go one level deeper."""
    block = _TREE.search((ROOT / "README.md").read_text("utf-8"))
    assert block, "README.md has no fenced block under a heading '## The tree'"
    found: dict[str, str] = {}
    parents: list[str] = []
    for line in filter(str.strip, block[1].splitlines()):
        match = _LINE.match(line)
        assert match, f"not a line of the tree: {line!r}"
        depth = len(match["indent"]) // 2
        for name in match["names"].split(" "):
            path = "".join(parents[:depth]) + name
            found[path] = match["clause"] or ""
            if name.endswith("/"):
                parents[depth:] = [name]
    return found


def test_everything_in_the_readmes_tree_is_there():
    files = tracked()
    gone = [path for path in drawn() if not (path in files or any(file.startswith(path) for file in files))]
    assert gone == []


def test_no_file_name_stands_in_more_than_two_rooms():
    """So that an editor's list of files says which is meant. Each recipe has the same parts, and counts once."""
    rooms: dict[str, set[str]] = {}
    for file in map(Path, tracked()):
        if (
            file.suffix == ".py"
            and file.parts[0] in ("workbench", "widgets")
            and not file.stem.startswith("__")
        ):
            parts = file.parts[:2] if file.parts[1] == "recipes" else file.parts[:-1]
            rooms.setdefault(file.name, set()).add("/".join(parts))
    assert len(rooms) > 300, "files are no longer found"
    assert {name: sorted(found) for name, found in rooms.items() if len(found) > 2} == {}


def test_every_folder_and_every_file_at_the_top_is_in_the_readmes_tree():
    files, tree = tracked(), drawn()
    folders = {f"{parent}/" for file in files for parent in Path(file).parents if str(parent) != "."}
    folders = {
        folder
        for folder in folders
        if not any(folder != top and folder.startswith(top) for top in UNLISTED_BELOW)
    }
    top = {file for file in files if "/" not in file and not file.startswith(".")}
    assert sorted((folders | top) - set(tree)) == []


def test_every_line_of_the_tree_has_its_clause():
    assert [path for path, clause in drawn().items() if not clause] == []


@pytest.mark.parametrize(
    "what", [_MACHINE, _REGISTRY], ids=["a path of one machine", "the address of a registry"]
)
def test_no_file_holds(what):
    held = [
        f"{name}: {match[0]}" for name, text in texts() for match in [what.search(text)]
        if match and name not in ("LICENSE",)
    ]  # fmt: skip
    assert held == []


def test_nothing_is_left_unfinished():
    held = [f"{name}: {match[0]}" for name, text in texts() for match in [_UNFINISHED.search(text)] if match]
    assert held == []


@pytest.mark.parametrize("kind", [(".py",), (".mjs", ".ts")], ids=["Python", "the front end"])
def test_files_are_short_enough_to_be_read(kind: tuple[str, ...]):
    lines = {name: text.count("\n") for name, text in texts() if name.endswith(kind)}
    assert len(lines) > 40
    assert {name: count for name, count in lines.items() if count > LINES} == {}


def test_lines_of_the_front_end_are_as_wide_as_those_of_python():
    """prettier breaks code, and leaves strings and comments as they are; ruff holds Python to the same."""
    wide = [
        f"{name}:{place}"
        for name, text in texts() if name.endswith((".mjs", ".ts"))
        for place, line in enumerate(text.splitlines(), 1) if len(line) > COLUMNS
    ]  # fmt: skip
    assert wide == []
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]
    prettier = json.loads((ROOT / "tools/js/prettier.json").read_text("utf-8"))
    assert ruff["line-length"] == prettier["printWidth"] == COLUMNS


def test_types_of_the_front_end_are_checked_in_every_file():
    """No file may leave itself out, and a line that does says why: there are none today."""
    words = ("@ts-" + "nocheck", "@ts-" + "ignore", "@ts-" + "expect-error")
    held = [
        name for name, text in texts()
        if name.endswith((".mjs", ".ts")) and any(word in text for word in words)
    ]  # fmt: skip
    assert held == []
    options = json.loads((ROOT / "tools/js/tsconfig.json").read_text("utf-8"))
    assert options["compilerOptions"]["strict"] is options["compilerOptions"]["checkJs"] is True


def test_weights_are_small_and_safetensors_only():
    kept = ("workbench/models/weights/", "workbench/fusion/kept/")
    weights = [name for name in tracked() if name.startswith(kept)]
    size = sum((ROOT / name).stat().st_size for name in weights) / 2**20
    assert size <= WEIGHTS_MB
    unsafe = [
        name for name in tracked() if Path(name).suffix in (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
    ]
    assert unsafe == []


def test_a_name_of_a_file_says_which_room_of_compute_it_stands_in():
    """A file picker that offers `verbs.py` four times says nothing."""
    rooms: dict[str, set[str]] = {}
    for name in tracked():
        path = Path(name)
        if path.suffix == ".py" and path.parts[0] == "workbench" and not path.stem.startswith("__"):
            rooms.setdefault(path.stem, set()).add("/".join(path.parts[:2]))
    assert len(rooms) > 100
    assert {name: sorted(where) for name, where in rooms.items() if len(where) > 2} == {}


def test_only_the_command_line_prints():
    import ast

    printing = [
        name
        for name, text in texts()
        if name.endswith(".py") and name.startswith(("workbench/", "widgets/")) and name != "workbench/cli.py"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
