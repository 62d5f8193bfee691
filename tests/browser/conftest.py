"""A real JupyterLab, started as the README says, in a real Chromium.

    def test_something(lab):
        nb = lab.open(["import ipywidgets as w", "s = w.IntSlider(); s"])
        nb.run_all()
        nb.output(1).get_by_role("slider").press("ArrowRight")
        nb.wait_until("s.value == 1")

When the test ends, `lab` fails it if the console held an error or a request left this machine.
"""

from __future__ import annotations

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

import pytest
from playwright.sync_api import Browser, BrowserContext

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "browser"))

from jupyter_page import LabPage  # noqa: E402

START_S = 300  # a cold disk on a busy machine; a healthy one answers in seconds
TOKEN = "for-these-tests-only"
RESULTS = TESTS.parent / "test-results"


@dataclass(frozen=True)
class Server:
    """A running lab: its address (no slash at the end), its root folder, and its log file."""

    url: str
    root: Path
    log: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(TESTS / "browser"):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`workbench lab` on a copy of the notebooks, with no settings but ours, stopped at the end."""
    folder = tmp_path_factory.mktemp("lab")
    server = Server(f"http://127.0.0.1:{_free_port()}", folder / "project", folder / "lab.log")
    shutil.copytree(TESTS.parent / "notebooks", server.root / "notebooks")
    arguments = [
        "--no-browser",
        f"--port={server.url.rpartition(':')[2]}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={server.root}",
        f"--IdentityProvider.token={TOKEN}",
        "--LabApp.expose_app_in_browser=True",
    ]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "lab", *arguments],
            env=_environment(folder), cwd=server.root, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(server, process)
        yield server
    finally:
        _stop(process)


@pytest.fixture(scope="module")
def lab_context(chromium: Browser) -> Iterator[BrowserContext]:
    """One for a module: JupyterLab's three megabytes of script are then read and compiled once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 960})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def lab(lab_server: Server, lab_context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[LabPage]:
    """A fresh page on the running lab; see `LabPage`."""
    page = LabPage(lab_context, lab_server.url, TOKEN, lab_server.root, RESULTS / request.node.name)
    try:
        yield page
        page.check()
    finally:
        page.close()


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
    pytest.fail(
        f"`workbench lab` did not answer within {START_S} s:\n{server.log.read_text('utf-8')[-3000:]}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server and the kernels it started, which share its session."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
