"""Every test: no network beyond this machine, a cache of its own, and the same answers each time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Read when huggingface_hub is imported, so before any test module is.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


class NetworkBlockedError(OSError):
    """A test tried to leave this machine."""


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Only loopback addresses and Unix sockets connect; anything else raises where it was tried."""
    patch = pytest.MonkeyPatch()
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded(original: Any) -> Any:
        def connecting(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                _refuse_unless_loopback(address[0])
            return original(self, address)

        return connecting

    def resolving(host: Any, *arguments: Any, **options: Any) -> Any:
        if host is not None:
            _refuse_unless_loopback(host.decode() if isinstance(host, bytes) else str(host))
        return resolve(host, *arguments, **options)

    patch.setattr(socket.socket, "connect", guarded(connect))
    patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    patch.setattr(socket, "getaddrinfo", resolving)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that an earlier run or the user stored is found, and nothing is left in the home folder."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


def _refuse_unless_loopback(host: str) -> None:
    if host in ("localhost", "", socket.gethostname()):
        return
    try:
        if ip_address(host.partition("%")[0]).is_loopback or ip_address(host).is_unspecified:
            return
    except ValueError:
        pass
    raise NetworkBlockedError(f"A test may not leave this machine, and asked for {host!r}.")
