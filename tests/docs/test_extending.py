"""The examples of docs/EXTENDING.md, run as the one script that the page says they are."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def draw_pairs(folder: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(10):
        item = folder / ("train" if number < 8 else "test") / f"chair-{number}"
        item.mkdir(parents=True)
        corners = [tuple(corner) for corner in random.integers(4, 60, (5, 2)).tolist()]
        photo = Image.new("RGB", (64, 64), "white")
        ImageDraw.Draw(photo).polygon(corners, fill="tan", outline="black")
        photo.save(item / "photo.jpg")
        for sketch in (1, 2):
            paper = Image.new("L", (64, 64), 255)
            ImageDraw.Draw(paper).line([*corners, corners[0]], fill=0, width=sketch)
            paper.save(item / f"sketch-{sketch}.png")


def test_the_three_examples_of_the_page_run(root: Path, tmp_path: Path) -> None:
    draw_pairs(tmp_path / "my-data")
    examples = re.findall(r"(?ms)^```python\n(.*?)^```", (root / "docs" / "EXTENDING.md").read_text(encoding="utf-8"))
    assert len(examples) == 3
    script = tmp_path / "extending.py"
    script.write_text("\n\n".join(examples), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    said = result.stdout.splitlines()
    assert (said[0], said[-1]) == ("8 photos, 16 sketches", "embeddings (2, 64)")
    assert "margin" in result.stdout
    assert (tmp_path / "runs/little/checkpoint").exists()
