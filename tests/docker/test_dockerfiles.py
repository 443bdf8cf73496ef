"""The Dockerfiles pass hadolint; their last stage runs without rights and holds no tool that builds."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model.version import __version__

DOCKERFILES = ("Dockerfile", "Dockerfile.training")


def hadolint(*paths: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program, "hadolint is missing: `make setup-dev` installs it"
    return subprocess.run([program, *map(str, paths)], capture_output=True, text=True)


def stages(path: Path) -> list[str]:
    return re.split(r"(?m)^(?=FROM )", path.read_text(encoding="utf-8").replace("\\\n", " "))[1:]


def test_hadolint_finds_nothing(root: Path) -> None:
    result = hadolint(*(root / "docker" / name for name in DOCKERFILES))
    assert result.returncode == 0, result.stdout


def test_hadolint_would_find_something(root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text((root / "docker" / "Dockerfile").read_text().replace("USER 10001:10001\n", "RUN cd /tmp\n"))
    assert "DL3003" in hadolint(broken).stdout


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_base_is_pinned_and_the_same_for_every_stage(root: Path, name: str) -> None:
    text = (root / "docker" / name).read_text(encoding="utf-8")
    assert "ARG BASE=python:3.11-slim-bookworm\n" in text
    bases = set(re.findall(r"(?m)^FROM (\S+)", text))
    assert bases == {"${BASE}", "tools"}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_everything_is_installed_by_hash(root: Path, name: str) -> None:
    installs = [line for stage in stages(root / "docker" / name) for line in stage.splitlines() if " install " in line]
    from_index = [line for line in installs if "useradd" not in line]
    assert len(from_index) == 2
    assert all("--require-hashes" in line for line in from_index)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_last_stage_has_no_rights_and_takes_only_results(root: Path, name: str) -> None:
    last = stages(root / "docker" / name)[-1]
    assert "USER 10001:10001" in last
    copies = re.findall(r"COPY (?:--from=(\w+) )?", last)
    assert "tools" not in copies
    assert "uv " not in last
    assert "apt-get" not in last


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_change_of_code_installs_no_package_again(root: Path, name: str) -> None:
    before_code = next(stage for stage in stages(root / "docker" / name) if stage.startswith("FROM tools AS packages"))
    assert re.findall(r"(?m)^COPY (\S+)", before_code)[0].startswith("requirements/")
    assert len(re.findall(r"(?m)^COPY ", before_code)) == 1


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_label_names_the_version_of_the_code(root: Path, name: str) -> None:
    last = stages(root / "docker" / name)[-1]
    assert f"ARG VERSION={__version__}\n" in last
    assert 'org.opencontainers.image.version="${VERSION}"' in last


def test_the_label_names_the_commit_and_making_it_anew_costs_no_layer(root: Path) -> None:
    for name in DOCKERFILES:
        last = stages(root / "docker" / name)[-1]
        assert 'org.opencontainers.image.revision="${REVISION}"' in last
        assert not re.search(r"(?m)^(RUN|COPY)", last[last.index("ARG REVISION=unknown") :])


def test_the_service_image_is_checked_by_readiness(root: Path) -> None:
    assert 'CMD ["ready"]' in stages(root / "docker" / "Dockerfile")[-1]


def test_only_what_the_images_need_reaches_the_builder(root: Path) -> None:
    allowed = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    copied = set()
    for name in DOCKERFILES:
        text = (root / "docker" / name).read_text(encoding="utf-8")
        for sources in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", text):
            copied |= {source.replace("${ACCELERATOR}", "cpu") for source in sources.split()}
    for path in copied:
        assert (root / path).exists(), path
        assert f"!{path}" in allowed or f"!{path}/" in allowed or path.startswith("requirements/"), path


def test_serving_requirements_hold_no_torch(root: Path) -> None:
    for name in ("cpu", "gpu"):
        text = (root / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert not re.search(r"(?m)^(torch|torchvision|timm|onnx)==", text), name
        assert re.search(r"(?m)^embreex==", text), f"{name}: the demo catalogue is rendered with it"
