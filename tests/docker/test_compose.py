"""docker-compose.yml keeps to the Compose specification, and to what makes it safe to leave running."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.access.policy import open_to_strangers
from service.settings import Settings, environment_variable

Services = dict[str, dict[str, Any]]
SET_BY_THE_CONTAINER = {"host", "port"}
OURS = ("index", "service", "watch", "index-gpu", "service-gpu", "train", "train-gpu", "replica")


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.profiles.yml"])
def test_the_compose_specification_accepts_the_file(root: Path, name: str) -> None:
    result = check(root / name)
    assert result.returncode == 0, result.stdout


def test_the_check_of_the_specification_sees_a_misspelt_key(compose_texts: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(compose_texts["docker-compose.yml"].replace("mem_limit:", "memory_limit:"))
    assert check(broken).returncode == 1


def test_without_a_profile_only_the_index_step_and_the_service_start(compose: Services, services: Services) -> None:
    assert set(compose["docker-compose.yml"]["services"]) == {"index", "service"}
    assert {name for name, service in services.items() if "profiles" not in service} == {"index", "service"}
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    assert profiles == {"gpu", "train", "train-gpu", "monitoring", "watch", "replicas", "cluster"}


def test_the_main_file_includes_all_others(compose: Services) -> None:
    main = compose["docker-compose.yml"]
    assert set(main["include"]) == set(compose) - {"docker-compose.yml"}
    known = {volume for content in compose.values() for volume in content["volumes"]}
    named = {
        volume.split(":")[0]
        for content in compose.values()
        for service in content["services"].values()
        for volume in service.get("volumes", ())
    }
    assert {name for name in named if not name.startswith(".")} == known


def test_the_gpu_twins_differ_from_the_others_only_in_image_and_device(services: Services) -> None:
    of_their_own = {"image", "build", "profiles", "deploy", "depends_on"}
    for name in ("index", "service"):
        twin = {key: value for key, value in services[f"{name}-gpu"].items() if key not in of_their_own}
        plain = {key: value for key, value in services[name].items() if key not in of_their_own}
        device = {"SKETCH_SEARCH_DEVICE": "cuda"}
        assert twin == {**plain, "environment": {**plain["environment"], **device}}, name


def test_a_replica_is_the_service_without_a_port_and_the_balancer_has_the_port(services: Services) -> None:
    of_their_own = {"profiles", "deploy", "ports"}
    replica = {key: value for key, value in services["replica"].items() if key not in of_their_own}
    assert replica == {key: value for key, value in services["service"].items() if key not in of_their_own}
    assert "ports" not in services["replica"]
    assert services["replica"]["deploy"] == {"replicas": "3"}
    assert services["balancer"]["ports"] == services["service"]["ports"]
    assert services["balancer"]["depends_on"] == {"replica": {"condition": "service_healthy"}}


@pytest.mark.parametrize(
    ("waiting", "step"), [("service", "index"), ("service-gpu", "index-gpu"), ("watch", "index"), ("replica", "index")]
)
def test_a_service_waits_until_the_index_step_has_succeeded(services: Services, waiting: str, step: str) -> None:
    assert services[waiting]["depends_on"] == {step: {"condition": "service_completed_successfully"}}
    assert services[step]["restart"] == "no"


def test_milvus_waits_for_what_it_stores_into_and_nobody_else_reaches_that(services: Services) -> None:
    milvus, etcd, objects = (services[name] for name in ("milvus", "etcd", "objects"))
    assert milvus["depends_on"] == {name: {"condition": "service_healthy"} for name in ("etcd", "objects")}
    assert milvus["environment"]["MINIO_SECRET_ACCESS_KEY"] == objects["environment"]["MINIO_ROOT_PASSWORD"]
    assert "ports" not in etcd
    assert "ports" not in objects
    assert all("healthcheck" in each for each in (milvus, etcd, objects))


def test_every_container_is_confined(services: Services) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert "privileged" not in service, name


def test_ports_are_open_to_this_machine_alone_unless_asked_otherwise(services: Services) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert len(ports) == 6
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_service_knows_whether_strangers_reach_its_port(services: Services) -> None:
    for name in ("service", "service-gpu", "replica"):
        environment = services[name]["environment"]
        settings = Settings(host="0.0.0.0", metrics=True, published_on=environment["SKETCH_SEARCH_PUBLISHED_ON"])
        assert open_to_strangers(settings) == [], name


def test_what_lasts_restarts_and_what_serves_is_checked(services: Services) -> None:
    for name in ("service", "service-gpu", "watch", "replica", "balancer", "prometheus", "grafana", "milvus"):
        assert services[name]["restart"] == "unless-stopped"
    for name in ("service", "service-gpu", "replica"):
        assert services[name]["healthcheck"]["test"] == ["CMD", "ready"]


def test_all_see_the_photos_at_the_path_that_the_gallery_remembers(services: Services) -> None:
    for name in ("index", "service", "watch", "index-gpu", "service-gpu", "replica"):
        targets = {volume.split(":")[1]: volume.split(":") for volume in services[name]["volumes"]}
        kept = {"/feedback", "/keys"} if name.startswith(("service", "replica")) else set()
        assert set(targets) == {"/photos", "/demo", "/galleries", "/runs"} | kept, name
        assert targets["/photos"][2:] == ["ro"], name
        assert targets.get("/keys", ["", "", "ro"])[2:] == ["ro"], name
        writes = "galleries" if name.startswith(("index", "watch")) else "nothing"
        assert (targets["/galleries"][2:] == []) == (writes == "galleries"), name


def test_the_gpu_services_reserve_a_gpu_and_refuse_to_run_without(services: Services) -> None:
    for name in ("index-gpu", "service-gpu"):
        devices = services[name]["deploy"]["resources"]["reservations"]["devices"]
        assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
        assert services[name]["environment"]["SKETCH_SEARCH_DEVICE"] == "cuda"
        assert services[name]["image"] == "sketch-search:gpu"
    assert services["index-gpu"]["build"]["args"]["ACCELERATOR"] == "gpu"
    assert services["service"]["environment"]["SKETCH_SEARCH_DEVICE"] is None


def test_every_image_is_built_once_or_pinned(services: Services) -> None:
    built = {service["image"] for service in services.values() if "build" in service}
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        assert tag, name
        assert image.startswith("sketch-search") == (name in OURS)
        if name in OURS:
            assert service["image"] in built, name
        else:
            assert tag.removeprefix("RELEASE.").strip("v")[0].isdigit(), name


def test_every_image_that_is_built_can_be_told_its_commit(compose_texts: dict[str, str], services: Services) -> None:
    built = [service["build"]["args"] for service in services.values() if "build" in service]
    assert len(built) == 4
    assert all(arguments["REVISION"] == "unknown" for arguments in built)
    assert all('REVISION: "${REVISION:-unknown}"' in text for text in compose_texts.values())


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - SET_BY_THE_CONTAINER))
def test_every_setting_of_the_service_reaches_it(services: Services, name: str) -> None:
    for service in ("service", "service-gpu", "replica"):
        assert environment_variable(name) in services[service]["environment"]
