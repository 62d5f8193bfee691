"""The command `workbench`: `lab`, `doctor`, `models`, `data`. The one module here that prints."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["LAB_CONFIG", "lab_command", "lab_environment", "main"]

#: JupyterLab settings that the widgets need; they hold for this server only.
LAB_CONFIG = Path(__file__).parent / "jupyter"
TOUR = Path("notebooks", "00_tour.ipynb")

_PROJECT = Path(__file__).resolve().parent.parent
_OWN_PLACE = (
    "--notebook-dir",
    "--ServerApp.root_dir",
    "--root-dir",
    "--preferred-dir",
    "--LabApp.default_url",
)
_FLAGS = (
    "--no-browser",
    "--debug",
    "--allow-root",
    "--generate-config",
    "--autoreload",
    "--core-mode",
    "--collaborative",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status, 0 if all is well."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["lab"]:  # everything after it is Jupyter's, so argparse may not touch it
        return _lab([item for item in given[1:] if item != "--"])
    parser = _parser()
    command = parser.parse_args(given).command
    if command is None:
        parser.print_help()
        return 2
    return {"doctor": _doctor, "models": _models, "data": _data}[command]()


def lab_command(arguments: Sequence[str], *, project: Path = _PROJECT) -> list[str]:
    """The command line that starts JupyterLab of this very Python, with what Jupyter is given passed through.

    Without a path among `arguments` it opens the tour, if there is one in `project`.
    """
    command = [sys.executable, "-m", "jupyterlab", *arguments]
    if os.name == "posix" and os.geteuid() == 0 and "--allow-root" not in arguments:
        command.append(
            "--allow-root"
        )  # Jupyter refuses root otherwise, and in a container there is nobody else
    if _has_path(arguments):
        return command
    if not any(item.startswith(_OWN_PLACE) for item in arguments) and (project / TOUR).is_file():
        # Not as a path: the address that is printed with --no-browser would then lead to an empty lab.
        command += [f"--ServerApp.root_dir={project}", f"--LabApp.default_url=/lab/tree/{TOUR.as_posix()}"]
    return command


def lab_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with what makes JupyterLab use this environment's kernel and our settings."""
    paths = [str(LAB_CONFIG), *filter(None, environment.get("JUPYTER_CONFIG_PATH", "").split(os.pathsep))]
    own = {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(dict.fromkeys(paths)),
        "JUPYTER_PREFER_ENV_PATH": "1",  # kernel and extensions of this environment, not of the home folder
    }
    usual = {"HF_HUB_DISABLE_TELEMETRY": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return usual | dict(environment) | own


def _has_path(arguments: Sequence[str]) -> bool:
    """Whether a notebook or folder is among Jupyter's arguments (and is not the value of an option)."""
    before = ["", *arguments]
    return any(
        not item.startswith("-")
        and Path(item).exists()
        and (not last.startswith("-") or "=" in last or last in _FLAGS)
        for last, item in zip(before, arguments, strict=False)
    )


def _lab(arguments: Sequence[str]) -> int:
    command, environment = lab_command(arguments), lab_environment(os.environ)
    if os.name == "posix":
        # Taking this process's place: Ctrl-C and kill reach the server itself, not a parent of it.
        os.execve(command[0], command, environment)
    return subprocess.call(command, env=environment)


def _doctor() -> int:
    from workbench import doctor

    findings = doctor.examine(lab_environment(os.environ))
    print("\n".join(str(finding) for finding in findings))
    return 1 if any(finding.level == "error" for finding in findings) else 0


def _models() -> int:
    from workbench import models

    print(models.available())
    return 0


def _data() -> int:
    from workbench import data

    print(data.available())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workbench", description="A workbench for image-text models.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser(
        "lab", help="open JupyterLab on the tour; what follows is Jupyter's: workbench lab --port 8890"
    )
    commands.add_parser("doctor", help="check this installation, one line a problem with its fix")
    commands.add_parser(
        "models", help="models that ship, that are on this machine, and that could be downloaded"
    )
    commands.add_parser("data", help="data sets that ship")
    return parser
