import re
import tomllib
from pathlib import Path

from model.version import __version__

ROOT = Path(__file__).parents[2]


def test_the_version_is_a_semantic_one_and_the_build_takes_it_from_its_one_place() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([-.]?\w+)*", __version__)
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in configuration["project"]
    assert "version" in configuration["project"]["dynamic"]
    source = (ROOT / configuration["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)[1] == __version__  # type: ignore[index]
