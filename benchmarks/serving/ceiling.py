"""The encoder-only ceiling: a bare loop on the session, nothing decoded, prepared, searched or sent.

    python -m benchmarks.serving.ceiling --bundle BUNDLE --precision int8 --sketches FOLDER --seconds 5

Two ways to use the cores: one caller whose encode takes all of them, and a caller a core with one thread each. Prints
one JSON object. Run in a process of its own, so that its memory and threads trouble nobody else.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.serving.figures import percentiles
from benchmarks.serving.sketches import read_sketches
from model.bundle import Bundle, read_bundle
from model.images import decode_image
from model.preprocess import prepare_sketch
from model.sessions.openvino import BF16, OpenVinoSession

Run = Callable[[NDArray[np.float32]], object]  # (1, 3, S, S)
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--precision", required=True)
    parser.add_argument("--sketches", type=Path)
    parser.add_argument("--device", choices=tuple(PROVIDERS), default="cpu")
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    bundle = read_bundle(arguments.bundle)
    sketches = read_sketches(arguments.sketches)
    images = [decode_image(each, max_pixels=25_000_000, formats=("PNG",)) for each in sketches]
    prepared = [prepare_sketch(image, bundle.preprocessing)[None] for image in images]
    cores = len(os.sched_getaffinity(0))
    ways = {"one_caller_all_cores": (1, cores), "one_caller_a_core": (cores, 1)}
    results = {}
    for name, (callers, threads) in ways.items():
        if arguments.precision == BF16:
            run = in_openvino(bundle, callers=callers, threads=threads)
        else:
            onnx = bundle.encoder_path("sketch", arguments.precision)
            run = in_onnx_runtime(onnx, arguments.device, threads=threads)
        figures = loops(run, prepared, callers=callers, seconds=arguments.seconds / 2)
        results[name] = figures | {"callers": callers, "threads": threads}
    print(json.dumps(results))


def in_onnx_runtime(onnx: Path, device: str, *, threads: int) -> Run:
    """A bare session of ONNX Runtime.

    Raises:
        RuntimeError: ONNX Runtime would run elsewhere than on the device.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    if device == "cuda":
        ort.preload_dlls()
    session = ort.InferenceSession(str(onnx), options, providers=[PROVIDERS[device]])
    if session.get_providers()[0] != PROVIDERS[device]:
        raise RuntimeError(f"The encoder would run on {session.get_providers()[0]}; check the GPU install.")
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})


def in_openvino(bundle: Bundle, *, callers: int, threads: int) -> Run:
    """The project's session of OpenVINO, which is as bare."""
    size = {"image_size_px": bundle.preprocessing.image_size_px, "embedding_dim": bundle.embedding_dim}
    return OpenVinoSession(bundle.encoder_path("sketch", "fp32"), **size, num_threads=threads, at_once=callers).run


def loops(run: Run, prepared: list[NDArray[np.float32]], *, callers: int, seconds: float) -> dict[str, Any]:
    """Encodes as fast as so many callers can; percentiles in milliseconds and encodes a second."""
    for image in prepared[:10]:
        run(image)
    durations: list[float] = []
    computed = time.process_time()
    end = time.perf_counter() + seconds

    def call() -> None:
        turn = 0
        while (start := time.perf_counter()) < end:
            run(prepared[turn % len(prepared)])
            durations.append(time.perf_counter() - start)
            turn += 1

    callers_running = [threading.Thread(target=call) for _ in range(callers)]
    for caller in callers_running:
        caller.start()
    for caller in callers_running:
        caller.join()
    return percentiles(durations) | {
        "per_second": len(durations) / seconds,
        "cpu_ms": (time.process_time() - computed) / len(durations) * 1000,
    }


if __name__ == "__main__":
    main()
