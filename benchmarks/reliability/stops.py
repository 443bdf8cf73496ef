"""Stops a service under load, again and again: does any request that it took on go unanswered, or answered wrong?

term   every round starts the service, sends it searches from several clients, publishes a new generation of the
       gallery meanwhile, and then sends SIGTERM. Clients go on until they are told that the connection is closing or
       cannot connect any more. A request failed if it was sent and got no complete answer, one of 500 or above, or an
       answer mixed of two generations. The process must end with status 0.
kill   the same with SIGKILL instead: requests under way are lost, but the next start must be ready at once, on the same
       port, with the same answers, and no process of the killed one may be left.

    python -m benchmarks.reliability.stops [--rounds 100] [--kills 20]
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.reliability.running_service import (
    RunningService,
    free_port,
    make_gallery,
    processes_below,
    publish_marked,
    start_service,
)
from benchmarks.reliability.traffic import drawing

_NUM_PHOTOS = 60
_PATIENCE_SECONDS = 300  # of a machine that has much else to do
_DRAWINGS = [drawing(seed) for seed in range(8)]
_OPTIONS = ("--log-level", "warning", "--gallery-poll-seconds", "0.05")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        make_gallery(folder, num_photos=_NUM_PHOTOS)
        terms = Rounds(folder, port)
        for number in range(arguments.rounds):
            terms.terminated(number, arguments.clients)
        kills = Rounds(folder, port)
        for number in range(arguments.kills):
            kills.killed(number, arguments.clients)
        log = (folder / "log").read_text()
    result = {"term": terms.summary(), "kill": kills.summary(), "log": log[-1500:]}
    print(json.dumps(result, indent=2))
    sys.exit(bool(terms.bad() or kills.problems))


@dataclass
class Clients:
    """Threads that search until the service tells them to go."""

    url: str
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    generations: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def search_on(self, seed: int) -> None:
        """Sends one search after the other; a client that cannot connect any more is done."""
        dice = random.Random(seed)
        with httpx2.Client(timeout=30) as client:
            while not self.stop.is_set():
                try:
                    answer = client.post(
                        self.url + "/search",
                        files={"sketch": ("sketch.png", dice.choice(_DRAWINGS))},
                        data={"k": str(_NUM_PHOTOS), "filter": "mark>=0"},
                    )
                except httpx2.ConnectError:
                    self.outcomes["not accepted"] += 1
                    return
                except httpx2.HTTPError as error:
                    self.outcomes["lost"] += 1
                    self.failures.append(f"{type(error).__name__}: {error}")
                    return
                self.note(answer)

    def note(self, answer: httpx2.Response) -> None:
        """Keeps what was answered."""
        if answer.status_code != 200:
            self.outcomes[str(answer.status_code)] += 1
            self.failures.append(answer.text[:200])
            return
        body = answer.json()
        marks = {photo["metadata"]["mark"] for photo in body["results"]}
        self.generations.add(body["gallery"]["generation"])
        self.outcomes["answered" if len(marks) == 1 and len(body["results"]) == _NUM_PHOTOS else "mixed"] += 1


@dataclass
class Rounds:
    """Rounds of one kind, and what they came to."""

    folder: Path
    port: int
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    swapped: int = 0
    seconds_to_ready: list[float] = field(default_factory=list)

    def terminated(self, number: int, num_clients: int) -> None:
        """One round with a new generation and SIGTERM."""
        service, clients, threads = self._begin(num_clients)
        name = publish_marked(self.folder, number + 1, num_photos=_NUM_PHOTOS)
        deadline = time.monotonic() + 10
        while name not in clients.generations and time.monotonic() < deadline:
            time.sleep(0.01)
        self.swapped += name in clients.generations
        self._end(service, clients, threads, signal.SIGTERM)
        if service.process.returncode:
            self.problems.append(f"round {number} ended with status {service.process.returncode}")

    def killed(self, number: int, num_clients: int) -> None:
        """One round with SIGKILL at a moment that nobody chose."""
        service, clients, threads = self._begin(num_clients)
        before = answer_of(service)
        time.sleep(random.Random(number).uniform(0.05, 0.6))
        below = processes_below(service.process.pid)
        self._end(service, clients, threads, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while (left := [pid for pid in below if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
            time.sleep(0.05)
        if left:
            self.problems.append(f"round {number} left processes {left} behind")
        again = self._started()
        if answer_of(again) != before:
            self.problems.append(f"round {number}: the next start answers otherwise")
        again.stop()

    def _begin(self, num_clients: int) -> tuple[RunningService, Clients, list[threading.Thread]]:
        service = self._started()
        clients = Clients(service.url)
        threads = [threading.Thread(target=clients.search_on, args=(seed,)) for seed in range(num_clients)]
        for thread in threads:
            thread.start()
        while clients.outcomes.total() < 2 * num_clients:
            time.sleep(0.01)
        return service, clients, threads

    def _started(self) -> RunningService:
        before = time.monotonic()
        service = start_service(self.folder / "gallery", *_OPTIONS, port=self.port, log=self.folder / "log")
        service.wait_until_ready()
        self.seconds_to_ready.append(time.monotonic() - before)
        return service

    def _end(
        self, service: RunningService, clients: Clients, threads: list[threading.Thread], number: signal.Signals
    ) -> None:
        service.process.send_signal(number)
        self.statuses[str(service.process.wait(_PATIENCE_SECONDS))] += 1
        for thread in threads:
            thread.join(_PATIENCE_SECONDS)
        self.outcomes += clients.outcomes
        print(dict(self.statuses), dict(self.outcomes), self.problems, file=sys.stderr, flush=True)
        self.failures += clients.failures

    def bad(self) -> int:
        """Requests that were taken on and failed, and other problems."""
        return self.outcomes.total() - self.outcomes["answered"] - self.outcomes["not accepted"] + len(self.problems)

    def summary(self) -> dict[str, Any]:
        """What is printed."""
        seconds = sorted(self.seconds_to_ready) or [0.0]
        return {
            "rounds": self.statuses.total(),
            "exit_statuses": self.statuses,
            "requests": self.outcomes,
            "rounds_in_which_the_new_generation_answered": self.swapped,
            "failures": self.failures[:10],
            "problems": self.problems[:10],
            "median_seconds_to_ready": round(seconds[len(seconds) // 2], 2),
        }


def answer_of(service: RunningService) -> Any:  # noqa: ANN401
    """Results of one search, without what differs from run to run."""
    answer = httpx2.post(service.url + "/search", files={"sketch": ("a", _DRAWINGS[0])}, timeout=30).json()
    return answer["results"], answer["gallery"], answer["model"]


if __name__ == "__main__":
    main()
