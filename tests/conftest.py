"""Every test: no network beyond this machine, and a cache of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
# Helpers shared with kernels that tests start, and with `make test`.
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

import no_network  # noqa: E402

# Tests run side by side: two workers with all cores each would wait for one another. Kernels inherit it.
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _workers)))

# The network is cut here and not by HF_HUB_OFFLINE: what happens without that switch is tested as well.
no_network.block()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that an earlier run or the user stored is found, and nothing is left in the home folder."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine. Without one the test fails, and says how to get one.

    One a module and not one a session: while it runs, Playwright keeps an event loop going in this
    thread, which tests that need one of their own would trip over.
    """
    from install_chromium import HOW, find_chromium
    from playwright.sync_api import sync_playwright

    program = find_chromium()
    if program is None:
        pytest.fail(HOW)
    arguments = [
        # A fake camera, so that a widget that wants one can be tested where there is none.
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        # No name outside this machine is known. Here and not by intercepting requests, which would
        # pass each one through Python and switch off the browser's cache.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()
