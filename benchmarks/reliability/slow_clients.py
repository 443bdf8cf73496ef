"""A crowd that sends a byte a second: half of them drip the head of a request, the other half its body.

Says how many are connected once all have tried, and again when its input is closed, and ends.

    python -m benchmarks.reliability.slow_clients HOST PORT NUMBER
"""

import asyncio
import sys

from benchmarks.reliability.open_loop import FORM_BEGINNING, request_head


async def main(host: str, port: int, number: int) -> None:
    writers = []
    for each in range(number):
        _, writer = await asyncio.open_connection(host, port, local_addr=(f"127.0.1.{1 + each % 200}", 0))
        whole, unfinished = request_head(5000) + FORM_BEGINNING, b"POST /search HTTP/1.1\r\nHost: service\r\nX-Slow: "
        writer.write(whole if each % 2 else unfinished)
        writers.append((writer, b"x"))
    print(len(writers), flush=True)
    reading = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not reading.done():
        for writer, byte in writers:
            if not writer.is_closing():
                writer.write(byte)
        await asyncio.wait({reading}, timeout=1)
    print(sum(not writer.is_closing() for writer, _ in writers), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
