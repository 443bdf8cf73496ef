"""Shared by all tests. Those by properties try the same cases at every run, so a red one is always the code's doing."""

import importlib.util
import sys
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


@pytest.fixture(scope="session")
def gpu_checks() -> ModuleType:
    """`docker/gpu_checks.py`, which is a script and belongs to no package."""
    path = Path(__file__).parents[1] / "docker" / "gpu_checks.py"
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
