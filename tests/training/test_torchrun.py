"""What torchrun starts trains like one process, loss by loss, also when a run goes on with another number of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NUM_STEPS = 52  # 13 epochs of 4 batches
HANG_SECONDS = 900


def train(dataset: Path, out: Path, *, processes: int, copy: Path | None = None) -> None:
    """Runs curve.py, alone or under torchrun; `copy` gets what the run had written at half time."""
    out.mkdir(exist_ok=True)
    script = Path(__file__).with_name("curve.py")
    root = Path(__file__).parents[2]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *([] if processes == 1 else torchrun), str(script), str(dataset), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *([] if copy is None else [str(copy)])],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def curve(out: Path) -> list[float]:
    """The total loss of each step, every step once and in order."""
    lines = [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]
    assert [step for step, _ in lines] == list(range(1, NUM_STEPS + 1))
    return [loss for _, loss in lines]


def test_one_two_and_four_processes_have_one_loss_curve_also_when_a_run_goes_on_with_fewer_or_more(
    dataset: Path, tmp_path: Path
) -> None:
    train(dataset, tmp_path / "one", processes=1)
    alone = curve(tmp_path / "one")
    assert len({round(loss, 3) for loss in alone}) > 40  # a curve that stands still would prove nothing
    train(dataset, tmp_path / "four", processes=4, copy=tmp_path / "half of four")
    assert curve(tmp_path / "four") == pytest.approx(alone, abs=1e-5)
    train(dataset, tmp_path / "two", processes=2, copy=tmp_path / "half of two")
    assert curve(tmp_path / "two") == pytest.approx(alone, abs=1e-5)
    train(dataset, tmp_path / "half of four", processes=1)
    assert curve(tmp_path / "half of four") == pytest.approx(alone, abs=1e-5)
    train(dataset, tmp_path / "half of two", processes=4)
    assert curve(tmp_path / "half of two") == pytest.approx(alone, abs=1e-5)
