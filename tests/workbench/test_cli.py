from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import cli


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_tour.ipynb").write_text("{}")
    return tmp_path


def test_lab_without_a_path_opens_the_tour_with_the_whole_project_in_the_file_browser(project):
    command = cli.lab_command(["--no-browser", "--port", "8890"], project=project)
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert command[3:6] == ["--no-browser", "--port", "8890"]
    assert command[-2:] == [
        f"--ServerApp.root_dir={project}",
        "--LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb",
    ]


def test_lab_starts_on_a_copy_of_the_tour_and_says_what_it_did_not_overwrite(project, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execve", lambda program, command, environment: started.append(command))
    monkeypatch.setattr(cli.subprocess, "call", lambda command, env: started.append(command) or 0)
    cli.main(["lab", "--no-browser"], project=project)
    copy = project / "my-notebooks" / "00_tour.ipynb"
    assert copy.read_text() == "{}" and capsys.readouterr().out == ""
    assert started[0][-2:] == [
        f"--ServerApp.root_dir={project}",
        "--LabApp.default_url=/lab/tree/my-notebooks/00_tour.ipynb",
    ]
    copy.write_text("mine")
    (project / "notebooks" / "00_tour.ipynb").write_text("new")
    cli.main(["lab", "--no-browser"], project=project)
    assert "my-notebooks/00_tour.ipynb holds what you wrote and stays" in capsys.readouterr().out


def test_lab_on_ones_own_notebook_or_folder_copies_nothing(project, monkeypatch):
    monkeypatch.setattr(os, "execve", lambda program, command, environment: None)
    monkeypatch.setattr(cli.subprocess, "call", lambda command, env: 0)
    own = project / "mine.ipynb"
    own.write_text("{}")
    for arguments in ([str(own)], [f"--ServerApp.root_dir={project}"]):
        cli.main(["lab", *arguments], project=project)
    assert not (project / "my-notebooks").exists()


def test_lab_with_a_notebook_opens_that_one(project):
    own = project / "mine.ipynb"
    own.write_text("{}")
    assert cli.lab_command(["--no-browser", str(own)], project=project)[3:5] == ["--no-browser", str(own)]
    assert not any("root_dir" in item for item in cli.lab_command([str(own)], project=project))


@pytest.mark.parametrize("option", ["--notebook-dir={}", "--ServerApp.root_dir={}"])
def test_lab_with_a_folder_of_its_own_keeps_that_folder(project, tmp_path, option):
    command = cli.lab_command([option.format(tmp_path)], project=project)
    assert sum(str(tmp_path) in item for item in command) == 1


def test_a_value_after_an_option_is_not_taken_for_a_notebook(project, monkeypatch):
    monkeypatch.chdir(project)
    (project / "8890").mkdir()
    assert "--LabApp.default_url" in cli.lab_command(["--port", "8890"], project=project)[-1]


def test_lab_where_there_is_no_tour_still_starts(tmp_path):
    assert cli.lab_command(["--no-browser"], project=tmp_path)[3] == "--no-browser"


def test_root_is_allowed_once(project, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cli.lab_command(["--allow-root"], project=project).count("--allow-root") == 1
    assert cli.lab_command([], project=project).count("--allow-root") == 1


def test_the_lab_prefers_this_environment_and_keeps_the_users_own_configuration():
    environment = cli.lab_environment(
        {"JUPYTER_CONFIG_PATH": "/own/settings", "HF_HUB_DISABLE_TELEMETRY": "0"}
    )
    assert environment["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(cli.LAB_CONFIG), "/own/settings"]
    assert environment["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "0", "what the user set stays"
    assert "HF_HUB_OFFLINE" not in environment, "whether to download is the user's choice"


def test_lab_configuration_asks_nobody_outside_for_news_or_updates():
    # What JupyterLab itself makes of the files, not what the files say.
    code = (
        "from jupyterlab.labapp import LabApp\n"
        "app = LabApp(); app.load_config_file()\n"
        "print(app.news_url, app.check_for_updates_class.__name__, app.extension_manager)"
    )
    environment = cli.lab_environment(os.environ)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["None", "NeverCheckForUpdate", "readonly"]


def test_without_a_command_the_commands_are_listed(capsys):
    assert cli.main([]) == 2
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("lab", "doctor", "models", "data"))


def test_an_unknown_command_names_those_there_are(capsys):
    with pytest.raises(SystemExit):
        cli.main(["dcotor"])
    assert "doctor" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "name"), [("models", "emoji-clip"), ("data", "shapes")])
def test_tables_are_printed(capsys, command, name):
    assert cli.main([command]) == 0
    assert name in capsys.readouterr().out


def test_python_dash_m_workbench_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--help"], capture_output=True, text=True, check=True
    )
    assert "usage: workbench" in done.stdout
