"""The page as a whole, on toy runs: an XModalViT run with its own report, beside a two-tower baseline."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from toy_config import TOY, TOY_TEACHER

from model.bundle import read_bundle
from model.seal import break_seal, sealed_text
from training.config.xmodalvit import DistillationConfig
from training.data.dataset import read_split
from training.evaluation.evaluate import evaluate_bundle
from training.report.literature import find_benchmark
from training.report.page import _serves, write_report
from training.report.strips import worst_first
from training.run import run, train_stages

CPU = torch.device("cpu")
BASELINE = replace(TOY, shared_encoder=False, validation_share=0.25)
XMODAL = replace(
    BASELINE,
    teacher=replace(TOY_TEACHER, epochs=1),
    distillation=DistillationConfig(queue_size=6),
    validation_share=0.0,
)
HOSTILE = "<script>alert('a & b')</script>"


class Page(HTMLParser):
    """What the tests ask of a page: its text, its tags, and the cells of each strip with the title above them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.strips: dict[str, list[str]] = {}
        self._section, self._in_title = "", False
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag == "section":
            self._section = str(values["id"])
        self._in_title = tag == "h3"
        if tag == "figure" and "cell" in str(values.get("class")):
            self.strips[list(self.strips)[-1]].append(str(values["class"]).removeprefix("cell "))

    def handle_data(self, data: str) -> None:
        self.text += " " + " ".join(data.split())
        if self._in_title and data.strip():
            self.strips[f"{self._section}: {data.strip()}"] = []
            self._in_title = False

    def titles(self, section: str) -> list[str]:
        return [title.removeprefix(f"{section}: ") for title in self.strips if title.startswith(section)]


