"""The units of systemd: index and service agree on encoder and gallery, and the service may write feedback only."""

import shlex
from pathlib import Path

import index_builder.__main__ as builder
from model.bundle import default_bundle_path

UNITS = ("sketch-search.service", "sketch-search-index.service")


def unit(root: Path, name: str) -> dict[str, list[str]]:
    """Setting -> its values in their order."""
    found: dict[str, list[str]] = {}
    for line in (root / "docker" / "systemd" / name).read_text(encoding="utf-8").splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def variables(root: Path, name: str) -> dict[str, str]:
    (line,) = unit(root, name)["Environment"]
    return dict(word.split("=", 1) for word in shlex.split(line))  # type: ignore[misc]


def test_both_units_read_one_file_after_the_same_encoder_and_gallery(root: Path) -> None:
    service, index = (variables(root, name) for name in UNITS)
    for variable in ("SKETCH_SEARCH_BUNDLE", "SKETCH_SEARCH_GALLERY"):
        assert service[variable] == index[variable]
    for name in UNITS:
        assert unit(root, name)["EnvironmentFile"] == ["-/etc/sketch-search.env"]
    default = default_bundle_path().relative_to(Path(builder.__file__).parents[1])
    assert service["SKETCH_SEARCH_BUNDLE"] == f"/opt/sketch-search/{default}"


def test_the_index_unit_builds_what_the_file_says(root: Path) -> None:
    (command,) = unit(root, "sketch-search-index.service")["ExecStart"]
    words = shlex.split(command)
    assert words[words.index("--out") + 1] == "${SKETCH_SEARCH_GALLERY}"
    assert words[words.index("--bundle") + 1] == "${SKETCH_SEARCH_BUNDLE}"


def test_the_service_may_write_feedback_and_nothing_else(root: Path) -> None:
    service = unit(root, "sketch-search.service")
    assert service["ProtectSystem"] == ["strict"]
    assert service["StateDirectory"] == ["sketch-search/feedback"]
    assert "ReadWritePaths" not in service
    assert "SKETCH_SEARCH_FEEDBACK=/var/lib/sketch-search/feedback\n" in (root / "docs" / "DEPLOY.md").read_text()
