from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import CliApp

from service.settings import Settings, environment_variable, flag, settings_table


def test_the_table_lists_every_setting_with_its_flag_variable_and_meaning() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    for row, (name, field) in zip(rows, Settings.model_fields.items(), strict=True):
        assert f"`--{name.replace('_', '-')}`" in row
        assert f"`SKETCH_SEARCH_{name.upper()}`" in row
        assert field.description
        assert field.description in row


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_can_be_given_as_a_flag_and_as_a_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    special = {"device": "cpu", "index_device": "cpu", "log_level": "error", "log_format": "json", "metrics": "False"}
    special |= {"default_k": "9", "tracing": "True"}
    special |= {
        "allowed_hosts": "shop.example",
        "trusted_proxies": "10.0.0.0/8",
        "allowed_origins": "https://shop.example",
    }
    special |= dict.fromkeys(("searches_per_address", "searches_per_key", "lookups_per_address"), "7/second")
    text = special.get(name, "77")
    by_flag = getattr(CliApp.run(Settings, cli_args=[flag(name), text]), name)
    monkeypatch.setenv(environment_variable(name), text)
    by_variable = getattr(Settings(), name)
    assert by_flag == by_variable
    assert str(by_flag) in (text, f"{text}.0")
    assert by_flag != Settings.model_fields[name].default


def test_a_flag_wins_over_a_variable_and_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKETCH_SEARCH_PORT", "1111")
    monkeypatch.setenv("SKETCH_SEARCH_GALLERY", "")
    settings = CliApp.run(Settings, cli_args=["--port", "2222"])
    assert settings.port == 2222
    assert settings.gallery == Path("gallery")


def test_limits_that_contradict_each_other_are_refused_by_a_message_that_names_both() -> None:
    with pytest.raises(ValidationError, match="default_k is 12, above max_k, which is 5"):
        Settings(max_k=5)


@pytest.mark.parametrize(
    ("name", "value", "fragment"),
    [
        ("searches_per_address", "often", "such as 20/second"),
        ("searches_per_key", "20/fortnight", "such as 20/second"),
        ("trusted_proxies", "10.0.0.1, *", "[*] is no address"),
        ("trusted_proxies", "proxy.example", "proxy.example is no address"),
        ("allowed_hosts", "*", "[*] is no host name"),
        ("allowed_hosts", "shop.example:8000", "without a port"),
        ("allowed_origins", "*", "[*] is no origin"),
        ("allowed_origins", "https://shop.example/", "without a path"),
        ("allowed_origins", "https://a.example; script-src *", "is no origin"),
    ],
)
def test_what_would_open_more_than_it_says_is_refused(name: str, value: str, fragment: str) -> None:
    with pytest.raises(ValidationError, match=fragment):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_the_documentation_holds_the_table_as_the_code_has_it() -> None:
    page = Path(__file__).parents[2] / "docs" / "SETTINGS.md"
    assert settings_table().strip() in page.read_text(encoding="utf-8"), "print settings_table() into docs/SETTINGS.md"
