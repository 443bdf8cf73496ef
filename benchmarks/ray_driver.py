"""How many batches a second does one driver of Ray Data hand out and collect, when workers do nothing?

    python -m benchmarks.ray_driver [--batches 600]

Batches go out as in `index_builder.embedding.ray.driver` and come back as large as results of 16 photos. Prints
one JSON object, the start left out. The workers run on the same machine, so it tells a lower limit.
"""

import argparse
import json
import time

import pyarrow as pa
import ray
import ray.data

_PHOTOS, _PHOTO_BYTES = 16, 7000
_SKIPPED = 20


class Answer:
    """A worker that has its answer ready."""

    def __call__(self, batch: pa.Table) -> pa.Table:
        """As large as what becomes of the batch."""
        return pa.table({"result": [b"x" * _PHOTO_BYTES] * batch.num_rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=600)
    number = parser.parse_args().batches
    ray.init(address="local", log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    paths = [pa.table({"path": [str(batch)] * _PHOTOS}) for batch in range(number)]
    pool = ray.data.ActorPoolStrategy(size=2)
    answers = ray.data.from_blocks(paths).map_batches(Answer, batch_size=None, batch_format="pyarrow", compute=pool)
    tables = iter(answers.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))
    for _ in range(_SKIPPED):
        next(tables)
    started, cpu_before = time.perf_counter(), time.process_time()
    num_batches = sum(1 for _ in tables)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    print(json.dumps({"batches_per_second": num_batches / seconds, "driver_cpu_ms": 1000 * cpu / num_batches}))


if __name__ == "__main__":
    main()