@pytest.fixture(scope="module")
def runs(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    run(XMODAL, data=dataset, out=folder / "xmodal", device=CPU, command="by a test", report=True)
    train_stages(BASELINE, data=dataset, out=folder / "two-tower", device=CPU)
    return folder / "xmodal", folder / "two-tower"


@pytest.fixture(scope="module")
def report(dataset: Path, runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report([runs[0]], baseline=runs[1], data=dataset, out=out, device=CPU)
    return out


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report / "index.html")


def test_the_page_shows_the_evaluators_numbers(page: Page, dataset: Path, runs: tuple[Path, Path]) -> None:
    summary = evaluate_bundle(read_bundle(runs[0] / "bundle"), read_split(dataset, "test"), device="cpu").summary
    (row,) = re.findall(r'<tr class="ours"><td>xmodal</td>(.*?)</tr>', page.source, re.DOTALL)
    shown = [float(number) for number in re.findall(r"\d+\.\d+", row)]
    expected: list[float] = []
    for k in (1, 5, 10):
        expected += [summary[f"acc@{k}"], *summary[f"acc@{k}_95"]]
    np.testing.assert_allclose(shown, [*expected, summary["mean_rank"]], atol=0.0501)


def test_nothing_outside_the_page_is_asked_for(page: Page) -> None:
    assert not re.search(r"https?:|//[a-z]", re.sub(r"data:image/\w+;base64,[A-Za-z0-9+/=]+", "", page.source))
    addresses = [values[name] for _, values in page.tags for name in ("src", "srcset", "href") if name in values]
    assert len(addresses) > 50
    assert all(str(address).startswith(("data:image/", "#")) for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}


def test_every_picture_of_the_page_opens(page: Page) -> None:
    for content in re.findall(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)", page.source):
        Image.open(io.BytesIO(base64.b64decode(content))).load()


def test_every_sample_has_one_right_photo_at_the_place_of_its_rank(page: Page) -> None:
    titles = page.titles("samples")
    assert len(titles) == 8
    for title in titles:
        cells, rank = page.strips[f"samples: {title}"], int(title.rpartition("rank ")[2])
        assert cells[0] == "query"
        assert cells.count("true") == 1
        assert cells[rank] == "true"


def test_samples_go_from_the_best_rank_to_the_worst_and_failures_back(
    page: Page, dataset: Path, runs: tuple[Path, Path]
) -> None:
    result = evaluate_bundle(read_bundle(runs[0] / "bundle"), read_split(dataset, "test"), device="cpu")
    samples, failures = (
        [int(title.rpartition("rank ")[2]) for title in page.titles(section)] for section in ("samples", "failures")
    )
    assert samples[0] == result.query_ranks.min()
    assert samples[-1] == failures[0] == result.query_ranks.max()
    assert failures == [result.query_ranks[query] for query in worst_first(result.query_ranks, 12)]


def test_attention_is_shown_of_run_baseline_teacher_and_its_streams(page: Page) -> None:
    assert len(page.titles("attention")) == 8
    assert all(len(cells) == 5 for title, cells in page.strips.items() if title.startswith("attention"))
    captions = page.text.partition("Where the encoders look")[2]
    assert re.search(r"this run +baseline +teacher +teacher’s photo stream, \d+ %", captions)
    assert re.search(r"this run +baseline +teacher +teacher’s sketch stream, \d+ %", captions)
    assert "There is no attention map" not in captions


def test_the_shortcut_probe_is_the_teachers(dataset: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(runs[0], tmp_path / "run")
    record = tmp_path / "run/teacher/checkpoint/checkpoint.json"
    probe = {"probe_matched": 93.75, "probe_sketches_shuffled": 81.25, "probe_photos_shuffled": 6.25}
    values = json.loads(record.read_text()) | {"metrics": {"acc@1": 12.5, **probe}}
    break_seal(values)
    record.write_text(sealed_text(values))
    write_report([tmp_path / "run"], data=dataset, out=tmp_path / "report", device=CPU)
    text = re.sub(r"\s+", " ", Page(tmp_path / "report/index.html").text)
    assert "matched pairs 93.8 sketches shuffled 81.2 photos shuffled 6.2" in text


def test_what_was_trained_is_stated(page: Page, dataset: Path) -> None:
    for expected in (
        "toy, XModalViT students",
        "by a test",
        "2 epochs, batch 8, seed 0",
        "shapes, train: 16 photos, 32 sketches",
        read_split(dataset, "train").sha256[:16],
        "two test_vit; XMA blocks: 1, queue: 6, epochs: 1",
        "No published results are known",
    ):
        assert expected in page.text


def test_the_pictures_lie_beside_the_page(report: Path) -> None:
    plots = {f"{name}{ground}.png" for name in ("loss", "accuracy", "size", "map") for ground in ("", "-dark")}
    assert {path.name for path in report.iterdir()} == plots | {
        "index.html",
        "samples.png",
        "failures.png",
        "attention.png",
    }


def test_names_from_a_dataset_are_escaped(dataset: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    values: dict[str, Any] = json.loads((dataset / "manifest.json").read_text())
    for item in values["items"]:
        item |= {"photo": str(dataset / item["photo"]), "sketches": [str(dataset / path) for path in item["sketches"]]}
        item["id"] = f"{HOSTILE}{item['id']}"
    (tmp_path / "manifest.json").write_text(json.dumps(values | {"name": HOSTILE}))
    write_report([runs[1]], data=tmp_path, out=tmp_path / "report", device=CPU)
    page = Page(tmp_path / "report/index.html")
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(HOSTILE) > 10


def test_a_run_without_bundle_teacher_or_held_out_photos_says_what_is_missing(dataset: Path, tmp_path: Path) -> None:
    config = replace(BASELINE, backbone="test_resnet", validation_share=0.0, epochs=1)
    train_stages(config, data=dataset, out=tmp_path / "run", device=CPU)
    write_report([tmp_path / "run"], data=dataset, out=tmp_path / "report", device=CPU)
    page = Page(tmp_path / "report/index.html")
    assert "There is no attention map of the photo encoder of this run: ResNet is not" in page.text
    assert "No training photos were held out" in page.text
    assert "not recorded" in page.text
    assert "probe" not in page.text
    assert not page.titles("attention")


def test_runs_of_one_folder_name_are_told_apart(dataset: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "two-tower").symlink_to(runs[1])
    given = [runs[1], tmp_path / "two-tower"]
    result = write_report(given, data=dataset, out=tmp_path / "report", device=CPU)
    assert set(result["runs"]) == {f"{path.parent.name}/two-tower" for path in given}


def test_a_folder_named_after_its_seed_is_named_with_the_one_above(
    dataset: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "wider").mkdir()
    (tmp_path / "wider/seed0").symlink_to(runs[1])
    result = write_report([tmp_path / "wider/seed0"], data=dataset, out=tmp_path / "report", device=CPU)
    assert set(result["runs"]) == {"wider/seed0"}


def test_a_run_given_twice_is_refused(dataset: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="given twice"):
        write_report([runs[1], runs[1]], data=dataset, out=tmp_path, device=CPU)


def test_published_rows_stand_beside_a_split_of_their_size_only(
    dataset: Path, runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = json.loads((dataset / "manifest.json").read_text()) | {"name": "QMUL-Shoe"}
    for item in values["items"]:
        item |= {"photo": str(dataset / item["photo"]), "sketches": [str(dataset / path) for path in item["sketches"]]}
    (tmp_path / "manifest.json").write_text(json.dumps(values))
    write_report([runs[1]], data=tmp_path, out=tmp_path / "other", device=CPU)
    assert "DSSA" not in Page(tmp_path / "other/index.html").text
    assert "gallery of 115 photos. This split has 8" in Page(tmp_path / "other/index.html").text
    benchmark = find_benchmark("QMUL-Shoe")
    assert benchmark is not None
    monkeypatch.setattr("training.report.page.find_benchmark", lambda _name: replace(benchmark, photos=8))
    write_report([runs[1]], data=tmp_path, out=tmp_path / "same", device=CPU)
    assert "Song et al. (DSSA), 2017 61.7 – 94.8" in re.sub(r" +", " ", Page(tmp_path / "same/index.html").text)


def test_a_run_writes_its_own_report(runs: tuple[Path, Path]) -> None:
    assert Page(runs[0] / "report/index.html").titles("failures")
    assert not (runs[1] / "report").exists()


def test_the_command_line_writes_the_page_and_names_it(dataset: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "report", "--run", str(runs[1]), "--data", str(dataset)]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["written"] == str(tmp_path / "index.html")
    assert (tmp_path / "index.html").is_file()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shared_encoder": True}, "one for both modalities"),
        ({}, "one for each modality"),
        (
            {"distillation": DistillationConfig(teacher_photos=True, unfused_targets=True)},
            "for sketches; the teacher’s test_vit embeds the photos",
        ),
    ],
)
def test_the_report_says_which_encoder_embeds_what(changes: dict[str, Any], said: str) -> None:
    config = replace(XMODAL, distillation=DistillationConfig())
    assert _serves(replace(config, **changes)) == said
