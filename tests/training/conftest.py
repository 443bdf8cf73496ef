"""A tiny dataset drawn on the fly: coloured shapes as photos, their outlines as sketches."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw


def draw_polygon(random: np.random.Generator) -> list[tuple[float, float]]:
    angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 8))))
    radii = random.uniform(10, 28, len(angles))
    return [(32 + r * np.cos(a), 32 + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    items = []
    for i in range(24):
        corners = draw_polygon(random)
        photo = Image.new("RGB", (64, 64), "white")
        ImageDraw.Draw(photo).polygon(corners, fill=tuple(random.integers(0, 200, 3).tolist()))
        photo.save(folder / f"{i}.jpg")
        sketches = []
        for n in range(2):
            sketch = Image.new("L", (64, 64), 255)
            ImageDraw.Draw(sketch).line([*corners, corners[0]], fill=0, width=1 + n)
            sketch.save(folder / f"{i}_{n}.png")
            sketches.append(f"{i}_{n}.png")
        split = "train" if i < 16 else "test"
        items.append({"id": str(i), "category": "shape", "split": split, "photo": f"{i}.jpg", "sketches": sketches})
    (folder / "manifest.json").write_text(json.dumps({"name": "shapes", "items": items}))
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Toy networks gain nothing from threads, and several test processes on one machine would fight over the cores."""
    torch.set_num_threads(1)
