"""The query path of a gallery in shards, simulated: every search goes to every shard and waits for the slowest.

    python -m benchmarks.query_fan_out [--queries 40000] [--seed 0]

Prints a Markdown table. Measured constants come from docs/GALLERY.md; what is assumed says so. The searches arrive at
random (Poisson); each shard has its cores, and each core searches for one query at a time, first come first served. All
shards see the same arrivals, but their times are drawn independently.
"""

import argparse
import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Measured: a million vectors of dimension 192 in IVF4000,SQ8, tuned to recall@10 of 0.95 for sketches, one thread.
SEARCH_MS_AT_A_MILLION = 0.70
P95_OVER_MEDIAN = 0.86 / 0.70
BYTES_PER_VECTOR = 203
BYTES_PER_EMBEDDING = 4 * 192
# Assumed.
ROOT_SCALING = 0.5  # a search in n vectors takes √n: four times √n lists, the same nprobe (measured up to a million)
HICCUP_SHARE, HICCUP_MS = 0.001, 20.0  # a search that meets a collection, a page fault or a busy neighbour
NETWORK_MS, NETWORK_TAIL_MS = 0.3, 0.1  # there and back within a data centre: at least, and mean of what is added
MERGE_MS_PER_SHARD = 0.005
CORES_PER_SHARD = 8


@dataclass(frozen=True)
class Layout:
    """How a gallery is cut up."""

    photos: int
    shards: int
    replicas: int = 1  # each holds all shards; a search goes to one of them
    hedged: bool = False  # to two of them, and the first answer of each shard counts

    @property
    def shard_photos(self) -> float:
        """Photos in each shard."""
        return self.photos / self.shards

    @property
    def search_ms(self) -> float:
        """The median search of one shard on a core of its own."""
        return SEARCH_MS_AT_A_MILLION * float((self.shard_photos / 1e6) ** ROOT_SCALING)

    @property
    def shard_gb(self) -> float:
        """Memory for the index of a shard."""
        return self.shard_photos * BYTES_PER_VECTOR / 1e9

    def searches_per_second(self, load: float) -> float:
        """The rate that keeps the cores busy for this share of the time; a hedged search costs two."""
        mean = self.search_ms + HICCUP_SHARE * HICCUP_MS
        return load * self.replicas * CORES_PER_SHARD / mean * 1000 / (2 if self.hedged else 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    layouts = [
        *(Layout(100_000_000, shards) for shards in (4, 10, 25, 100)),
        *(Layout(1_000_000_000, shards) for shards in (25, 100, 250)),
        Layout(1_000_000_000, 100, replicas=2),
        Layout(1_000_000_000, 100, replicas=2, hedged=True),
    ]
    print("| photos | shards × replicas | GB a shard | one shard, ms | load | searches/s | p50 | p95 | p99 | p99.9 |")
    print("|-|-|-|-|-|-|-|-|-|-|")
    for layout in layouts:
        for load in (0.3, 0.7):
            times = simulate(layout, load=load, queries=arguments.queries, seed=arguments.seed)
            quantiles = " | ".join(f"{each:.1f}" for each in np.percentile(times, (50, 95, 99, 99.9)))
            copies = f"{layout.shards} × {layout.replicas}{', hedged' if layout.hedged else ''}"
            print(
                f"| {layout.photos:,} | {copies} | {layout.shard_gb:.1f} | {layout.search_ms:.2f} | {load:.0%} "
                f"| {layout.searches_per_second(load):,.0f} | {quantiles} |"
            )


def simulate(layout: Layout, *, load: float, queries: int, seed: int) -> NDArray[np.float64]:
    """The milliseconds of each search from its arrival at the gallery to the merged answer, (Q,) float64."""
    random = np.random.default_rng(seed)
    arrivals = np.cumsum(random.exponential(1000 / layout.searches_per_second(load), queries))
    copies = (np.arange(queries) % layout.replicas)[:, None]
    if layout.hedged:
        copies = np.concatenate([copies, (copies + 1) % layout.replicas], axis=1)
    slowest = np.zeros(queries)
    for _ in range(layout.shards):
        answered = np.full(queries, math.inf)
        for replica in range(layout.replicas):
            asked = np.flatnonzero((copies == replica).any(axis=1))
            waited = served(arrivals[asked], service_times(random, layout.search_ms, len(asked)))
            network = NETWORK_MS + random.exponential(NETWORK_TAIL_MS, len(asked))
            answered[asked] = np.minimum(answered[asked], waited + network)
        slowest = np.maximum(slowest, answered)
    return slowest + MERGE_MS_PER_SHARD * layout.shards


def service_times(random: np.random.Generator, median: float, number: int) -> NDArray[np.float64]:
    """Milliseconds of searches on one core: log-normal as measured, and now and then a hiccup."""
    spread = math.log(P95_OVER_MEDIAN) / 1.645
    times = median * np.exp(spread * random.standard_normal(number))
    hiccups = random.random(number) < HICCUP_SHARE
    return np.asarray(times + hiccups * random.exponential(HICCUP_MS, number))


def served(arrivals: NDArray[np.float64], services: NDArray[np.float64]) -> NDArray[np.float64]:
    """How long each search is at a shard, its wait for a core included."""
    free = [0.0] * CORES_PER_SHARD
    times = np.empty(len(arrivals))
    for place, (arrival, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        done = max(arrival, heapq.heappop(free)) + service
        heapq.heappush(free, done)
        times[place] = done - arrival
    return times


if __name__ == "__main__":
    main()
