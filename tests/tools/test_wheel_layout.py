"""The wheel in an empty folder: one name at its top, and nothing of ours that meets somebody's own `model`."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytest.importorskip("hatchling", reason="hatchling is not installed; `make setup-dev` installs it")


@pytest.fixture(scope="module")
def layout(root: Path) -> ModuleType:
    """`tools/wheel_layout.py`, which is hatchling's and belongs to no package."""
    spec = importlib.util.spec_from_file_location("wheel_layout", root / "tools" / "wheel_layout.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was installed into."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        pytest.skip("uv is not installed; `make setup-dev` installs it")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "installed"
    command = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", sys.executable]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True)
    return target


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty folder but for photos, a drawing, and modules of somebody else's that have our packages' names."""
    for name in ("model", "service", "training", "catalogue", "index_builder"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('somebody else')\n")
    (tmp_path / "photos").mkdir()
    for number in range(3):
        image = Image.new("RGB", (200, 200), "white")
        ImageDraw.Draw(image).ellipse((20, 20 + 20 * number, 180, 180 - 20 * number), outline="black", width=4)
        image.save(tmp_path / "photos" / f"ball-{number}.png")
    image.save(tmp_path / "drawing.png")
    return tmp_path


def environment(installed: Path, folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{installed}"}


def sketch_search(installed: Path, folder: Path, *words: str) -> str:
    """What the installed command prints, errors too."""
    command = [sys.executable, str(installed / "bin" / "sketch-search"), *words]
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment(installed, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_one_package_and_one_command_are_installed(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if not path.name.startswith(".")}
    assert {name for name in names if not name.endswith(".dist-info")} == {"bin", "sketch_search"}
    assert [path.name for path in (installed / "bin").iterdir()] == ["sketch-search"]


def test_what_is_no_code_comes_along(installed: Path, root: Path) -> None:
    for package in ("sketch_search", "service", "model", "training", "index_builder", "catalogue"):
        target = installed / "sketch_search" / ("" if package == "sketch_search" else package)
        for path in (root / package).rglob("*"):
            if path.is_file() and path.suffix not in (".pyc", ".py"):
                assert (target / path.relative_to(root / package)).read_bytes() == path.read_bytes()


def test_photos_are_indexed_searched_embedded_and_served(installed: Path, elsewhere: Path) -> None:
    assert "Search your own photos" in sketch_search(installed, elsewhere, "--help")
    assert "Next: sketch-search serve" in sketch_search(installed, elsewhere, "index", "--gallery", "photos")
    found = sketch_search(installed, elsewhere, "search", "drawing.png", "-k", "1")
    sketch_search(installed, elsewhere, "embed", "photos", "--out", "all.npy")
    assert np.load(elsewhere / "all.npy").shape == (3, 192)
    command = [sys.executable, "-m", "sketch_search.service", "--port", "0", "--drain-seconds", "0"]
    with subprocess.Popen(
        command, cwd=elsewhere, env=environment(installed, elsewhere), stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        address = re.search(r"http://\S+", service.stdout.readline())
        assert address
        remote = sketch_search(installed, elsewhere, "search", "drawing.png", "-k", "1", "--gallery", address[0])
        service.terminate()
    assert remote.split()[2] == found.split()[2]


@pytest.mark.parametrize("module", ["service", "index_builder", "training", "catalogue", "service.make_key"])
def test_every_module_that_is_a_command_runs_below_the_package(installed: Path, elsewhere: Path, module: str) -> None:
    command = [sys.executable, "-m", f"sketch_search.{module}", "--help"]
    result = subprocess.run(
        command, cwd=elsewhere, env=environment(installed, elsewhere), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert f"python -m sketch_search.{module.partition('.')[0]}" in result.stdout


@pytest.mark.parametrize(
    ("source", "moved"),
    [
        ("from model import x\n", "from sketch_search.model import x\n"),
        ("if 1:\n  from model.y import (\n  x)\n", "if 1:\n  from sketch_search.model.y import (\n  x)\n"),
        ("'é'; from service.app import x\n", "'é'; from sketch_search.service.app import x\n"),
        ("text = 'from model import x'\n", "text = 'from model import x'\n"),
        ("from models import x\nfrom .model import y\n", "from models import x\nfrom .model import y\n"),
        ("text = 'run `python -m service --port 1`'\n", "text = 'run `python -m sketch_search.service --port 1`'\n"),
    ],
)  # fmt: skip
def test_imports_and_commands_are_moved_and_other_text_stays(layout: ModuleType, source: str, moved: str) -> None:
    assert layout.moved(source, Path("x.py")) == moved


def test_an_import_that_cannot_be_moved_is_refused(layout: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"x.py, line 2: write `from … import …` instead"):
        layout.moved("import os\nimport model.bundle\n", Path("x.py"))
