"""Dashboard and alerts ask only for metrics that exist, and the dashboard is provisioned with its data source."""

import inspect
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import service.http.metrics
from service.http.metrics import Metrics

NAME = re.compile(r"\b(?:sketch_search|process)_\w+|\bup\b")
LABELS = {
    "sketch_search_requests_total": {"route", "method", "status"},
    "sketch_search_request_seconds_bucket": {"route", "method", "le"},
    "sketch_search_refused_total": {"reason"},
    "sketch_search_stage_seconds_bucket": {"stage", "le"},
}
FOR_A_GPU_ALONE = {"SketchSearchOnCpu"}


@pytest.fixture(scope="module")
def exposed() -> set[str]:
    """The names of the metrics that there are: those that the service declares, of its process, and of Prometheus."""
    declared = set(re.findall(r'"(sketch_search_\w+)"', inspect.getsource(service.http.metrics)))
    endings = {"", "_total", "_info", "_bucket", "_sum", "_count"}
    process = {"process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
    assert all(name.encode() in Metrics().exposition() for name in process)
    return {name + ending for name in declared for ending in endings} | process | {"up"}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "docker" / "monitoring"


def queries(folder: Path) -> list[str]:
    dashboard = json.loads((folder / "grafana" / "dashboards" / "sketch-search.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = yaml.safe_load((folder / "prometheus" / "alerts.yml").read_text())
    return shown + [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


def test_every_query_names_a_metric_that_is_exposed(folder: Path, exposed: set[str]) -> None:
    for query in queries(folder):
        found = set(NAME.findall(query))
        assert found, query
        assert found <= exposed, query


def test_queries_group_by_labels_that_their_metric_has(folder: Path) -> None:
    grouped = [query for query in queries(folder) if " by (" in query]
    assert grouped
    for query in grouped:
        (metric,) = set(NAME.findall(query))
        for labels in re.findall(r"by \(([^)]*)\)", query):
            assert set(labels.split(", ")) <= LABELS[metric], query


def test_the_alerts_are_those_of_the_operations_page(root: Path, folder: Path) -> None:
    page = (root / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    (listed,) = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(groups:.*?)```", page, flags=re.DOTALL)]
    ours = alerts(yaml.safe_load((folder / "prometheus" / "alerts.yml").read_text()))
    assert alerts(listed).items() - ours.items() == {
        (name, query) for name, query in alerts(listed).items() if name in FOR_A_GPU_ALONE
    }


def alerts(content: dict[str, Any]) -> dict[str, str]:
    return {rule["alert"]: rule["expr"].strip() for group in content["groups"] for rule in group["rules"]}


def test_panels_have_their_own_place_and_the_provisioned_source(folder: Path) -> None:
    dashboard = json.loads((folder / "grafana" / "dashboards" / "sketch-search.json").read_text())
    (source,) = yaml.safe_load((folder / "grafana" / "datasources" / "prometheus.yml").read_text())["datasources"]
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == source["uid"]
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_prometheus_asks_the_services_by_the_names_that_compose_gives_them(
    folder: Path, services: dict[str, dict[str, Any]]
) -> None:
    (job,) = yaml.safe_load((folder / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) <= set(services)
    assert found["port"] == 8000
    assert job["job_name"] == "sketch-search"


def test_every_alert_is_tried_out_silent_and_ringing(folder: Path) -> None:
    rules = yaml.safe_load((folder / "prometheus" / "alerts.yml").read_text())
    tried = yaml.safe_load((folder / "prometheus" / "alerts.test.yml").read_text())
    cases = [case for test in tried["tests"] for case in test["alert_rule_test"]]
    ringing = {case["alertname"] for case in cases if "exp_alerts" in case}
    silent = {case["alertname"] for case in cases if "exp_alerts" not in case}
    assert ringing == silent == set(alerts(rules))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Prometheus")
@pytest.mark.parametrize(
    "words",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")],
)
def test_promtool_finds_nothing_wrong(folder: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=folder / "prometheus", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
