"""One contender's turn: start, answer, load of every kind, memory, end. All figures of a turn as one dict."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving import figures
from benchmarks.serving.contenders import Contender
from benchmarks.serving.load import Outcome, Target, ask_each, closed_loop, open_loop, schedule, wait_until_ready
from benchmarks.serving.processes import cpu_seconds, free_port, memory_mb, running, settle


@dataclass(frozen=True)
class LoadPlan:
    """How a turn is spent.

    Attributes:
        seconds: of each kind of load.
        concurrency: clients of the closed loop that saturates.
        deadline_ms: answers later than this are worth nothing under overload.
        seed: of random arrivals; every contender of a round gets the same.
    """

    seconds: float = 4.0
    concurrency: int = 8
    deadline_ms: float = 500.0
    seed: int = 0


def turn(contender: Contender, requests: list[bytes], plan: LoadPlan, *, log: Path) -> dict[str, Any]:
    """Starts a contender, puts it under load, stops it."""
    port = free_port()
    target = Target(port, requests)
    started = time.perf_counter()
    command = contender.command(port)
    with running(command, environment=contender.environment, folder=contender.folder, log=log) as process:
        first = asyncio.run(wait_until_ready(target))
        ready_seconds = time.perf_counter() - started
        assert first.status == 200
        result = {"ready_seconds": round(ready_seconds, 2), "ready_memory": memory_mb(process)}
        result |= asyncio.run(_loads(target, process, plan))
        result["memory"] = memory_mb(process)
    return result


async def _loads(target: Target, process: int, plan: LoadPlan) -> dict[str, Any]:
    replies = await ask_each(target)
    await closed_loop(target, concurrency=2, seconds=0.5)
    computed = [cpu_seconds(process)]
    alone, _ = await closed_loop(target, concurrency=1, seconds=plan.seconds)
    computed.append(cpu_seconds(process))
    generator_start = time.process_time()
    saturated, seconds = await closed_loop(target, concurrency=plan.concurrency, seconds=plan.seconds)
    generator_seconds = time.process_time() - generator_start
    computed.append(cpu_seconds(process))
    answered = sum(outcome.status == 200 for outcome in saturated)
    capacity = answered / seconds
    result = {
        "first_photos": [_first_photo(reply.body) for reply in replies],
        "alone": figures.latency(alone) | {"cpu_ms": _each_ms(computed[1] - computed[0], alone)},
        "saturation": figures.latency(saturated)
        | {"per_second": round(capacity, 1), "cpu_ms": _each_ms(computed[2] - computed[1], saturated)},
        "generator_cpu_ms": _each_ms(generator_seconds, saturated),
    }
    for arrivals in ("fixed", "poisson"):
        settle(process)
        rate = 0.8 * capacity
        outcomes, _ = await open_loop(target, rate=rate, seconds=plan.seconds, arrivals=arrivals, seed=plan.seed)
        due = list(schedule(rate, plan.seconds, arrivals, plan.seed))
        ideal = {"ideal_p99_over_p50": round(figures.ideal_ratio(due, 1 / capacity), 2)}
        result[f"load_80_{arrivals}"] = figures.latency(outcomes) | {"offered_per_second": round(rate, 1)} | ideal
    settle(process)
    outcomes, window = await open_loop(
        target, rate=2 * capacity, seconds=plan.seconds, arrivals="poisson", seed=plan.seed
    )
    result["overload"] = figures.overload(outcomes, seconds=window, deadline_ms=plan.deadline_ms)
    return result


def _each_ms(seconds: float, outcomes: list[Outcome]) -> float:
    return round(seconds / max(1, len(outcomes)) * 1000, 3)


def _first_photo(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["results"][0]["photo_id"])
    except (ValueError, KeyError, IndexError):
        return None
