"""Tests of the block of network connections."""

from __future__ import annotations

import socket

import pytest

# An address that is reserved for documentation: nobody answers there.
OUTSIDE = ("192.0.2.1", 80)


def test_connections_beyond_this_machine_are_blocked() -> None:
    with socket.socket() as connection, pytest.raises(OSError, match=r"may not connect to '192\.0\.2\.1'"):
        connection.connect(OUTSIDE)
    with pytest.raises(OSError, match=r"may not connect to 'huggingface\.co'"):
        socket.create_connection(("huggingface.co", 443))


def test_loopback_is_not_blocked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())


def test_processes_that_tests_start_are_blocked_too(cold_python) -> None:
    done = cold_python("-c", f"import socket; socket.socket().connect({OUTSIDE})", check=False)
    assert "NetworkBlockedError" in done.stderr
