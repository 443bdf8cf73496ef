"""What others do to the service, and what its ordinary visitors notice of it.

slow      1,000 clients that send a byte a second, beside normal load: the p99 of the normal load with and without them
big       bodies of 50 MB: how soon they are refused, and how much of them was taken in
overload  ten times what the service can answer, for a minute: latency before, and from 5 s after its end

Prints one JSON object. Latencies count from the moment a request was due. Run it on a quiet machine.

    python -m benchmarks.reliability.crowds [--only slow big overload] [--rounds 3]
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.reliability.open_loop import (
    FORM_BEGINNING,
    Sent,
    arrive,
    capacity,
    describe,
    request_head,
    search_request,
)
from benchmarks.reliability.running_service import RunningService, make_gallery, running

_REQUESTS = [search_request(seed) for seed in range(8)]
_MEGABYTE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--clients", type=int, default=1000, help="slow ones")
    parser.add_argument("--rounds", type=int, default=3, help="with and without slow clients")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement of normal load")
    parser.add_argument("--overload-seconds", type=float, default=60)
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": f"{os.cpu_count()} cores", "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as name:
        gallery = make_gallery(Path(name), num_photos=arguments.photos)
        with running(gallery, "--log-level", "error") as service:
            asyncio.run(capacity(address_of(service), _REQUESTS, seconds=3))  # warm
            found = [asyncio.run(capacity(address_of(service), _REQUESTS, seconds=2)) for _ in range(5)]
            results["capacity_per_second"] = round(max(found), 1)  # of a machine that does something else at times
            for part in arguments.only:
                results[part] = PARTS[part](service, arguments, results["capacity_per_second"])
                print(json.dumps({part: results[part]}), file=sys.stderr, flush=True)
    print(json.dumps(results, indent=2))


def slow(service: RunningService, arguments: argparse.Namespace, per_second: float) -> dict[str, Any]:
    """Interleaved: without the slow clients, with them, without them, ..."""
    address, sent = address_of(service), {False: list[Sent](), True: list[Sent]()}
    connected: list[str] = []
    for _ in range(arguments.rounds):
        sent[False] += normal(address, arguments, per_second)
        command = [
            sys.executable,
            "-m",
            "benchmarks.reliability.slow_clients",
            *map(str, address),
            str(arguments.clients),
        ]
        crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        connected.append(crowd.stdout.readline().strip())
        sent[True] += normal(address, arguments, per_second)
        crowd.stdin.close()
        connected.append(crowd.stdout.readline().strip())
        crowd.wait()
        time.sleep(1)
    without, beside = describe(sent[False]), describe(sent[True])
    ratio = round(beside["p99_ms"] / without["p99_ms"], 2)
    return {"connected": connected, "without": without, "beside_slow_clients": beside, "p99_ratio": ratio}


def big(service: RunningService, _arguments: argparse.Namespace, _per_second: float) -> dict[str, Any]:
    """A polite client, which waits for an answer to its head; one that just sends; one that does not say how much."""
    results = {}
    for name, head, eager in (
        ("waits for the answer", request_head(50 * _MEGABYTE), False),
        ("sends at once", request_head(50 * _MEGABYTE), True),
        ("sends chunks of unknown number", _chunked_head(), True),
    ):
        service.reset_peak()
        before = service.resources().rss_mb
        started, sent, answer, answered = time.perf_counter(), 0, b"", 0.0
        with socket.create_connection(address_of(service)) as client:
            client.sendall(head)
            if "chunks" in name:
                client.sendall(b"%x\r\n" % len(FORM_BEGINNING) + FORM_BEGINNING + b"\r\n")
            piece = b"10000\r\n" + bytes(65_536) + b"\r\n" if "chunks" in name else bytes(65_536)
            client.settimeout(0.0001 if eager else 10)
            while not answer and sent < 50 * _MEGABYTE:
                try:
                    answer = client.recv(2000)
                except TimeoutError:
                    client.settimeout(10)
                    client.sendall(piece)
                    sent += len(piece)
                    client.settimeout(0.0001)
            answered = time.perf_counter() - started
        results[name] = {
            "status": int(answer[9:12] or 0),
            "milliseconds": round(1000 * answered, 1),
            "megabytes_sent_before_the_answer": round(sent / _MEGABYTE, 2),
            "megabytes_of_memory": round(service.peak_rss_mb() - before, 1),
        }
    return results


def overload(service: RunningService, arguments: argparse.Namespace, per_second: float) -> dict[str, Any]:
    """Normal load, the crowd, and normal load again at once."""
    address = address_of(service)
    before = normal(address, arguments, per_second)
    crowd = asyncio.run(
        arrive(
            address,
            _REQUESTS,
            per_second=10 * per_second,
            seconds=arguments.overload_seconds,
            timeout_seconds=0.1 + arguments.overload_seconds / 30,
        )
    )
    ended = crowd[-1].due
    after = normal(address, arguments, per_second)
    limit = 2 * describe(before)["p99_ms"] / 1000
    late = [each.due - ended for each in after if each.status != 200 or each.seconds > limit]
    return {
        "per_second": round(10 * per_second),
        "before": describe(before),
        "crowd": describe(crowd),
        "first_5_s_after": describe([each for each in after if each.due < ended + 5]),
        "from_5_s_after": describe([each for each in after if each.due >= ended + 5]),
        "last_answer_slower_than_twice_the_p99_before": round(max(late, default=0.0), 1),
        "rss_mb_afterwards": round(service.resources().rss_mb),
    }


def normal(address: tuple[str, int], arguments: argparse.Namespace, per_second: float) -> list[Sent]:
    """A third of what the service can do."""
    return asyncio.run(arrive(address, _REQUESTS, per_second=per_second / 3, seconds=arguments.seconds))


def address_of(service: RunningService) -> tuple[str, int]:
    """Host and port."""
    parts = urlsplit(service.url)
    return str(parts.hostname), int(parts.port or 0)


def _chunked_head() -> bytes:
    length = b"Content-Length: %d" % (50 * _MEGABYTE)
    return request_head(50 * _MEGABYTE).replace(length, b"Transfer-Encoding: chunked")


PARTS = {"slow": slow, "big": big, "overload": overload}

if __name__ == "__main__":
    main()
