"""Refuse every connection that leaves this machine. Used in the tests' process and in the kernels they start."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

__all__ = ["NetworkBlockedError", "block"]

_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class NetworkBlockedError(OSError):
    """Something tried to leave this machine."""


def block() -> None:
    """From now on only loopback addresses and Unix sockets connect; anything else raises where it is tried."""
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded(original: Any) -> Any:
        def connecting(self: socket.socket, address: Any) -> Any:
            if self.family in _FAMILIES:
                _refuse_unless_loopback(address[0])
            return original(self, address)

        return connecting

    def resolving(host: Any, *arguments: Any, **options: Any) -> Any:
        if host is not None:
            _refuse_unless_loopback(host.decode() if isinstance(host, bytes) else str(host))
        return resolve(host, *arguments, **options)

    socket.socket.connect = guarded(connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded(connect_ex)  # type: ignore[method-assign]
    socket.getaddrinfo = resolving


def _refuse_unless_loopback(host: str) -> None:
    if host in ("localhost", "", socket.gethostname()):
        return
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        address = None
    if address is None or not (address.is_loopback or address.is_unspecified):
        raise NetworkBlockedError(f"A test may not leave this machine, and asked for {host!r}.")
