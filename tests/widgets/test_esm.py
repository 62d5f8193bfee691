"""The front end's modules joined into one: whatever way the formatter breaks them, and nothing left over."""

from __future__ import annotations

from pathlib import Path

import pytest

from widgets import esm
from workbench.errors import BadInputError

BOARDS = [
    "answer/board",
    "zero_shot/board",
    "lens/board",
    "attribution/board",
    "atlas/board",
    "atlas/page",
    "fusion/board",
]


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(esm, "_STATIC", tmp_path)
    for folder in ("shared", "board"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shared" / "words.mjs").write_text(
        "export const one = 1;\n\nexport async function two() {\n  return 2;\n}\n\nexport class Three {}\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        'import { one, two as second, Three } from "../shared/words.mjs";\n',
        'import {\n  one,\n  two as second,\n  Three,\n} from "../shared/words.mjs";\n',
    ],
    ids=["one line", "several lines, the last with a comma"],
)
def test_an_import_is_taken_on_one_line_or_on_several(static: Path, line: str) -> None:
    (static / "board" / "board.mjs").write_text(f"// @ts-check\n{line}\nexport default {{ one }};\n")
    text = esm.script("board/board")
    assert "const { one, two: second, Three } = module_shared_words;\n" in text
    assert "return { one, two, Three };" in text
    assert "import" not in text
    assert text.count("export") == text.count("export default { one };") == 1


def test_a_default_export_over_several_lines_is_only_the_entrys(static: Path) -> None:
    (static / "board" / "board.mjs").write_text(
        "export function explore() {}\n\nexport default {\n  render: explore,\n};\n"
    )
    (static / "board" / "page.mjs").write_text('import { explore } from "./board.mjs";\n\nexplore();\n')
    assert "export default {\n  render: explore,\n};" in esm.script("board/board")
    assert "export" not in esm.script("board/page")


@pytest.mark.parametrize(
    "line",
    [
        'import words from "../shared/words.mjs";',
        'import * as words from "../shared/words.mjs";',
        'import "../shared/words.mjs";',
        'import { one } from "https://elsewhere/words.mjs";',
        'import { one } from "node:test";',
        "import { one } from '../shared/words.mjs';",
        "export { one };",
        'export { one } from "../shared/words.mjs";',
        'export * from "../shared/words.mjs";',
        "export let one = 1;",
        "export const { one } = { one: 1 };",
        "export default function render() {}",
    ],
)
@pytest.mark.parametrize("where", ["entry", "imported"])
def test_a_form_that_cannot_be_joined_is_refused_in_words(static: Path, line: str, where: str) -> None:
    name = "board" if where == "entry" else "part"
    (static / "board" / "board.mjs").write_text('import { two } from "./part.mjs";\n')
    (static / "board" / f"{name}.mjs").write_text(f"{line}\n")
    with pytest.raises(BadInputError, match=rf"board/{name}.mjs .*cannot be joined.*named imports"):
        esm.script("board/board")


def test_files_that_import_each_other_are_refused_by_name(static: Path) -> None:
    (static / "board" / "board.mjs").write_text('import { part } from "./part.mjs";\n')
    (static / "board" / "part.mjs").write_text(
        'import { board } from "./board.mjs";\n\nexport const part = 1;\n'
    )
    with pytest.raises(BadInputError, match=r"board/board.mjs -> board/part.mjs -> board/board.mjs"):
        esm.script("board/board")


@pytest.mark.parametrize("name", BOARDS)
def test_every_name_that_a_board_imports_is_exported_where_it_says(name: str) -> None:
    """A name that is not there would be undefined in the browser alone."""
    folder, parts = Path(esm.__file__).parent / "static", {}
    esm._linked(f"{name}.mjs", (folder / f"{name}.mjs").read_text("utf-8"), parts, ())
    assert len(parts) > 5
    for file in [*parts, f"{name}.mjs"]:
        text = (folder / file).read_text("utf-8")
        for match in esm._IMPORT.finditer(text):
            other = ((folder / file).parent / match[2]).read_text("utf-8")
            wanted = {one.split(" as ")[0].strip() for one in match[1].split(",") if one.strip()}
            assert wanted <= set(esm._EXPORTED.findall(other)), f"{file}: {match[0]}"
