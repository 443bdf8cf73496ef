"""From the outcomes of requests to the figures of a table. Times in milliseconds, rates a second."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.serving.load import Outcome

REFUSALS = (429, 503)


def latency(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Percentiles over answered requests, and how many were not answered."""
    seconds = [outcome.seconds for outcome in outcomes if outcome.status == 200]
    lateness = [outcome.lateness_seconds for outcome in outcomes]
    return percentiles(seconds) | {
        "failed": len(outcomes) - len(seconds),
        "generator_late_ms_p99": round(float(np.percentile(lateness, 99)) * 1000, 2) if lateness else None,
    }


def percentiles(seconds: Sequence[float]) -> dict[str, Any]:
    """p50, p95 and p99 in milliseconds; None of nothing."""
    if not seconds:
        return {"requests": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None}
    values = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return {"requests": len(seconds)} | {
        f"p{rank}_ms": round(float(value), 2) for rank, value in zip((50, 95, 99), values, strict=True)
    }


def overload(outcomes: Sequence[Outcome], *, seconds: float, deadline_ms: float) -> dict[str, Any]:
    """What is still worth something when more is asked than can be done.

    Goodput counts answers that came before their deadline and while the load lasted: what came later helped nobody, and
    what a queue still held at the end is not what the server can do. A refusal is a 429 or 503.
    """
    answered = [outcome.seconds * 1000 for outcome in outcomes if outcome.status == 200]
    within = [o for o in outcomes if o.status == 200 and o.due_seconds + o.seconds <= seconds]
    good = sum(outcome.seconds * 1000 <= deadline_ms for outcome in within)
    refused = [outcome.seconds for outcome in outcomes if outcome.status in REFUSALS]
    in_time = sum(milliseconds <= deadline_ms for milliseconds in answered)
    refusal = percentiles(refused)
    return {
        "offered_per_second": round(len(outcomes) / seconds, 1),
        "goodput_per_second": round(good / seconds, 1),
        "answered_late": len(answered) - in_time,
        "refused": len(refused),
        "given_up_or_failed": len(outcomes) - len(answered) - len(refused),
        "refusal_p50_ms": refusal["p50_ms"],
        "refusal_p99_ms": refusal["p99_ms"],
        "accepted_p50_ms": percentiles([ms / 1000 for ms in answered])["p50_ms"],
        "accepted_p99_ms": percentiles([ms / 1000 for ms in answered])["p99_ms"],
    }


def ideal_ratio(arrivals: Sequence[float], service_seconds: float) -> float:
    """p99/p50 of one perfect server: first come first served, every request the same time, nothing else to do.

    Args:
        arrivals: times in seconds, ascending.
        service_seconds: what each request costs.
    """
    free, waits = 0.0, []
    for arrival in arrivals:
        free = max(free, arrival) + service_seconds
        waits.append(free - arrival)
    p50, p99 = np.percentile(waits, [50, 99])
    return float(p99 / p50)
