"""Builds the wheel with everything below `sketch_search`, so that no name of ours meets somebody's own `model`.

The repository keeps its packages side by side. In the wheel they are `sketch_search.model`, `sketch_search.service` and
so on: hatchling calls this hook, which copies them below `sketch_search` and changes the imports in the copies. An
editable install is left alone. Module names in strings are not found: build them from `__package__`.
"""

import ast
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONT = "sketch_search"
MOVED = ("service", "model", "index_builder", "training", "catalogue")
# What errors and helps tell people to run.
_COMMAND = re.compile(rf"python -m ({'|'.join(MOVED)})\b")


class WheelLayout(BuildHookInterface):  # type: ignore[type-arg, misc, unused-ignore]
    """Adds the packages of the repository to a wheel, each below `sketch_search`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copies and changes the sources before the wheel is written."""
        if version == "editable":
            return
        self._folder = tempfile.mkdtemp()
        root = Path(self.root)
        copied = Path(self._folder) / FRONT
        copy_sources(root, copied)
        build_data["force_include"][str(copied)] = FRONT

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Removes the copies."""
        if version != "editable":
            shutil.rmtree(self._folder)


def copy_sources(root: Path, target: Path) -> None:
    """Copies the packages of the repository below one folder and makes their imports fit."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(root / FRONT, target, ignore=unwanted)
    for name in MOVED:
        shutil.copytree(root / name, target / name, ignore=unwanted)
    for path in target.rglob("*.py"):
        path.write_text(moved(path.read_text(encoding="utf-8"), path), encoding="utf-8")


def moved(source: str, path: Path) -> str:
    """A module's source with its imports, and the commands it names, as they are below `sketch_search`.

    Raises:
        ValueError: `import model.x` binds the name `model`, which cannot be moved; write `from model import x`.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and any(alias.name.partition(".")[0] in MOVED for alias in node.names):
            raise ValueError(f"{path}, line {node.lineno}: write `from … import …` instead, which the wheel can move.")
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] in MOVED:
            line = lines[node.lineno - 1]
            start = len(line.encode()[: node.col_offset].decode())
            lines[node.lineno - 1] = line[:start] + line[start:].replace("from ", f"from {FRONT}.", 1)
    return _COMMAND.sub(rf"python -m {FRONT}.\1", "".join(lines))
