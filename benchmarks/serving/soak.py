"""Minutes at 80 % load: does memory grow, does anything fail?"""

import asyncio
import json
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.serving.contenders import Contender
from benchmarks.serving.figures import latency
from benchmarks.serving.load import Outcome, Target, closed_loop, open_loop, wait_until_ready
from benchmarks.serving.processes import free_port, memory_mb, running

_SAMPLE_SECONDS = 2.0
_SLICE_SECONDS = 10.0


def soak(contender: Contender, requests: list[bytes], *, minutes: float, out: Path) -> dict[str, Any]:
    """Random arrivals at 80 % of what saturates the contender, and its memory all the while.

    Growth compares the median of the second tenth of the time, when caches are warm, with that of the last tenth.
    """
    target = Target(free_port(), requests)
    command = contender.command(target.port)
    with running(command, environment=contender.environment, folder=contender.folder, log=out / "soak.log") as process:
        asyncio.run(wait_until_ready(target))
        memory: list[float] = []
        stop = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process, memory, stop))
        sampler.start()
        try:
            outcomes, rates = asyncio.run(_load(target, minutes * 60))
        finally:
            stop.set()
            sampler.join()
    tenth = max(1, len(memory) // 10)
    before, after = statistics.median(memory[tenth : 2 * tenth]), statistics.median(memory[-tenth:])
    result = {
        "minutes": minutes,
        "requests_per_second": round(len(outcomes) / (minutes * 60), 1),
        "rates": rates,
        "rss_mb_second_tenth": before,
        "rss_mb_last_tenth": after,
        "rss_growth_percent": round((after / before - 1) * 100, 2),
        "statuses": {str(status): sum(o.status == status for o in outcomes) for status in {o.status for o in outcomes}},
        "latency": latency(outcomes),
    }
    (out / "soak.json").write_text(json.dumps(result | {"memory_mb": memory}))
    return result


async def _load(target: Target, seconds: float) -> tuple[list[Outcome], list[float]]:
    """Slices of open load, each at 80 % of what a moment of saturation has just shown: the machine may be shared."""
    end, outcomes, rates, number = time.perf_counter() + seconds, [], [], 0
    while time.perf_counter() < end:
        saturated, took = await closed_loop(target, concurrency=4, seconds=1.0)
        rate = 0.8 * sum(outcome.status == 200 for outcome in saturated) / took
        found, _ = await open_loop(target, rate=rate, seconds=_SLICE_SECONDS, arrivals="poisson", seed=number)
        outcomes += found
        rates.append(round(rate, 1))
        number += 1
    return outcomes, rates


def _sample(process: int, memory: list[float], stop: threading.Event) -> None:
    while not stop.wait(_SAMPLE_SECONDS):
        memory.append(memory_mb(process)["rss_mb"])
