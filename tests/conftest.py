"""Tests by properties try the same cases on every machine and at every run, so a red one is always the code's doing."""

import importlib.util
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
