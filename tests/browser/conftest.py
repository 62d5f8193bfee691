"""A real JupyterLab, started as the README says, in a real Chromium.

    def test_something(lab):
        nb = lab.open(["import ipywidgets as w", "s = w.IntSlider(); s"])
        nb.run_all()
        nb.output(1).get_by_role("slider").press("ArrowRight")
        nb.wait_until("s.value == 1")

When the test ends, `lab` fails it if the console held an error or a request left this machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "browser"))

from jupyter_page import LabPage  # noqa: E402
from lab_server import TOKEN, Server, running_lab  # noqa: E402

RESULTS = TESTS.parent / "test-results"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(TESTS / "browser"):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`workbench lab` on a copy of the project, stopped at the end; see `running_lab`."""
    with running_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


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


@pytest.fixture(scope="module")
def module_lab(
    lab_server: Server, lab_context: BrowserContext, request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    """One page for all tests of a module, for those that leave it as they found it."""
    page = LabPage(lab_context, lab_server.url, TOKEN, lab_server.root, RESULTS / request.node.path.stem)
    try:
        yield page
        page.check()
    finally:
        page.close()
