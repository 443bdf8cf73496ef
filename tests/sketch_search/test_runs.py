import json
import subprocess
import sys
from pathlib import Path

import pytest

import sketch_search
from sketch_search.commands.main import main

_WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; "


@pytest.fixture(scope="module")
def pairs(photos: Path, drawing: Path) -> Path:
    """A dataset of two photos, one of them with the shared drawing."""
    rows = [("ball", "thing-1.jpg", drawing), ("box", "thing-0.jpg", photos / "more" / "thing-2.png")]
    items = [
        {"id": id_, "category": "", "split": "test", "photo": f"photos/{photo}", "sketches": [str(sketch)]}
        for id_, photo, sketch in rows
    ]
    folder = photos.parent
    (folder / "manifest.json").write_text(json.dumps({"name": "things", "items": items}))
    return folder


def test_an_encoder_is_evaluated_in_python_and_by_command_alike(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = sketch_search.evaluate(pairs, device="cpu")
    assert 0 <= summary["acc@1"] <= 100
    bundle = str(sketch_search.load_encoder().bundle.path)
    assert main(["evaluate", "--bundle", bundle, "--data", str(pairs), "--device", "cpu"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1]) == summary
    assert captured.err.endswith(f"Next: sketch-search index --gallery photos/ --bundle {bundle}\n")


def test_evaluating_needs_no_torch_and_training_says_that_it_does(pairs: Path) -> None:
    script = f"""{_WITHOUT_TORCH}
import sketch_search
from sketch_search.commands.main import main
bundle = str(sketch_search.load_encoder().bundle.path)
status = main(["evaluate", "--bundle", bundle, "--data", {str(pairs)!r}, "--device", "cpu"])
words = ["--recipe", "own-photos", "--data", {str(pairs / "photos")!r}, "--out", {str(pairs / "run")!r}]
print(status, main(["train", *words]))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "0 2", result.stderr
    assert "the extra train of the package" in result.stderr


def test_what_cannot_be_trained_or_evaluated_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no recipe 'none'"):
        sketch_search.train(tmp_path, tmp_path / "out", recipe="none")
    with pytest.raises(ValueError, match="There is no method 'none'"):
        sketch_search.train(tmp_path, tmp_path / "out", method="none")
    with pytest.raises(ValueError, match=r"manifest\.json"):
        sketch_search.evaluate(tmp_path)
