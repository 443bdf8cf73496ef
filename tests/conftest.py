"""Shared by all tests. Those by properties try the same cases at every run, so a red one is always the code's doing.

A Milvus for the tests is started here: `milvus-lite server`, which speaks the protocol of the real one over gRPC.
"""

import contextlib
import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine is no defect
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("fixed")

HANG_SECONDS = 60


class MilvusServer:
    """A Milvus of its own that a test can stop and start again; what it holds stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def place(self, gallery: str) -> str:
        """The address of a gallery in it."""
        return f"milvus://127.0.0.1:{self.port}/{gallery}"

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self._folder)]
        with (self._folder.parent / "milvus.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + HANG_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert self._process.poll() is None, f"milvus-lite ended, {log.name} says why"
            assert time.monotonic() < deadline, "milvus-lite did not start"
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def milvus_packages() -> None:
    """Skips where the client or the server for tests is missing."""
    for package in ("pymilvus", "milvus_lite"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; `make setup-dev` installs it")


@pytest.fixture(scope="session")
def milvus(milvus_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A running Milvus for all tests, each of which takes a gallery of its own name."""
    server = MilvusServer(tmp_path_factory.mktemp("milvus") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_milvus(milvus_packages: None, tmp_path: Path) -> Iterator[MilvusServer]:
    """A Milvus that a test may stop and start again."""
    server = MilvusServer(tmp_path / "milvus")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the project."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def gpu_checks() -> ModuleType:
    """`tools/gpu_checks.py`, which is a script and belongs to no package."""
    path = Path(__file__).parents[1] / "tools" / "gpu_checks.py"
    spec = importlib.util.spec_from_file_location("gpu_checks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def bf16() -> None:
    """Skips a test where bfloat16 cannot be computed."""
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("the extra openvino is not installed")
    flags = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    if not ("amx_bf16" in flags or "avx512_bf16" in flags):
        pytest.skip("this CPU computes no bfloat16")
