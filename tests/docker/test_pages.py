"""The commands of README.md and docs/DEPLOY.md exist: programs know their options, files and services are there.

`tools/run_pages.py` really runs them, where there is a container engine and half an hour.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import CliApp

import index_builder.__main__ as builder
import training.cli.arguments as trainer
from service import make_key
from service.settings import Settings

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from page_commands import Command, commands  # noqa: E402
from page_rules import RULES, rule_for  # noqa: E402

PAGES = [command for name in ("README.md", "docs/DEPLOY.md") for command in commands(ROOT / name)]
COMPOSE_VERBS = {"restart", "up", "down", "ps", "logs", "run", "build"}


def matching(pattern: str) -> list[Command]:
    found = [command for command in PAGES if re.search(pattern, command.text)]
    assert found, pattern
    return found


def arguments_after(text: str, program: str) -> list[str]:
    return shlex.split(text.split(program, 1)[1])


def test_a_page_is_taken_apart_into_its_commands(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Start\n\nSay `make demo` or `code`.\n\n    one \\\n      two\n    three\n\n"
        "```json\n{}\n```\n\n## Next\n\n```sh\n# why\nfour\n```\n"
    )
    assert [(command.section, command.text) for command in commands(page)] == [
        ("Start", "make demo"),
        ("Start", "one two"),
        ("Start", "three"),
        ("Next", "four"),
    ]


def test_every_rule_is_for_a_command_that_is_on_a_page() -> None:
    for rule in RULES:
        assert any(rule_for(command.text) == rule for command in PAGES), rule.pattern


def test_the_script_that_runs_the_pages_does_not_start_itself() -> None:
    for command in matching(r"run_pages\.py"):
        assert rule_for(command.text).left_out, command.text


def test_what_is_left_out_has_a_reason_and_most_is_not() -> None:
    left_out = [command for command in PAGES if rule_for(command.text).left_out]
    assert 0 < len(left_out) < len(PAGES) / 2


def test_the_index_builder_knows_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "run", lambda *_: 0)
    for command in matching(r"python -m index_builder"):
        assert builder.main(arguments_after(command.text, "-m index_builder")) == 0, command.text


def test_making_a_key_knows_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, command in enumerate(matching(r"python -m service\.make_key")):
        words = arguments_after(command.text, "-m service.make_key")
        file = tmp_path / str(number)
        words[words.index("--file") + 1] = str(file)
        assert make_key.main(words) == 0, command.text
        assert capsys.readouterr().out.strip()
        assert file.read_text().startswith("shop:search:")


def test_the_service_knows_its_options() -> None:
    for command in matching(r"python -m service(?!\.)"):
        CliApp.run(Settings, cli_args=arguments_after(command.text, "-m service"))


def test_training_knows_its_options() -> None:
    for command in matching(r"-m training|run --rm train"):
        program = "-m training" if "-m training" in command.text else "--rm train"
        trainer.create_parser().parse_args(arguments_after(command.text, program))


def test_make_knows_its_targets() -> None:
    for command in matching(r"^make "):
        dry_run = ["make", "--dry-run", *shlex.split(command.text)[1:]]
        assert subprocess.run(dry_run, cwd=ROOT, capture_output=True).returncode == 0, command.text


def test_compose_knows_its_services_and_profiles(services: dict[str, dict[str, Any]]) -> None:
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    for command in matching(r"docker compose"):
        words = arguments_after(command.text, "docker compose")
        if words[0] == "--profile":
            assert words[1] in profiles, command.text
            words = words[2:]
        verb, *rest = words
        assert verb in COMPOSE_VERBS, command.text
        named = [word for word in rest if not word.startswith("-")]
        if named:
            assert named[0] in services, command.text


def test_files_that_are_copied_exist() -> None:
    for command in matching(r"^cp "):
        *sources, _ = (word for word in shlex.split(command.text)[1:] if not word.startswith("-"))
        for source in sources:
            assert list(ROOT.glob(source)), command.text


@pytest.mark.parametrize("page", ["README.md", "docs/DEPLOY.md"])
def test_links_lead_to_files_and_headings(page: str) -> None:
    path = ROOT / page
    text = path.read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"(?m)^#+ (.+)$", text)}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("http"):
            assert (path.parent / target).exists(), target
