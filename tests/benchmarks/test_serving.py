"""The serving benchmark measures what it says: answers are read whole, stalls charged, late answers not counted."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.serving.client import parse, search_request
from benchmarks.serving.figures import ideal_ratio, overload, percentiles
from benchmarks.serving.load import Outcome, Target, closed_loop, open_loop, schedule

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
STALL_SECONDS = 0.3

Load = Callable[[Target], Awaitable[tuple[list[Outcome], float]]]


@pytest.mark.parametrize("length", range(len(ANSWER)))
def test_an_incomplete_answer_is_waited_for(length: int) -> None:
    assert parse(ANSWER[:length]) is None


def test_an_answer_of_known_length_is_read() -> None:
    reply = parse(ANSWER)
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"{}")


def test_an_answer_in_chunks_is_joined() -> None:
    reply = parse(b"HTTP/1.1 429 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert reply is not None
    assert (reply.status, reply.body) == (429, b"abcde")


def test_the_request_states_its_own_length() -> None:
    head, _, body = search_request(b"PNG", path="/search", host="h", k=3).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"PNG" in body


def test_even_arrivals_are_evenly_spaced_and_random_ones_as_many() -> None:
    assert list(schedule(4, 1, "fixed", 0)) == [0, 0.25, 0.5, 0.75]
    assert len(list(schedule(100, 50, "poisson", 0))) == pytest.approx(5000, rel=0.05)


def test_percentiles_are_milliseconds_and_nothing_has_none() -> None:
    assert percentiles([0.001, 0.002, 0.003])["p50_ms"] == 2
    assert percentiles([])["p50_ms"] is None


def test_goodput_leaves_out_late_answers_and_those_after_the_end() -> None:
    good, late, after_the_end = Outcome(200, 0.1, 0.5), Outcome(200, 0.7, 0.1), Outcome(200, 0.3, 0.9)
    refused, broken = Outcome(429, 0.004, 0.5), Outcome(0, 2.0, 0.5)
    found = overload([good, late, after_the_end, refused, broken], seconds=1, deadline_ms=500)
    assert found["goodput_per_second"] == 1
    assert (found["answered_late"], found["refused"], found["given_up_or_failed"]) == (1, 1, 1)
    assert found["refusal_p50_ms"] == 4


def test_a_perfect_queue_is_even_when_arrivals_are() -> None:
    assert ideal_ratio(list(schedule(80, 10, "fixed", 0)), 0.01) == pytest.approx(1)
    assert ideal_ratio(list(schedule(80, 200, "poisson", 0)), 0.01) == pytest.approx(4.9, abs=0.8)


def test_requests_that_a_stall_kept_waiting_are_charged_for_it() -> None:
    outcomes = asyncio.run(
        _with_stalling_server(lambda target: open_loop(target, rate=50, seconds=0.5, arrivals="fixed"))
    )
    charged = [outcome for outcome in outcomes if outcome.seconds > STALL_SECONDS / 2]
    # The stall lasts fifteen arrivals; those of its first half wait for at least half of it.
    assert len(charged) >= 5
    assert all(outcome.status == 200 for outcome in outcomes)


def test_a_closed_loop_answers_all_it_sends() -> None:
    outcomes = asyncio.run(_with_stalling_server(lambda target: closed_loop(target, concurrency=2, seconds=0.1)))
    assert outcomes
    assert {outcome.status for outcome in outcomes} == {200}


async def _with_stalling_server(load: Load) -> list[Outcome]:
    """Puts load on a server that answers at once, except that its first request stops everybody for a while."""
    stalled_until: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        request = search_request(b"x", path="/search", host="h", k=1)
        try:
            while True:
                await reader.readexactly(len(request))
                if not stalled_until:
                    stalled_until.append(clock() + STALL_SECONDS)
                await asyncio.sleep(max(0.0, stalled_until[0] - clock()))
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        target = Target(server.sockets[0].getsockname()[1], [search_request(b"x", path="/search", host="h", k=1)])
        outcomes, _ = await load(target)
        await asyncio.sleep(0.05)
    return outcomes
