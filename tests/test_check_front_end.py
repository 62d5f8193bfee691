"""`tools/check_front_end.py`: what it says where the programs that check are not there, and how it brings them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "tools" / "js"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The program, on a project of its own: two pinned packages, one file of the front end, no npm."""
    spec = importlib.util.spec_from_file_location("check_front_end", ROOT / "tools" / "check_front_end.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    js = tmp_path / "tools" / "js"
    js.mkdir(parents=True)
    (js / "package.json").write_text('{"devDependencies": {"one": "1.0.0", "two": "2.0.0"}}')
    (tmp_path / "widgets/static/board").mkdir(parents=True)
    (tmp_path / "widgets/static/board/board.mjs").write_text("export const one = 1;\n")
    monkeypatch.setattr(program, "JS", js)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    return program


def _program(folder: Path, name: str, body: str) -> Path:
    """An executable of a few lines of Python."""
    file = folder / name
    file.write_text(f"#!{sys.executable}\nimport sys, pathlib, json\n{body}\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("there", [(), ("node",), ("npm",)], ids=["neither", "node alone", "npm alone"])
def test_without_node_or_npm_one_line_says_so_and_the_rest_goes_on(check, capsys, monkeypatch, there) -> None:
    monkeypatch.setattr(check.shutil, "which", lambda name: f"/somewhere/{name}" if name in there else None)
    assert check.main([]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "No node and npm here" in said


def test_offline_it_says_what_is_missing_and_why_and_still_parses(
    check, capfd, monkeypatch, tmp_path
) -> None:
    npm = _program(tmp_path, "npm", "sys.stderr.write('npm error code ENOTFOUND\\n'); sys.exit(1)")
    node = _program(tmp_path, "node", "pathlib.Path(sys.argv[2] + '.seen').touch(); sys.exit(3)")
    monkeypatch.setattr(check.shutil, "which", lambda name: str({"npm": npm, "node": node}[name]))
    assert check.main([]) == 3  # what node says of the one file
    said = capfd.readouterr().out
    assert said.count("\n") == 1
    assert "one 1.0.0 and two 2.0.0 could not be installed (npm error code ENOTFOUND)" in said
    assert "network" in said
    assert (tmp_path / "widgets/static/board/board.mjs.seen").exists()


def test_what_is_pinned_is_brought_once_and_another_version_is_not_it(check, tmp_path) -> None:
    def installed(name: str, version: str) -> None:
        (check.JS / "node_modules" / name).mkdir(parents=True, exist_ok=True)
        (check.JS / "node_modules" / name / "package.json").write_text(json.dumps({"version": version}))

    installed("one", "1.0.0")
    installed("two", "1.9.9")
    assert check.missing(check.JS) == ["two 2.0.0"]
    npm = _program(
        tmp_path, "npm",
        "assert sys.argv[1] == 'ci'\n"
        "pathlib.Path('node_modules/two/package.json').write_text(json.dumps({'version': '2.0.0'}))",
    )  # fmt: skip
    assert check.bring(str(npm), check.JS) == ""
    assert check.missing(check.JS) == []


def test_a_fault_of_either_program_fails_the_check(check, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(check, "missing", lambda js: [])
    for failing in ("prettier", "typescript", "neither"):
        node = _program(tmp_path, "node", f"sys.exit({failing!r} in sys.argv[1])")
        monkeypatch.setattr(check.shutil, "which", lambda name, node=node: str(node))
        assert check.main([]) == (0 if failing == "neither" else 1)


@pytest.mark.parametrize(
    ("file", "line", "refused"),
    [
        ("board.mjs", "/** @param {any} board */", True),
        ("board.mjs", "/** @type {Map<string, any>} */", True),
        ("board.mjs", "(/** @type {any[]} */ rows) => rows;", True),
        ("types.d.ts", "  plane: any;", True),
        ("board.mjs", '  placeholder: "any",', False),
        ("board.mjs", "// Attention where there is any, in any order.", False),
    ],
)
def test_a_type_that_is_any_fails_the_check_with_its_place(
    check, capsys, monkeypatch, file, line, refused
) -> None:
    monkeypatch.setattr(check.shutil, "which", lambda name: None)
    (check.ROOT / "widgets/static/board" / file).write_text(f"// a file\n{line}\n")
    assert check.main([]) == refused
    assert (f"widgets/static/board/{file}:2" in capsys.readouterr().out) == refused


def test_versions_are_exact_and_locked_with_their_hashes_and_without_the_address_of_any_registry() -> None:
    pinned = json.loads((JS / "package.json").read_text("utf-8"))["devDependencies"]
    locked = json.loads((JS / "package-lock.json").read_text("utf-8"))["packages"]
    assert set(pinned) == {"prettier", "typescript"}
    for name, version in pinned.items():
        assert version.replace(".", "").isdigit()
        assert locked[f"node_modules/{name}"]["version"] == version
    for path, entry in locked.items():
        assert "resolved" not in entry
        assert not path or entry["integrity"].startswith("sha512-")
