"""The same ONNX encoder behind LitServe: one worker, no batching (on a CPU a batch is slower than its parts)."""

import os
import sys
from pathlib import Path
from typing import Any

import litserve
from fastapi import Request

from benchmarks.contenders.onnx_search import OnnxSearch


class SketchSearch(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        self.searcher = OnnxSearch(Path(os.environ["ASSETS"]))

    def decode_request(self, request: Request) -> tuple[bytes, int]:
        return request["sketch"].file.read(), int(request["k"])

    def predict(self, query: tuple[bytes, int]) -> dict[str, Any]:
        return self.searcher.search(*query)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(SketchSearch(api_path="/search"), accelerator="cpu")
    server.run(port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
