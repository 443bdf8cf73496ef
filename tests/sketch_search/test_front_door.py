"""The package itself: its names, and what importing it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import sketch_search


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(dir(sketch_search)) == sorted(sketch_search.__all__)
    for name in sketch_search.__all__:
        value = getattr(sketch_search, name)
        assert isinstance(value, str) or value.__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = sketch_search.nothing  # type: ignore[attr-defined]


def test_the_package_is_typed() -> None:
    assert (Path(sketch_search.__file__).parent / "py.typed").is_file()


def test_nothing_heavy_is_imported_before_it_is_used_and_torch_only_to_train() -> None:
    script = """
import sys, sketch_search
heavy = {"numpy", "onnxruntime", "faiss", "torch", "fastapi", "PIL"}
print(sorted(heavy & set(sys.modules)))
for name in sketch_search.__all__:
    getattr(sketch_search, name)
print(sorted({"torch", "fastapi"} & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[:2] == ["[]", "[]"]
