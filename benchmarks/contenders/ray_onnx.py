"""The same ONNX encoder behind Ray Serve: one replica that may use all cores."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.contenders.onnx_search import OnnxSearch


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 1})
class SketchSearch:
    def __init__(self, assets: str) -> None:
        self.searcher = OnnxSearch(Path(assets))

    async def __call__(self, request: Request) -> dict[str, Any]:
        form = await request.form()
        sketch, k = form["sketch"], form["k"]
        assert not isinstance(sketch, str)
        assert isinstance(k, str)
        return self.searcher.search(await sketch.read(), int(k))


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False, num_cpus=os.cpu_count(), object_store_memory=100 * 2**20)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    deployment: Any = SketchSearch  # what the decorator makes of it, without types
    serve.run(deployment.bind(os.environ["ASSETS"]), route_prefix="/search")
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    serve.shutdown()
    ray.shutdown()
