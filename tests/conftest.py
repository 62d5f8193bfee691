"""Every test: no network beyond this machine, and a cache of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # for the one helper that kernels import as well

import no_network  # noqa: E402

# Read when huggingface_hub is imported, so it is set before any test module is.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
no_network.block()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that an earlier run or the user stored is found, and nothing is left in the home folder."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT
