import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def compose_texts() -> dict[str, str]:
    """File name -> content: the main file and what it includes."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docker-compose*.yml"))}


@pytest.fixture(scope="session")
def compose(compose_texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """File name -> content as it is when nothing is set."""
    return {name: yaml.safe_load(VARIABLE.sub(lambda m: m[2], text)) for name, text in compose_texts.items()}


@pytest.fixture(scope="session")
def services(compose: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The services of all files."""
    return {name: service for content in compose.values() for name, service in content["services"].items()}


@pytest.fixture(scope="session")
def kubernetes_objects() -> list[dict[str, Any]]:
    return list(_kubernetes_objects())


def _kubernetes_objects() -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "docker" / "kubernetes").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))
