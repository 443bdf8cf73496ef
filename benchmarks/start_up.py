"""How long from a command to the first search: runs it, polls /readyz, prints the seconds.

python -m benchmarks.start_up --url http://127.0.0.1:8000 -- make demo
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import time

import httpx2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    seconds = [start_once(arguments.command, arguments.url) for _ in range(arguments.repeats)]
    print(json.dumps({"median_seconds": round(statistics.median(seconds), 2), "all": [round(s, 2) for s in seconds]}))


def start_once(command: list[str], url: str) -> float:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while not is_ready(url):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with status {process.returncode} before it was ready.")
            time.sleep(0.02)
        return time.perf_counter() - started
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(url + "/readyz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


if __name__ == "__main__":
    main()
