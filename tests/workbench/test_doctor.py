from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from workbench import doctor
from workbench.cli import lab_environment


def test_an_old_python_is_an_error_that_says_how_to_choose_another():
    finding = doctor.python_version((3, 10, 4))
    assert (finding.level, finding.text) == ("error", "3.10.4; 3.11 or later is needed.")
    assert "PYTHON=" in finding.fix
    assert doctor.python_version((3, 11, 0)).level == "ok"


def test_torch_and_torchvision_of_two_sources_are_found_by_their_versions():
    finding = doctor.torch_pair("2.15.0+cpu", "0.29.2", None)
    assert finding.level == "error"
    assert str(finding) == (
        "error  torch: torch 2.15.0+cpu with torchvision 0.29.2 come from two sources."
        "  Fix: pip install --force-reinstall -c constraints.txt torch torchvision"
    )


def test_a_pair_of_one_source_that_does_not_work_together_is_found_by_trying():
    finding = doctor.torch_pair("2.15.0", "0.26.0", "RuntimeError: operator torchvision::nms does not exist")
    assert finding.level == "error" and "nms does not exist" in finding.text


@pytest.mark.parametrize("pair", [("2.15.0", "0.29.2"), ("2.15.0+cpu", "0.29.2+cpu")])
def test_a_pair_of_one_source_is_well(pair):
    assert doctor.torch_pair(*pair, None).level == "ok"


def test_a_missing_torchvision_is_named():
    assert doctor.torch_pair("2.15.0", None, None).text == "torchvision not installed."


def test_a_kernel_of_another_environment_is_an_error_that_names_both_pythons():
    spec = {
        "argv": ["/home/a/old/bin/python", "-m", "ipykernel_launcher"],
        "folder": "/home/a/kernels/python3",
    }
    finding = doctor.kernel_of_this_environment(spec, "/home/a/lab/.venv/bin/python", "/home/a/lab/.venv")
    assert finding.level == "error"
    assert "/home/a/old/bin/python" in finding.text and "/home/a/lab/.venv/bin/python" in finding.text
    assert "remove /home/a/kernels/python3" in finding.fix


@pytest.mark.parametrize(
    "program", ["python", "python3", "/lab/.venv/bin/python", "/lab/.venv/bin/python3.11"]
)
def test_a_kernel_of_this_environment_is_well(program):
    spec = {"argv": [program], "folder": "/lab/.venv/share/jupyter/kernels/python3"}
    assert doctor.kernel_of_this_environment(spec, "/lab/.venv/bin/python", "/lab/.venv").level == "ok"


def test_no_kernel_at_all_is_an_error():
    assert "ipykernel" in doctor.kernel_of_this_environment({}, sys.executable, sys.prefix).fix


def test_a_missing_and_a_disabled_extension_each_say_their_own_fix():
    every = dict.fromkeys(doctor.LAB_EXTENSIONS, "enabled")
    assert doctor.lab_extensions(every).level == "ok"
    missing = doctor.lab_extensions({name: state for name, state in every.items() if name != "anywidget"})
    assert (missing.text, missing.fix) == ("anywidget is missing.", "pip install --force-reinstall anywidget")
    manager = "@jupyter-widgets/jupyterlab-manager"
    disabled = doctor.lab_extensions(every | {manager: "disabled"})
    assert (disabled.level, disabled.fix) == ("error", f"jupyter labextension enable {manager}")


@pytest.mark.parametrize(("size", "level"), [(None, "error"), (10 * 2**20, "error"), (256 * 2**20, "ok")])
def test_a_message_limit_below_a_large_upload_is_an_error(size, level):
    finding = doctor.message_limit(size)
    assert finding.level == level
    assert ("workbench lab" in finding.fix) == (level == "error")


def test_little_memory_and_little_disk_are_notes_and_not_errors():
    assert doctor.device_and_memory("cpu", 8.0, 0.9).level == "note"
    assert doctor.device_and_memory("cuda (a GPU)", 80.0, 70.0).text == "cuda (a GPU), 70.0 of 80.0 GB free"
    assert doctor.disk("/home", 0.4).level == "note"
    assert doctor.disk("/home", 40.0).level == "ok"


def test_the_offline_state_is_told_either_way():
    assert "only models on this machine" in doctor.offline({"HF_HUB_OFFLINE": "1"}).text
    assert doctor.offline({}).text.startswith("no;")


def test_a_check_that_breaks_is_a_finding_and_the_others_still_run(monkeypatch):
    def broken(folder: str, free_gb: float) -> doctor.Finding:
        raise OSError("the disk is gone")

    monkeypatch.setattr(doctor, "disk", broken)
    monkeypatch.setattr(doctor, "_asked", lambda code, environment: {})
    monkeypatch.setattr(doctor, "_trouble_with_torchvision", lambda: None)
    monkeypatch.setattr(doctor, "_device", lambda: ("cpu", 8.0, 8.0))
    findings = doctor.examine({})
    assert len(findings) == 8
    assert "OSError: the disk is gone" in str(findings[-1])


@pytest.mark.slow
def test_this_environment_as_workbench_lab_starts_it_has_no_error():
    findings = doctor.examine(lab_environment(os.environ))
    assert [str(finding) for finding in findings if finding.level == "error"] == []


def test_a_plain_server_is_told_that_its_message_limit_is_too_low(tmp_path):
    bare = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_CONFIG_PATH": ""}
    assert doctor.message_limit(doctor._asked(doctor._LIMIT, bare)).level == "error"


def test_a_kernel_spec_in_the_home_folder_that_leads_elsewhere_is_found(tmp_path: Path):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/elsewhere/bin/python"], "display_name": "x", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    answer = doctor._asked(doctor._KERNEL, os.environ | {"JUPYTER_PATH": str(tmp_path)})
    assert answer == {"argv": ["/elsewhere/bin/python"], "folder": str(folder)}
