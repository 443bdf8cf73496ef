"""The socket that the service listens on, and how many connections it may have."""

import resource
import socket
from contextlib import suppress

from model.errors import SketchSearchError
from service.settings import environment_variable, flag

_RESERVED_FILES = 256  # photos, the gallery, decoders, logs
_MOST_FILES = 16_384  # a connection takes some 10 kB of memory, too


def allow_many_connections() -> None:
    """Raises the limit of open files, of which each connection is one, from the 1,024 that many systems begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_connections() -> int:
    """Returns how many connections may be open: the limit of open files, less a reserve for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else max(soft // 2, soft - _RESERVED_FILES)


def listen(host: str, port: int) -> socket.socket:
    """Takes a port, before anything is loaded: a mistake in the address is known at once.

    Args:
        host: an IPv4 or IPv6 address, or a name.
        port: 0 takes a free one.

    Raises:
        SketchSearchError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that name their protocol; with it, an answer's body
    # waits 40 ms for the client to acknowledge its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise SketchSearchError(
            f"Port {port} on {host} cannot be used ({error.strerror}); "
            f"stop what is using it, or choose another with {flag('port')} or {environment_variable('port')}."
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """The URL under which the service can be reached, such as "http://127.0.0.1:8000"."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"
