"""`workbench lab`, started as for a user on a project that is a copy, for tests, pictures and measurements."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_page import LabPage

__all__ = ["TOKEN", "Server", "page_of", "running_lab"]

TESTS = Path(__file__).resolve().parent.parent
#: `workbench lab` as an installed project runs it, on a project that is a copy.
START = (
    "import sys, pathlib; from workbench import cli; "
    "sys.exit(cli.main(sys.argv[2:], project=pathlib.Path(sys.argv[1])))"
)
START_S = 300  # a cold disk on a busy machine; a healthy one answers in seconds
TOKEN = "for-these-tests-only"


@dataclass(frozen=True)
class Server:
    """A running lab: its address (no slash at the end), its root folder, its log file, its process."""

    url: str
    root: Path
    log: Path
    process: int = 0


@contextlib.contextmanager
def running_lab(folder: Path) -> Iterator[Server]:
    """A lab on a copy of the project, with no settings but ours and homes of its own, stopped at the end.

    No folder is named on its command line, so that it starts as for a user: on copies of the lessons.

    Args:
        folder: an empty one; the project, the homes and the log are put into it.

    Raises:
        RuntimeError: it did not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(f"http://127.0.0.1:{_free_port()}", folder / "project", folder / "lab.log")
    shutil.copytree(TESTS.parent / "notebooks", server.root / "notebooks")
    arguments = [
        "--no-browser",
        f"--port={server.url.rpartition(':')[2]}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", START, str(server.root), "lab", *arguments],
            env=_environment(folder), cwd=server.root, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(server, process)
        yield Server(server.url, server.root, server.log, process.pid)
    finally:
        _stop(process)


@contextlib.contextmanager
def page_of(server: Server) -> Iterator[LabPage]:
    """A page on a running lab in a Chromium of its own, for programs that are no tests.

    Args:
        server: the lab.

    Raises:
        RuntimeError: there is no Chromium.
    """
    sys.path.insert(0, str(TESTS.parent / "tools"))
    from install_chromium import HOW, find_chromium
    from jupyter_page import LabPage
    from playwright.sync_api import sync_playwright

    program = find_chromium()
    if program is None:
        raise RuntimeError(HOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = LabPage(context, server.url, TOKEN, server.root, server.root.parent / "pictures")
        try:
            yield page
        finally:
            page.close()
            browser.close()


def _environment(folder: Path) -> dict[str, str]:
    """The variables of this process, with homes of their own, and with kernels that cannot leave this machine."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-no-network.py").write_text(
        f"import sys\nsys.path.append({str(TESTS)!r})\nimport no_network\nno_network.block()\n"
        "del sys.path[-1]\ndel no_network, sys\n"
    )
    own = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "WORKBENCH_CACHE": str(folder / "cache"),
    }
    # The packages are found as an installed project finds them, or from the tree these tests stand in.
    path = os.pathsep.join(filter(None, [str(TESTS.parent), os.environ.get("PYTHONPATH", "")]))
    return os.environ | own | {"PYTHONPATH": path}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/api?token={TOKEN}", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    log = server.log.read_text("utf-8")[-3000:]
    raise RuntimeError(f"`workbench lab` did not answer within {START_S} s:\n{log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server and the kernels it started, which share its session."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
