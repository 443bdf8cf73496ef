import resource
import socket

import pytest

from model.errors import SketchSearchError
from service.process.listening import address, allow_many_connections, listen


def test_the_socket_names_its_protocol_so_that_answers_are_not_delayed() -> None:
    # Only then does asyncio switch Nagle's algorithm off, with which an answer waits 40 ms for an acknowledgement.
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_the_address_is_the_one_to_open() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_host_that_is_not_this_machines_is_named_with_the_reason() -> None:
    with pytest.raises(
        SketchSearchError, match=r"Port 9 on 203\.0\.113\.1 cannot be used \(.+\); stop what is using it"
    ):
        listen("203.0.113.1", 9)


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_and_never_lowered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        allow_many_connections()
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raised == 16_384 or raised == hard < 16_384
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        allow_many_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
