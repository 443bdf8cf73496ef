"""A crowd that sends a byte a second: half of them drip the head of a request, the other half its body.

Who is sent away comes back at once. Says how many are connected once all have tried, and when its input is closed how
many are then, and how often they were sent away, and ends.

    python -m benchmarks.reliability.slow_clients HOST PORT NUMBER
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.reliability.open_loop import FORM_BEGINNING, request_head

_UNFINISHED_HEAD = b"POST /search HTTP/1.1\r\nHost: service\r\nX-Slow: "


@dataclass
class Crowd:
    """What has become of the clients."""

    connected: int = 0
    sent_away: int = 0


async def drip(address: tuple[str, int], number: int, crowd: Crowd) -> None:
    """One client, which never ends its request."""
    beginning = _UNFINISHED_HEAD if number % 2 else request_head(5000) + FORM_BEGINNING
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(*address, local_addr=(f"127.0.1.{1 + number % 200}", 0))
            crowd.connected += 1
            writer.write(beginning)
            answered = asyncio.ensure_future(reader.read(1000))
            while not (await asyncio.wait({answered}, timeout=1))[0]:
                writer.write(b"x")
            crowd.connected -= 1
            crowd.sent_away += 1
            writer.close()
            with suppress(OSError):
                answered.result()
        await asyncio.sleep(0.01)


async def main(host: str, port: int, number: int) -> None:
    crowd = Crowd()
    clients = [asyncio.create_task(drip((host, port), each, crowd)) for each in range(number)]
    while crowd.connected + crowd.sent_away < number:
        await asyncio.sleep(0.1)
    print(crowd.connected, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(f"{crowd.connected}, sent away {crowd.sent_away} times", flush=True)
    for client in clients:
        client.cancel()
    await asyncio.wait(clients)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
