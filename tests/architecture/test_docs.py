"""Pages say what is there: files, names, tests, links, contracts; what they print as code runs."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import workbench
from tests.architecture.run_recipe import recipes

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "CONTRIBUTING.md",
    "LOG.md",
    "README.md",
    "workbench/README.md",
    "widgets/README.md",
    "widgets/static/shared/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
#: What the site is about, by page of the API.
ROOMS = {
    page.stem: re.findall(r"^% room: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
    for page in sorted((ROOT / "docs/api").glob("*.md"))
}
SPHINX = (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", "docs")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ENDINGS = (".py", ".mjs", ".css", ".md", ".ipynb", ".toml", ".yml", ".txt", ".json", ".npy", ".cff")
#: Files that a command or a user writes, and names of the user's own.
MADE = {"config.json", "metadata.csv"}


def tracked() -> set[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}


FILES = tracked()
TOPS = {name.split("/")[0] for name in FILES if "/" in name} - {".ci"}


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", (ROOT / page).read_text("utf-8"))


def spans(page: str) -> list[str]:
    return SPAN.findall(prose(page))


def is_there(path: str) -> bool:
    return path in FILES or any(name.startswith(path.rstrip("/") + "/") for name in FILES)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_that_a_page_names_is_there(page):
    gone = []
    for said in spans(page):
        if "*" in said or " " in said:
            continue
        is_path = "/" in said and said.split("/")[0] in TOPS
        is_file = said.endswith(ENDINGS) and re.fullmatch(r"\w[\w.-]*", said) and said not in MADE
        if is_path and not is_there(said):
            gone.append(said)
        if is_file and not any(name.split("/")[-1] == said for name in FILES):
            gone.append(said)
    assert gone == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page):
    broken = []
    for target in LINK.findall(prose(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.is_file() or (anchor and anchor not in headings(file)):
            broken.append(target)
    assert broken == []


def headings(file: Path) -> set[str]:
    """Anchors as GitHub and MyST make them."""
    found = re.findall(r"^#+ (.*)$", FENCE.sub("", file.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", PAGES)
def test_every_dotted_name_of_ours_can_be_imported(page):
    gone = [
        said
        for said in spans(page)
        if re.fullmatch(r"(workbench|widgets)(\.\w+)+(\(\))?", said) and not found(said.removesuffix("()"))
    ]
    assert gone == []


def found(dotted: str) -> bool:
    """Whether `a.b.c` is a module, or a name inside one."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            thing = getattr(thing, name, None)
        return thing is not None
    return False


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_is_there(page):
    named = {said for said in spans(page) if re.fullmatch(r"test_\w+", said)}
    there = {
        name
        for file in FILES
        if file.startswith("tests/") and file.endswith(".py")
        for name in re.findall(r"^def (test_\w+)", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    }
    assert named - there == set()


def test_each_of_five_recipes_ends_in_the_test_to_copy():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert len(recipes()) == 5
    for heading in recipes():
        part = text.split(f"### {heading}\n")[1].split("\n### ")[0]
        assert re.search(r"^\*\*Copy\*\* `test_\w+`\s+\(`(tests/[\w/]+\.py)`\)", part, re.MULTILINE), heading
        for test, file in re.findall(r"`(test_\w+)`\s+\(`(tests/[\w/]+\.py)`\)", part):
            assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8"), f"{test} is not in {file}"


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes())
def test_a_recipe_runs_as_it_is_printed(name):
    done = subprocess.run(
        [sys.executable, "tests/architecture/run_recipe.py", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", recipes())
def test_what_a_recipe_imports_is_there(name):
    """The quick part of the test above."""
    for language, text in recipes()[name]:
        if language == "js":
            for names, file in re.findall(r'import \{ ([^}]*) \} from "\.\./([^"]+)"', text):
                script = (ROOT / "widgets/static" / file).read_text("utf-8")
                for one in names.split(", "):
                    assert re.search(
                        rf"^export (async )?(function|const|class|interface|type) {one}\b",
                        script,
                        re.MULTILINE,
                    ), one
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith(("workbench", "widgets")):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name) or found(f"{node.module}.{alias.name}"), alias.name


# The rooms ---------------------------------------------------------------------------------------


def contracts() -> dict[str, dict]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {contract["name"]: contract for contract in project["tool"]["importlinter"]["contracts"]}


def test_the_table_of_layers_is_the_contract():
    wanted = [
        {name.strip(" ()") for name in layer.split("|")}
        for layer in contracts()["Imports in workbench point down"]["layers"]
    ]
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", prose("workbench/README.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(wanted) + 1))
    assert [set(SPAN.findall(names)) for _, names in rows] == wanted


def test_what_compute_may_not_import_is_said():
    text = prose("workbench/README.md")
    for name in contracts()["Compute never imports UI"]["forbidden_modules"]:
        assert name in text, name


def test_what_widgets_may_not_import_is_said():
    said = set(spans("widgets/README.md"))
    assert set(contracts()["Widgets use only the public face of compute"]["forbidden_modules"]) <= said
    assert set(contracts()["Widgets do not lean on one another"]["modules"]) <= said


def verbs() -> list[tuple[str, str, list[str]]]:
    """(room, verb, types it gives) of the table in workbench/README.md."""
    rows, room = [], ""
    for first, verb, gives in re.findall(
        r"^\| (`workbench\.\w+`)? ?\| `(\w+)` \| [^|]* \| ([^|]*) \|$",
        prose("workbench/README.md"),
        re.MULTILINE,
    ):
        room = first.strip("`") or room
        rows.append((room, verb, SPAN.findall(gives)))
    return rows


def test_every_verb_of_the_table_is_public_and_gives_what_it_says():
    assert len(verbs()) > 20
    for room, verb, gives in verbs():
        module = importlib.import_module(room)
        assert verb in module.__all__, f"{room}.{verb}"
        returned = str(inspect.signature(getattr(module, verb)).return_annotation)
        if returned != "Any":  # one of two types, said by overloads
            one = returned.partition(" | tuple[")[0]  # several for several
            assert one == gives[0], f"{room}.{verb} gives {returned}"


def test_every_room_of_verbs_is_in_the_table():
    packages = {
        f"workbench.{path.parent.name}"
        for path in (ROOT / "workbench").glob("*/__init__.py")
        if getattr(importlib.import_module(f"workbench.{path.parent.name}"), "__all__", None)
    }
    assert packages == {room for room, _, _ in verbs()}


def test_every_board_is_in_the_table_with_its_own_results_and_choices():
    import widgets
    from widgets import show

    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]*) \| `([^|]*)` \| ([^|]*) \|$", prose("widgets/README.md"), re.MULTILINE
    )
    boards = {name for name in widgets.__all__ if hasattr(getattr(widgets, name), "snapshot")}
    assert {name for name, *_ in rows} == boards
    shown = {kind.__name__ for kind in show.registry}
    for name, results, folder, choices in rows:
        assert set(SPAN.findall(results)) <= shown, name
        assert is_there(folder), folder
        assert [one for one in SPAN.findall(choices) if not hasattr(getattr(widgets, name), one)] == [], name


# The site ----------------------------------------------------------------------------------------


def test_every_public_module_has_a_page_of_the_api():
    pages = {room for rooms in ROOMS.values() for room in rooms}
    assert {room for room, _, _ in verbs()} <= pages
    assert {"widgets", "workbench.results", "workbench.errors", "workbench.hooks"} <= pages
    index = (ROOT / "docs/api/index.md").read_text("utf-8")
    assert {page for page in ROOMS if page != "index"} == set(re.findall(r"^(\w+)$", index, re.MULTILINE))


