"""`make gpu` without a card: its dry run, and what it says of a section that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def program(root: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(root / "tests" / "benchmarks"))
    import gpu

    return gpu


def test_a_dry_run_of_two_sections_ends_and_writes_its_table(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "gpu.md"
    command = [sys.executable, str(root / "tests" / "benchmarks" / "gpu.py"), "--dry", "--write", str(table)]
    ran = subprocess.run(
        [*command, "--only", "embed", "--only", "out_of_memory"],
        capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    text = table.read_text("utf-8")
    assert text.startswith("# On the CPU (a dry run)") and "Every bound holds." in text
    assert "JPEG files to vectors" in text and "going on with 3" in text
    assert "emoji_clip train --resume --minutes" in ran.stdout.rstrip().splitlines()[-1]


def test_a_section_that_fails_is_told_and_the_others_still_run(
    program: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import gpu_sections

    def broken(_: object) -> list:
        raise RuntimeError("no kernel image")

    def fine(_: object) -> list:
        return [program.Row("all is well", "1.0")]  # type: ignore[attr-defined]

    monkeypatch.setattr(gpu_sections, "SECTIONS", {"broken": broken, "fine": fine})
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--dry"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert program.main() == 1  # type: ignore[attr-defined]
    said = capsys.readouterr().out
    assert "| broken | failed | **missed**: RuntimeError: no kernel image |" in said
    assert "| all is well | 1.0 |" in said and "Bounds missed: broken." in said


def test_an_unknown_section_lists_those_there_are(
    program: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--dry", "--only", "nothing"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert program.main() == 1  # type: ignore[attr-defined]
    assert "precision" in capsys.readouterr().out
