from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from workbench import checkup, cli, doctor
from workbench.doctor import Finding

GOOD = [
    Finding("ok", "Python", "3.11.7"),
    Finding("ok", "torch", "torch 2.15.0 with torchvision 0.29.2"),
    Finding("ok", "kernel", "python3 is this one"),
    Finding("ok", "lab extensions", "all three"),
    Finding("ok", "message limit", "256 MB"),
    doctor.device_and_memory("cpu", 16.0, 9.0),
    Finding("ok", "offline", "no"),
    Finding("ok", "disk", "40.0 GB free"),
]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch) -> dict[str, str]:
    """A home of its own, and a place for the memory."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}


def test_a_good_result_comes_back_with_memory_and_disk_as_they_are_now(environment):
    assert checkup.remembered(environment) is None
    assert checkup.remember(GOOD, environment)
    found = checkup.remembered(environment)
    assert [finding.about for finding in found] == [finding.about for finding in GOOD]
    assert found[1:5] == GOOD[1:5]
    assert "GB free" in found[5].text and found[5].text != GOOD[5].text


@pytest.mark.parametrize("place", range(len(GOOD)))
def test_a_result_with_an_error_is_never_kept_and_takes_the_good_one_away(environment, place):
    checkup.remember(GOOD, environment)
    bad = [replace(finding, level="error") if k == place else finding for k, finding in enumerate(GOOD)]
    assert not checkup.remember(bad, environment)
    assert checkup.remembered(environment) is None


def test_little_memory_or_disk_is_a_note_of_the_moment_and_no_reason_to_forget(environment, monkeypatch):
    low = [replace(finding, level="note") if finding.about == "disk" else finding for finding in GOOD]
    assert checkup.remember(low, environment)
    monkeypatch.setattr(doctor, "free_disk", lambda environment: ("/home", 0.1))
    assert checkup.remembered(environment)[-1].level == "note"


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


@pytest.mark.parametrize(
    "change",
    [
        lambda home, where: where.update(JUPYTER_PATH="/elsewhere"),
        lambda home, where: where.update(CUDA_VISIBLE_DEVICES=""),
        lambda home, where: write(home / ".jupyter" / "jupyter_server_config.json"),
        lambda home, where: write(home.parent / "config" / "labconfig" / "page_config.json"),
        lambda home, where: write(home / ".local/share/jupyter/kernels/python3/kernel.json"),
        lambda home, where: write(home / ".local/share/jupyter/labextensions/@mine/own/package.json"),
    ],
    ids=["a variable", "the graphics card hidden", "a server setting", "a lab setting", "a kernel", "an extension"],
)  # fmt: skip
def test_whatever_the_check_looks_at_is_looked_at_again_once_it_changed(environment, change):
    checkup.remember(GOOD, environment)
    assert checkup.remembered(environment) is not None
    change(Path(environment["HOME"]), environment)
    assert checkup.remembered(environment) is None


def test_another_version_and_a_reinstall_of_the_same_one_both_show(environment, tmp_path, monkeypatch):
    packages = tmp_path / "site-packages"
    (packages / "torch-2.15.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    checkup.remember(GOOD, environment)
    assert checkup.remembered(environment) is not None
    os.utime(packages / "torch-2.15.0.dist-info", (1, 1))
    assert checkup.remembered(environment) is None
    checkup.remember(GOOD, environment)
    (packages / "torch-2.15.0.dist-info").rename(packages / "torch-2.16.0.dist-info")
    assert checkup.remembered(environment) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"of": 3}'])
def test_a_damaged_memory_counts_as_none(environment, text):
    checkup.remember(GOOD, environment)
    (Path(os.environ["WORKBENCH_CACHE"]) / "doctor.json").write_text(text)
    assert checkup.remembered(environment) is None


def test_where_nothing_can_be_kept_the_check_still_answers(environment, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "a file" / "cache"))
    assert not checkup.remember(GOOD, environment)
    assert checkup.remembered(environment) is None


def test_the_command_examines_afresh_unless_asked_for_the_remembered(environment, monkeypatch, capsys):
    examined = []
    monkeypatch.setattr(doctor, "examine", lambda environment: examined.append(1) or GOOD)
    assert cli.main(["doctor"]) == 0
    assert "looks again" not in capsys.readouterr().out
    assert cli.main(["doctor", "--remembered"]) == 0
    said = capsys.readouterr().out
    assert len(examined) == 1 and "`workbench doctor` looks again" in said
    assert cli.main(["doctor"]) == 0
    assert len(examined) == 2, "without the option it always looks"


def test_make_lab_asks_for_the_remembered_result(root):
    makefile = (root / "Makefile").read_text("utf-8")
    assert "workbench doctor --remembered" in makefile.partition("\nlab:")[2].partition("\n\n")[0]


def test_the_remembered_answer_imports_nothing_heavy_and_checks_nothing_again(environment):
    code = (
        "import sys; from workbench import checkup, cli, doctor; from tests_good import GOOD\n"
        "import os; checkup.remember(GOOD, cli.lab_environment(os.environ)); doctor.examine = None\n"
        "assert cli.main(['doctor', '--remembered']) == 0\n"
        "print(sorted({'torch', 'transformers', 'open_clip', 'pandas', 'jupyterlab'} & set(sys.modules)))"
    )
    helper = Path(os.environ["WORKBENCH_CACHE"]).parent / "tests_good.py"
    helper.write_text("from workbench.doctor import Finding\nGOOD = " + repr(GOOD))
    path = os.pathsep.join([str(helper.parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment | {"PYTHONPATH": path},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "looks again" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_its_memory_is_not_touched_by_time_alone(environment):
    checkup.remember(GOOD, environment)
    time.sleep(0.01)
    assert checkup.fingerprint(environment) == checkup.fingerprint(dict(environment))
