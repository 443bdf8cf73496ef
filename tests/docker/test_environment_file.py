""".env.example explains every variable of docker-compose.yml and every setting of the service, with its default."""

import itertools
import re
from pathlib import Path

import pytest

from service.settings import Settings, environment_variable

VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
SET_BY_COMPOSE = {"gallery", "host", "port", "published_on"}
BY_THE_INDEX_STEP = {"DEMO_ITEMS": "800", "INDEX_OPTIONS": ""}


@pytest.fixture(scope="module")
def entries(root: Path) -> dict[str, str]:
    """Name -> value of the lines that are commented out."""
    text = (root / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^#(\w+)=(.*)$", text, flags=re.MULTILINE))


def used(compose_texts: dict[str, str]) -> dict[str, str]:
    service = {
        environment_variable(name): "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
        if name not in SET_BY_COMPOSE
    }
    return {**dict(VARIABLE.findall("".join(compose_texts.values()))), **BY_THE_INDEX_STEP, **service}


def test_every_variable_is_listed_with_its_default_and_no_other(
    compose_texts: dict[str, str], entries: dict[str, str]
) -> None:
    expected = used(compose_texts)
    assert entries == expected


def test_every_variable_is_explained_by_the_line_above_it(root: Path) -> None:
    lines = (root / ".env.example").read_text(encoding="utf-8").splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"#\w+=", line):
            assert before.startswith("# "), line
            assert not before.startswith("# ---"), line


def test_nothing_is_set_by_copying_the_file(root: Path) -> None:
    lines = (root / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
