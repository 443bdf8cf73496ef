"""The scripts for a machine with a GPU: without one they say so, and what they compare with can be tried on the CPU."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from index_builder.gpu_index import FaissGpu, Gpu

pytestmark = pytest.mark.skipif(FaissGpu().num_gpus() > 0, reason="says what happens without a GPU")


@pytest.fixture(scope="module")
def checks(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_checks", root / "docker" / "gpu_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_gpu_the_checks_end_with_one_sentence(root: Path) -> None:
    source = (root / "docker" / "gpu_checks.py").read_text()
    done = subprocess.run([sys.executable, "-"], input=source, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "no usable GPU, or not the gpu extra: nothing was checked\n"
    assert done.stdout == ""


def test_without_a_gpu_the_image_is_not_even_built(root: Path) -> None:
    script = str(root / "docker" / "prove_gpu.py")
    done = subprocess.run([sys.executable, script], env={**os.environ, "PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("nvidia-smi, docker not found: nothing was proved")


def test_the_search_that_is_compared_passes_where_both_sides_are_the_cpu(
    checks: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = checks.check_search("cpu", 500)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok      top 1: 200 of 200 answers equal the CPU's to the last bit"
    assert len(lines) == 4
    assert all(re.fullmatch(r"\w+(_ms)?|rows", name) for name in figures)


def test_a_gpu_that_leaves_out_rows_fails_the_comparison(checks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Gpu.place

    class Forgetful:
        def __init__(self, placed: object) -> None:
            self.placed = placed

        def search(self, queries: object, k: int) -> object:
            scores, rows = self.placed.search(queries, k)  # type: ignore[attr-defined]
            return scores, rows + 1

    monkeypatch.setattr(Gpu, "place", lambda self, index: Forgetful(good(self, index)))
    with pytest.raises(AssertionError, match="top 1: 0 of 200 answers"):
        checks.check_search("cpu", 500)


def test_the_page_names_every_test_that_needs_a_gpu(root: Path) -> None:
    page = (root / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    needing = [path for path in (root / "tests").rglob("test_*.py") if "pytest.mark.gpu," in path.read_text()]
    assert len(needing) > 1
    for path in needing:
        if path != Path(__file__):
            assert str(path.relative_to(root)) in page, path
