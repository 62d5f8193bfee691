from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.lessons import MEMORY, copy_lessons


def lesson(*cells: str, outputs: list | None = None) -> str:
    """A notebook of code cells, run if `outputs` is given."""
    return json.dumps(
        {
            "cells": [
                {"cell_type": "code", "source": code, "outputs": outputs or [], "execution_count": 1 if outputs else None}
                for code in cells
            ],
            "metadata": {},
        }
    )  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "notebooks" / "zh").mkdir(parents=True)
    for name in ("00_tour.ipynb", "01_next.ipynb", "zh/00_tour.ipynb"):
        (tmp_path / "notebooks" / name).write_text(lesson(f"'{name}'"))
    return tmp_path


def originals_and_copies(project: Path, name: str = "00_tour.ipynb") -> tuple[Path, Path]:
    return project / "notebooks" / name, project / "my-notebooks" / name


def test_at_first_every_lesson_is_copied_with_what_lies_beside_it(project):
    (project / "notebooks" / "points.csv").write_text("1,2")
    (project / "notebooks" / ".ipynb_checkpoints").mkdir()
    (project / "notebooks" / ".ipynb_checkpoints" / "00_tour-checkpoint.ipynb").write_text("{}")
    copies = copy_lessons(project)
    assert copies.folder == project / "my-notebooks" and copies.said == ()
    found = {
        path.relative_to(copies.folder).as_posix() for path in copies.folder.rglob("*") if path.is_file()
    }
    assert found == {"00_tour.ipynb", "01_next.ipynb", "zh/00_tour.ipynb", "points.csv", MEMORY}
    for name in found - {MEMORY}:
        original, copy = originals_and_copies(project, name)
        assert copy.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("left", ["untouched", "run", "run, with the empty cell JupyterLab adds at the end"])
def test_a_copy_nobody_wrote_in_follows_the_original(project, left):
    original, copy = originals_and_copies(project)
    copy_lessons(project)
    if left != "untouched":
        more = [""] if "empty" in left else []
        copy.write_text(lesson("'00_tour.ipynb'", *more, outputs=[{"output_type": "stream", "text": "x"}]))
    original.write_text(lesson("'the lesson of today'"))
    assert copy_lessons(project).said == ()
    assert copy.read_text() == original.read_text()


def test_a_copy_somebody_wrote_in_is_never_overwritten_and_the_new_lesson_stands_beside_it_once(project):
    original, copy = originals_and_copies(project)
    copy_lessons(project)
    copy.write_text(lesson("'my own answer'"))
    assert copy_lessons(project).said == (), "the lesson has not changed: nothing to say"
    original.write_text(lesson("'the lesson of today'"))
    (said,) = copy_lessons(project).said
    beside = copy.with_name("00_tour (new).ipynb")
    assert "my-notebooks/00_tour.ipynb holds what you wrote and stays" in said and beside.name in said
    assert copy.read_text() == lesson("'my own answer'")
    assert beside.read_text() == original.read_text()
    beside.unlink()
    assert copy_lessons(project).said == () and not beside.exists(), "who threw it away is not asked again"


def test_a_new_lesson_beside_is_refreshed_until_somebody_writes_in_it(project):
    original, copy = originals_and_copies(project)
    copy_lessons(project)
    copy.write_text(lesson("'mine'"))
    for day in ("monday", "tuesday"):
        original.write_text(lesson(f"'{day}'"))
        copy_lessons(project)
    beside = copy.with_name("00_tour (new).ipynb")
    assert "tuesday" in beside.read_text()
    beside.write_text(lesson("'mine too'"))
    original.write_text(lesson("'wednesday'"))
    copy_lessons(project)
    assert "mine too" in beside.read_text() and "mine" in copy.read_text()
    assert "wednesday" in copy.with_name("00_tour (new 2).ipynb").read_text()


def test_a_copy_that_was_deleted_comes_back_as_the_lesson_is_now(project):
    original, copy = originals_and_copies(project)
    copy_lessons(project)
    copy.write_text(lesson("'spoilt'"))
    copy.unlink()
    assert copy_lessons(project).said == ()
    assert copy.read_text() == original.read_text()


def test_what_a_reader_exported_or_made_in_the_folder_stays(project):
    folder = copy_lessons(project).folder
    (folder / "heads.png").write_bytes(b"picture")
    (folder / "mine.ipynb").write_text(lesson("1"))
    copy_lessons(project)
    assert (folder / "heads.png").read_bytes() == b"picture" and (folder / "mine.ipynb").exists()


@pytest.mark.parametrize("memory", ["not json", "[]", '{"00_tour.ipynb": 3}'])
def test_with_its_memory_lost_a_copy_that_differs_counts_as_written_in(project, memory):
    original, copy = originals_and_copies(project)
    copy_lessons(project)
    original.write_text(lesson("'new'"))
    copy.write_text(lesson("'mine'"))
    (copy.parent / MEMORY).write_text(memory)
    copy_lessons(project)
    assert "mine" in copy.read_text()


def test_a_copy_that_is_no_notebook_any_more_is_the_readers_own(project):
    original, copy = originals_and_copies(project)
    copy_lessons(project)
    copy.write_text("<<<<<<< half of a merge")
    original.write_text(lesson("'new'"))
    assert len(copy_lessons(project).said) == 1
    assert copy.read_text() == "<<<<<<< half of a merge"


def test_where_nothing_can_be_written_the_originals_are_opened_and_it_is_said(project):
    (project / "my-notebooks").write_text("a file where the folder should be")
    copies = copy_lessons(project)
    assert copies.folder == project / "notebooks"
    assert "could not be copied" in copies.said[0] and "originals are opened" in copies.said[0]


def test_the_copies_are_ignored_by_git_so_that_a_pull_never_meets_them(root):
    assert "my-notebooks/" in (root / ".gitignore").read_text("utf-8").splitlines()
