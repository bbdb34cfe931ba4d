"""Block connections to other machines; Python imports this module in each process if it is on PYTHONPATH."""

import ipaddress
import socket


class NetworkBlockedError(OSError):
    """A test tried to connect to another machine."""


def _check(host):
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return
    try:
        is_local = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:  # a name, which a name server would have to be asked for
        is_local = False
    if not is_local:
        raise NetworkBlockedError(f"the tests may not connect to {host!r}")


def _guard(name, address_of):
    original = getattr(socket.socket, name)

    def guarded(self, *args):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(address_of(args)[0])
        return original(self, *args)

    setattr(socket.socket, name, guarded)


if not hasattr(socket, "KLUE_BLOCKED"):
    socket.KLUE_BLOCKED = True
    _guard("connect", lambda args: args[0])
    _guard("connect_ex", lambda args: args[0])
    _guard("sendto", lambda args: args[-1])
    _getaddrinfo = socket.getaddrinfo

    def _guarded_getaddrinfo(host, *args, **kwargs):
        _check(host)
        return _getaddrinfo(host, *args, **kwargs)

    socket.getaddrinfo = _guarded_getaddrinfo
