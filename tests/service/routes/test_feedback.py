"""Feedback over HTTP, and from there into a training run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from model.feedback import read_feedback
from model.preprocess import Preprocessing
from service.app import create_app
from service.search.engine import SearchEngine
from service.settings import Settings
from training.config.run import TrainConfig
from training.data.dataset import read_split
from training.data.layouts.manifest import write_manifest
from training.run import train_stages

Sketch = Callable[[str], bytes]
DRAWN = ("circle-dotted", "square-plain", "star-striped", "house-plain", "cross-plain", "arrow-dotted")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "feedback"


@pytest.fixture
def keeping(settings: Settings, engine: SearchEngine, folder: Path) -> Iterator[TestClient]:
    """A client of a service that keeps feedback."""
    with TestClient(
        create_app(settings.model_copy(update={"feedback": folder, "decoder_processes": 0}), engine=engine)
    ) as client:
        yield client


def search_and_confirm(client: TestClient, drawing: bytes, **changes: str) -> Any:
    found = client.post("/search", files={"sketch": drawing}).json()
    first = found["results"][0]
    fields = {"photo_id": first["photo_id"], "rank": "1", "generation": found["gallery"]["generation"]}
    return client.post("/feedback", files={"sketch": drawing}, data=fields | changes)


def test_nothing_is_kept_unless_the_operator_names_a_folder(client: TestClient, sketch: Sketch) -> None:
    assert client.get("/info").json()["feedback"] is False
    response = search_and_confirm(client, sketch("star-plain"))
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert "/feedback" not in client.get("/openapi.json").json()["paths"]


def test_a_search_alone_keeps_nothing(keeping: TestClient, sketch: Sketch, folder: Path) -> None:
    assert keeping.get("/info").json()["feedback"] is True
    keeping.post("/search", files={"sketch": sketch("star-plain")})
    assert read_feedback(folder).confirmations == ()
    assert list((folder / "sketches").iterdir()) == []


def test_a_confirmed_photo_is_kept_once_with_its_identity(
    keeping: TestClient, sketch: Sketch, folder: Path, engine: SearchEngine
) -> None:
    answers = [search_and_confirm(keeping, sketch("circle-dotted")).json() for _ in range(2)]
    assert answers == [{"kept": True}, {"kept": False}]
    (kept,) = read_feedback(folder).confirmations
    assert kept.photo_id == "Möbel & Söhne/100 % 丸?#;+"
    assert kept.photo_sha256 == engine.photo(kept.photo_id).content_sha256
    assert (kept.rank, kept.bundle) == (1, engine.encoder.bundle.fingerprint)
    assert kept.generation == keeping.get("/info").json()["gallery"]["generation"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"photo_id": "../../etc/passwd"}, 404, "unknown_photo"),
        ({"rank": "0"}, 422, "invalid_parameter"),
        ({"rank": "first"}, 422, "invalid_parameter"),
        ({"generaton": "g"}, 422, "unknown_parameter"),
        ({"generation": "g" * 500}, 422, "invalid_parameter"),
    ],
)
def test_wrong_fields_are_refused_and_nothing_is_kept(
    keeping: TestClient, sketch: Sketch, folder: Path, changes: dict[str, str], status: int, code: str
) -> None:
    response = search_and_confirm(keeping, sketch("star-plain"), **changes)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert read_feedback(folder).confirmations == ()


@pytest.mark.parametrize(
    ("data", "status", "code"), [(b"", 400, "empty_file"), (b"no image" * 9, 415, "not_an_image"), (None, 422, "")]
)
def test_a_drawing_that_is_none_is_refused(
    keeping: TestClient, folder: Path, data: bytes | None, status: int, code: str
) -> None:
    fields = {"photo_id": "shapes/star-dotted", "rank": "1"}
    response = keeping.post("/feedback", files={"sketch": data} if data is not None else {"x": b"1"}, data=fields)
    assert response.status_code == status
    assert response.json()["error"]["code"].startswith(code)
    assert read_feedback(folder).confirmations == ()


def test_what_the_service_kept_trains_an_encoder(
    keeping: TestClient, sketch: Sketch, folder: Path, gallery_folder: Path, tmp_path: Path
) -> None:
    for name in DRAWN:
        assert search_and_confirm(keeping, sketch(name)).json() == {"kept": True}
    made = write_manifest("feedback", folder, tmp_path / "pairs", photos=gallery_folder.with_name("photos"))
    counts = {name: split["photos"] for name, split in made["splits"].items()}
    assert sum(counts.values()) == len(DRAWN)
    assert set(counts) == {"train", "test"}
    assert made["left_out"] == {}
    assert read_split(tmp_path / "pairs", "test").items[0].photo.is_file()
    config = TrainConfig(
        recipe="toy",
        backbone="test_resnet",
        weights="random",
        embedding_dim=16,
        preprocessing=Preprocessing(image_size_px=32),
        epochs=1,
        batch_size=4,
        autocast_bf16=False,
    )
    train_stages(config, data=tmp_path / "pairs", out=tmp_path / "run", device=torch.device("cpu"))
    assert (tmp_path / "run/baseline/checkpoint").is_dir()
