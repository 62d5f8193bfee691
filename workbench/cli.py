"""The command `workbench`: `lab`, `doctor`, `models`, `data`. The one module here that prints."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from workbench.lessons import ORIGINALS, copy_lessons

__all__ = ["LAB_CONFIG", "lab_command", "lab_environment", "main"]

#: JupyterLab settings that the widgets need; they hold for this server only.
LAB_CONFIG = Path(__file__).parent / "jupyter"
TOUR = "00_tour.ipynb"

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


def main(arguments: Sequence[str] | None = None, *, project: Path = _PROJECT) -> int:
    """Run one command; the exit status, 0 if all is well.

    Args:
        arguments: the command and its own; those this program was started with if None.
        project: the folder whose lessons `lab` opens.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["lab"]:  # everything after it is Jupyter's, so argparse may not touch it
        return _lab([item for item in given[1:] if item != "--"], project)
    parser = _parser()
    chosen = parser.parse_args(given)
    if chosen.command == "data" and chosen.action == "check":
        return _check(chosen)
    if chosen.command is None:
        parser.print_help()
        return 2
    if chosen.command == "doctor":
        return _doctor(chosen.remembered)
    if chosen.command == "models":
        return _models(chosen)
    return _data()


def lab_command(arguments: Sequence[str], *, project: Path = _PROJECT, lessons: str = ORIGINALS) -> list[str]:
    """The command line that starts JupyterLab of this very Python, with what Jupyter is given passed through.

    Without a path or a folder of one's own among `arguments` it opens the tour, if there is one.

    Args:
        arguments: what Jupyter is given.
        project: the folder that the file browser shows then.
        lessons: the folder in it whose tour is opened.
    """
    command = [sys.executable, "-m", "jupyterlab", *arguments]
    if os.name == "posix" and os.geteuid() == 0 and "--allow-root" not in arguments:
        command.append(
            "--allow-root"
        )  # Jupyter refuses root otherwise, and in a container there is nobody else
    if _opens_lessons(arguments, project):
        # Not as a path: the address that is printed with --no-browser would then lead to an empty lab.
        command += [f"--ServerApp.root_dir={project}", f"--LabApp.default_url=/lab/tree/{lessons}/{TOUR}"]
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


def _opens_lessons(arguments: Sequence[str], project: Path) -> bool:
    """Whether the lab is started for the lessons, and not for a notebook or folder of one's own."""
    own = _has_path(arguments) or any(item.startswith(_OWN_PLACE) for item in arguments)
    return not own and (project / ORIGINALS / TOUR).is_file()


def _has_path(arguments: Sequence[str]) -> bool:
    """Whether a notebook or folder is among Jupyter's arguments (and is not the value of an option)."""
    before = ["", *arguments]
    return any(
        not item.startswith("-")
        and Path(item).exists()
        and (not last.startswith("-") or "=" in last or last in _FLAGS)
        for last, item in zip(before, arguments, strict=False)
    )


def _lab(arguments: Sequence[str], project: Path) -> int:
    lessons = ORIGINALS
    if _opens_lessons(arguments, project):
        copies = copy_lessons(project)
        lessons = copies.folder.name
        for line in copies.said:
            print(line, flush=True)  # Jupyter's own log follows, from another program
    command = lab_command(arguments, project=project, lessons=lessons)
    environment = lab_environment(os.environ)
    if os.name == "posix":
        # Taking this process's place: Ctrl-C and kill reach the server itself, not a parent of it.
        os.execve(command[0], command, environment)
    return subprocess.call(command, env=environment)


def _doctor(remembered: bool) -> int:
    from workbench import checkup, doctor

    environment = lab_environment(os.environ)
    findings = checkup.remembered(environment) if remembered else None
    when = ""
    if findings is None:
        findings = doctor.examine(environment)
        checkup.remember(findings, environment)
    else:
        when = "\nNothing has changed since this was found well; `workbench doctor` looks again."
    print("\n".join(str(finding) for finding in findings) + when)
    return 1 if any(finding.level == "error" for finding in findings) else 0


def _models(asked: argparse.Namespace) -> int:
    from workbench import models
    from workbench.readiness import checked, fetched

    if asked.action is None:
        print(models.available())
        return 0
    said = partial(print, file=sys.stderr, flush=True)
    lines = fetched(asked.names, said) if asked.action == "fetch" else checked(asked.names)
    well = True
    for line in lines:
        print(line, flush=True)
        well = well and line.level == "ok"
    return 0 if well else 1


def _data() -> int:
    from workbench import data

    print(data.available())
    return 0


def _check(asked: argparse.Namespace) -> int:
    from workbench.data.data_check import checked

    said, status = checked(asked)
    print(said)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workbench", description="A workbench for image-text models.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser(
        "lab",
        help="open JupyterLab on a copy of the tour; what follows is Jupyter's: workbench lab --port 8890",
    )
    doctor = commands.add_parser("doctor", help="check this installation, one line a problem with its fix")
    doctor.add_argument(
        "--remembered",
        action="store_true",
        help="show the last good result if nothing was installed or changed since, else check",
    )
    _models_parser(
        commands.add_parser(
            "models", help="models that ship, are here, or could be downloaded; fetch and check them"
        )
    )
    from workbench.data.data_check import add_arguments

    add_arguments(commands.add_parser("data", help="data sets that ship; `data check PATH` reads your own"))
    return parser


def _models_parser(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    fetch = actions.add_parser("fetch", help="bring models onto this machine, for a class without a network")
    fetch.add_argument(
        "names", nargs="+", metavar="NAME", help="as models.load takes it: hf:ORG/NAME@REVISION"
    )
    check = actions.add_parser(
        "check", help="load models with the network switched off, after reading every file they are made from"
    )
    check.add_argument(
        "names", nargs="*", metavar="NAME", help="all that ship or are on this machine, if left out"
    )
