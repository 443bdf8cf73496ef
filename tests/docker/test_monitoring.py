"""Dashboard and alerts ask only for metrics that exist, and the dashboard is provisioned with its data source."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

OURS = {
    "sketch_search_requests_total": {"route", "status"},
    "sketch_search_refused_total": {"reason"},
    "sketch_search_stage_seconds_bucket": {"stage", "le"},
    "sketch_search_gallery_size": set(),
    "sketch_search_gallery_generation_info": set(),
    "process_resident_memory_bytes": set(),
    "up": set(),
}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "docker" / "monitoring"


def queries(folder: Path) -> list[str]:
    dashboard = json.loads((folder / "grafana" / "dashboards" / "sketch-search.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = yaml.safe_load((folder / "prometheus" / "alerts.yml").read_text())
    return shown + [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


def test_every_query_names_a_metric_of_the_service_and_every_metric_is_shown(folder: Path) -> None:
    named: set[str] = set()
    for query in queries(folder):
        found = set(re.findall(r"\b(?:sketch_search|process)_\w+|\bup\b", query))
        assert found <= set(OURS), query
        assert found, query
        named |= found
    assert named == set(OURS)


def test_queries_group_by_labels_that_their_metric_has(folder: Path) -> None:
    for query in queries(folder):
        (metric,) = set(re.findall(r"\b(?:sketch_search|process)_\w+|\bup\b", query))
        for labels in re.findall(r"by \(([^)]*)\)", query):
            assert set(labels.split(", ")) <= OURS[metric], query


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