def test_the_settings_name_nothing_that_would_be_fetched():
    for name in ("docs/conf.py", "docs/site_parts.py", "docs/_static/site.css"):
        assert "http" not in re.sub(
            r'add_html_math|"html|html_|_html|\.html', "", (ROOT / name).read_text("utf-8")
        )


def test_every_term_is_used_and_has_its_chinese():
    used = " ".join(
        (ROOT / name).read_text("utf-8")
        for name in sorted(FILES)
        if name == "README.md" or re.match(r"(notebooks|widgets|workbench)/.*\.(py|mjs|ipynb)$", name)
    )
    used = re.sub(r"\s+", " ", used).casefold()
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", prose("docs/terms.md"), re.MULTILINE)
    rows = [row for row in rows if row[0] not in ("term", "---")]
    assert len(rows) > 80
    assert [term for term, _ in rows if term.casefold() not in used] == []
    assert [term for term, said in rows if not re.search(r"[\u4e00-\u9fff]", said) and term != said] == []
    assert len({term for term, _ in rows}) == len(rows)


@pytest.fixture(scope="module")
def parts():
    spec = importlib.util.spec_from_file_location("site_parts", ROOT / "docs/site_parts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "said",
    [
        "Takes **options and *args, and a name_ that ends in a line.",
        "Names or `Fusion`s of your own; 2*a `in\nthe middle` of |a line|.",
        "A single ` stands alone, *too.",
        "Code::\n\n    board = show(*results)  # `as it is`\n\nand *more.",
    ],
)
def test_a_docstring_written_for_help_is_no_broken_markup(parts, said):
    from docutils.core import publish_doctree

    warned = io.StringIO()
    settings = {"report_level": 2, "warning_stream": warned}
    publish_doctree(said, settings_overrides=settings)
    assert warned.getvalue(), "as it stands it would be a warning"
    warned.truncate(0)
    tree = publish_doctree(parts._made_plain(said), settings_overrides=settings)
    assert warned.getvalue() == ""
    kept = tree.astext()
    for mark in ("**options", "*args", "name_", "2*a", "|a line|", "show(*results)"):
        assert mark not in said or mark in kept


def test_a_live_board_is_left_out_and_its_picture_stays(parts):
    from docutils import nodes

    def bundle(*kinds: str) -> nodes.container:
        inside = [nodes.container(mime_type=kind) for kind in kinds]
        return nodes.container("", *inside, nb_element="mime_bundle")

    output = nodes.container("", bundle(parts._LIVE, "text/plain"), bundle("text/html", "text/plain"))
    parts._without_live_boards(None, nodes.section("", output))
    assert [child.get("mime_type") for child in output[0]] == ["text/html", "text/plain"] and len(output) == 1


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    done = subprocess.run(
        [*SPHINX, "-d", str(tmp_path / "read"), ".", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    site = tmp_path / "site"
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source|video|audio)\b[^>]*\ssrc=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link\b(?![^>]*rel=\"(?:canonical|next|prev)\")[^>]*\shref=\"([^\"]*)\"", text)
        assert [one for one in loaded if re.match(r"(https?:)?//", one)] == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text("utf-8")), style
    for room in (room for rooms in ROOMS.values() for room in rooms):
        page = next(name for name, rooms in ROOMS.items() if room in rooms)
        text = (site / "docs/api" / f"{page}.html").read_text("utf-8")
        missing = [
            name for name in importlib.import_module(room).__all__ if f'id="{room}.{name}"' not in text
        ]
        assert missing == [], room
    lesson = (site / "notebooks/00_tour.html").read_text("utf-8")
    assert len(re.findall("not this cell.s output", lesson)) == 5  # one board of each kind


def test_the_citation_is_whole_and_of_this_version():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(said)
    assert said["cff-version"] == "1.2.0" and said["type"] == "software"
    assert said["version"] == workbench.__version__ and said["license"] == "Apache-2.0"
    assert all(set(author) == {"name"} or "family-names" in author for author in said["authors"])
