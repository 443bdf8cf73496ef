import re
from pathlib import Path

import pytest

from index_builder.cli.build import POLL_VARIABLE, SETTLE_VARIABLE
from service.settings import Settings, environment_variable, unknown_variables


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("SKETCH_SEARCH_API_KEY", "SKETCH_SEARCH_API_KEYS"),
        ("SKETCH_SEARCH_LOOKUP_PER_ADDRESS", "SKETCH_SEARCH_LOOKUPS_PER_ADDRESS"),
        ("sketch_search_feedbak", "SKETCH_SEARCH_FEEDBACK"),
    ],
)
def test_a_mistyped_setting_is_named_with_the_one_that_was_meant(mistyped: str, meant: str) -> None:
    assert unknown_variables([mistyped, "PATH"]) == {mistyped: meant}


def test_a_setting_that_resembles_none_is_named_as_well() -> None:
    assert list(unknown_variables(["SKETCH_SEARCH_XQ"])) == ["SKETCH_SEARCH_XQ"]


def test_settings_and_what_others_read_are_no_mistake() -> None:
    known = [environment_variable(name) for name in Settings.model_fields]
    of_kubernetes = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"]
    others = [SETTLE_VARIABLE, POLL_VARIABLE, "PATH", *(f"SKETCH_SEARCH_{name}" for name in of_kubernetes)]
    assert unknown_variables([*known, "sketch_search_max_k", *others]) == {}


def test_no_variable_of_the_containers_is_taken_for_a_mistake() -> None:
    root = Path(__file__).parents[2]
    files = [root / ".env.example", *root.glob("docker-compose*.yml")]
    files += [file for file in (root / "docker").rglob("*") if file.is_file() and file.suffix != ".py"]
    words = {word for file in files for word in re.findall(r"SKETCH_SEARCH_[A-Z_0-9]+", file.read_text("utf-8"))}
    assert len(words) > 20
    assert unknown_variables(words) == {}
