"""The scripts for a machine with a GPU: without one they say so, and what they compare with can be tried on the CPU."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from index_builder.gallery.indexes.gpu import FaissGpu, Gpu
from service.routes.schemas import GalleryInfo, ModelInfo

pytestmark = pytest.mark.skipif(FaissGpu().num_gpus() > 0, reason="says what happens without a GPU")


def test_without_a_gpu_the_checks_end_with_one_sentence(root: Path) -> None:
    source = (root / "tools" / "gpu_checks.py").read_text()
    done = subprocess.run([sys.executable, "-"], input=source, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "no usable GPU, or not the gpu extra: nothing was checked\n"
    assert done.stdout == ""


def test_without_a_gpu_the_image_is_not_even_built(root: Path) -> None:
    script = str(root / "tools" / "prove_gpu.py")
    done = subprocess.run([sys.executable, script], env={**os.environ, "PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("nvidia-smi, docker not found: nothing was proved")


def test_the_search_that_is_compared_passes_where_both_sides_are_the_cpu(
    gpu_checks: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = gpu_checks.check_search("cpu", 500)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok      top 1: 200 of 200 answers equal the CPU's to the last bit"
    assert len(lines) == 4
    assert all(re.fullmatch(r"\w+(_ms)?|rows", name) for name in figures)


def test_a_gpu_that_leaves_out_rows_fails_the_comparison(
    gpu_checks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Gpu.place

    class Forgetful:
        def __init__(self, placed: object) -> None:
            self.placed = placed

        def search(self, queries: object, k: int) -> object:
            scores, rows = self.placed.search(queries, k)  # type: ignore[attr-defined]
            return scores, rows + 1

    monkeypatch.setattr(Gpu, "place", lambda self, index: Forgetful(good(self, index)))
    with pytest.raises(AssertionError, match="top 1: 0 of 200 answers"):
        gpu_checks.check_search("cpu", 500)


def test_the_page_names_every_test_that_needs_a_gpu(root: Path) -> None:
    page = (root / "docs" / "DEPLOY.md").read_text(encoding="utf-8")
    needing = [path for path in (root / "tests").rglob("test_*.py") if "pytest.mark.gpu," in path.read_text()]
    assert len(needing) > 1
    for path in needing:
        if path != Path(__file__):
            assert str(path.relative_to(root)) in page, path


class FakeProject:
    """A project whose answers, on either device, a test decides; it gives /info the form that the service gives it."""

    def __init__(self, *, error: float = 1e-6, stays_on_cpu: bool = False) -> None:
        self.settings: dict[str, str] = {}
        self.error, self.stays_on_cpu = error, stays_on_cpu

    def up(self, *words: str, wait_seconds: float, size: int) -> float:
        assert words == ("--profile", "gpu", "up", "-d", "service-gpu")
        assert size == 60
        return wait_seconds

    def down(self) -> None:
        self.settings.clear()

    def get(self, path: str) -> dict[str, dict[str, str]]:
        assert path == "/info"
        device = "cpu" if self.stays_on_cpu else self.settings["SKETCH_SEARCH_DEVICE"]
        assert "provider" in ModelInfo.model_fields
        assert "index_device" in GalleryInfo.model_fields
        return {"model": {"provider": f"{device.upper()}ExecutionProvider"}, "gallery": {"index_device": device}}

    def exec(self, _service: str, *command: str) -> bytes:
        return b"a/a-1.png b/b-1.png" if "sort" in command[-1] else command[-1].encode()

    def search(self, sketch: bytes) -> dict[str, list[dict[str, object]]]:
        first = 0.9 + self.error * (self.settings["SKETCH_SEARCH_DEVICE"] == "cuda")
        names = ["a/a", "b/b"] if b"a-1" in sketch else ["b/b", "a/a"]
        return {"results": [{"photo_id": names[0], "score": first}, {"photo_id": names[1], "score": 0.5}]}


def compare(project: FakeProject, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.syspath_prepend(root / "tools")
    proof = importlib.import_module("prove_gpu").GpuProof(root, "docker", ["docker", "compose"], 60)
    proof.project = project
    proof._service_answers_as_on_the_cpu()


def test_answers_that_differ_by_rounding_pass(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(FakeProject(), monkeypatch, root)
    printed = capsys.readouterr().out
    assert "ok      with cuda, it runs on CUDAExecutionProvider and cuda\n" in printed
    assert "ok      the first photo is the same in 2 of 2 answers\n" in printed


def test_answers_that_differ_by_more_do_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match=r"differ by at most 1\.0e-02 in 2 answers"):
        compare(FakeProject(error=0.01), monkeypatch, root)


def test_a_service_that_stays_on_the_cpu_does_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="with cuda, it runs on CPUExecutionProvider and cpu"):
        compare(FakeProject(stays_on_cpu=True), monkeypatch, root)
