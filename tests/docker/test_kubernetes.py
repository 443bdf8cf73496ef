"""The Kubernetes manifests are valid for the version that the validator knows, and keep the pods confined."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

Object = dict[str, Any]


def pods(objects: list[Object]) -> dict[str, Object]:
    found = {}
    for entry in objects:
        if entry["kind"] == "Deployment":
            found["service"] = entry["spec"]["template"]["spec"]
        if entry["kind"] == "CronJob":
            found["index"] = entry["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert set(found) == {"service", "index"}
    return found


def test_every_manifest_is_valid(kubernetes_objects: list[Object]) -> None:
    assert len(kubernetes_objects) == 13
    for entry in kubernetes_objects:
        kubernetes_validate.validate(entry, "1.37", strict=True)


def test_the_validator_sees_a_misspelt_field(kubernetes_objects: list[Object]) -> None:
    deployment = next(entry for entry in kubernetes_objects if entry["kind"] == "Deployment")
    broken = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_the_kustomization_lists_every_file(root: Path) -> None:
    folder = root / "docker" / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")


def test_every_container_is_confined_and_limited(kubernetes_objects: list[Object]) -> None:
    for pod in pods(kubernetes_objects).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["securityContext"] == {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_no_service_link_overwrites_a_setting(kubernetes_objects: list[Object]) -> None:
    # A Service named sketch-search makes Kubernetes set SKETCH_SEARCH_PORT=tcp://..., which is also a setting of ours.
    for pod in pods(kubernetes_objects).values():
        assert pod["enableServiceLinks"] is False


def test_readiness_searches_and_liveness_does_not(kubernetes_objects: list[Object]) -> None:
    (container,) = pods(kubernetes_objects)["service"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_index_and_service_see_photos_and_galleries_at_the_same_paths(kubernetes_objects: list[Object]) -> None:
    def mounts(name: str) -> dict[str, tuple[str, bool]]:
        (container,) = pods(kubernetes_objects)[name]["containers"]
        return {m["name"]: (m["mountPath"], m.get("readOnly", False)) for m in container["volumeMounts"]}

    index, service = mounts("index"), mounts("service")
    assert service.pop("keys") == ("/keys", True)
    assert {name: path for name, (path, _) in index.items()} == {name: path for name, (path, _) in service.items()}
    assert index["galleries"] == ("/galleries", False)
    assert service["galleries"] == ("/galleries", True)


def test_the_ingress_limits_thumbnails_as_the_proxy_does_and_closes_metrics(
    kubernetes_objects: list[Object], root: Path
) -> None:
    allowed = {}
    for entry in kubernetes_objects:
        if entry["kind"] == "Ingress":
            notes = {name.rpartition("/")[2]: value for name, value in entry["metadata"]["annotations"].items()}
            assert notes["auth-secret"] == "visitors"
            (rule,) = entry["spec"]["rules"]
            allowed.update({path["path"]: notes for path in rule["http"]["paths"]})
    proxy = (root / "docker" / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    rates = dict(re.findall(r"zone=(\w+):10m rate=(\d+)r/s", proxy))
    assert allowed["/"]["limit-rps"] == rates["sketches"]
    assert allowed["/photos"]["limit-rps"] == allowed["/thumbnails"]["limit-rps"] == rates["photos"]
    assert allowed["/metrics"]["whitelist-source-range"] == "127.0.0.1/32"


def test_the_keys_need_not_be_there(kubernetes_objects: list[Object]) -> None:
    volumes = {volume["name"]: volume for volume in pods(kubernetes_objects)["service"]["volumes"]}
    assert volumes["keys"]["secret"] == {"secretName": "api-keys", "optional": True}
