from __future__ import annotations

import socket
import urllib.request
from urllib.error import URLError

import no_network
import pytest


def test_a_request_that_leaves_the_machine_raises_and_names_the_host():
    with pytest.raises(URLError, match=r"may not leave this machine, and asked for 'example\.org'"):
        urllib.request.urlopen("http://example.org/", timeout=5)


def test_an_address_in_numbers_is_refused_too():
    with socket.socket() as plug, pytest.raises(no_network.NetworkBlockedError, match=r"192\.0\.2\.1"):
        plug.connect(("192.0.2.1", 80))


def test_this_machine_can_talk_to_itself():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as plug,
    ):
        plug.sendall(b"x")
        assert server.accept()[0].recv(1) == b"x"
