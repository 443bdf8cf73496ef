"""Bodies that come slowly or in crowds, by a clock that the test moves."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.http.bodies import IntakeMiddleware
from service.http.errors import Refusal
from service.settings import Settings


class Clock:
    """The time of the running loop, which passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        asyncio.get_running_loop().time = lambda: self.now  # type: ignore[method-assign]

    async def wait_until(self, moment: float) -> None:
        """Goes on to a moment, second by second, and lets whatever is due then happen."""
        while self.now < moment:
            self.now = min(self.now + 1, moment)
            for _ in range(3):
                await asyncio.sleep(0)


class Sender:
    """Sends parts of a body, each so many seconds after the one before."""

    def __init__(self, clock: Clock, parts: Sequence[tuple[float, int]]) -> None:
        self._clock = clock
        moments = itertools.accumulate((seconds for seconds, _ in parts), initial=clock.now)
        self._parts = [(moment, size) for moment, (_, size) in zip(list(moments)[1:], parts, strict=True)]

    async def receive(self) -> dict[str, Any]:
        """Whoever is interrupted here finds the same part the next time."""
        if not self._parts:
            await self._clock.wait_until(self._clock.now + 10_000)
            return {"type": "http.disconnect"}
        moment, size = self._parts[0]
        await self._clock.wait_until(moment)
        del self._parts[0]
        return {"type": "http.request", "body": bytes(size), "more_body": bool(self._parts)}


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body", False):
        pass


async def outcome_of(intake: IntakeMiddleware, sender: Sender, **scope: Any) -> str:
    """How a request ends: "read", or the refusal."""
    try:
        await intake({"type": "http", **scope}, sender.receive, None)  # type: ignore[arg-type]
    except Refusal as refusal:
        return f"{refusal.status_code} {refusal.code}"
    return "read"


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ([(0, 100)], "read"),
        ([(19, 100)], "read"),  # small and late, but within the patience
        ([(9, 1), (9, 1)], "read"),
        ([(26, 100)], "408 body_too_slow"),
        ([(1, 1)] * 30, "408 body_too_slow"),  # a byte a second
        ([(1, 5_000)] * 300, "read"),  # slow, but for five minutes fast enough
        ([(1, 5_000)] * 60 + [(1, 10)] * 60, "408 body_too_slow"),  # what came fast before does not count for ever
        ([(0, 9_000_000), (51, 1)], "408 body_too_slow"),
    ],
)
def test_a_body_has_to_keep_coming(parts: list[tuple[float, int]], outcome: str) -> None:
    async def run() -> str:
        intake = IntakeMiddleware(read_all, patience_seconds=20, memory_bytes=10**9)  # type: ignore[arg-type]
        return await outcome_of(intake, Sender(Clock(), parts))

    assert asyncio.run(run()) == outcome


def test_once_the_body_is_complete_the_client_may_wait_for_its_answer_as_long_as_it_likes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await read_all(scope, receive, send)
        assert (await receive())["type"] == "http.disconnect"

    async def run() -> str:
        intake = IntakeMiddleware(app, patience_seconds=20, memory_bytes=10**9)  # type: ignore[arg-type]
        return await outcome_of(intake, Sender(Clock(), [(0, 100)]))

    assert asyncio.run(run()) == "read"


def test_bodies_that_are_in_hand_have_a_limit_together_and_what_is_answered_is_no_more_in_hand() -> None:
    async def hold(scope: Any, receive: Any, send: Any) -> None:
        await read_all(scope, receive, send)
        await scope["answered"].wait()

    async def run() -> list[str]:
        clock, answered = Clock(), asyncio.Event()
        intake = IntakeMiddleware(hold, patience_seconds=20, memory_bytes=1000)  # type: ignore[arg-type]
        begun = [
            asyncio.create_task(outcome_of(intake, Sender(clock, [(0, 400)]), answered=answered)) for _ in range(3)
        ]
        for _ in range(5):
            await asyncio.sleep(0)
        answered.set()
        after = outcome_of(intake, Sender(clock, [(0, 1000)]), answered=answered)
        return [*(await asyncio.gather(*begun)), await after]

    assert asyncio.run(run()) == ["read", "read", "503 overloaded", "read"]


def test_an_upload_of_megabytes_never_touches_the_disk(engine: Any, sketch: Any, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError("No space left on device")

    monkeypatch.setattr("tempfile._mkstemp_inner", full)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with TestClient(create_app(Settings(), engine=engine)) as client:
        upload = sketch("star-plain") + bytes(3_000_000)
        assert client.post("/search", files={"sketch": upload}).status_code == 200


def test_what_is_no_request_passes() -> None:
    passed = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    asyncio.run(IntakeMiddleware(app, patience_seconds=1, memory_bytes=1)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed
