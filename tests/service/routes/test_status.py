import asyncio
import threading

import pytest
from fastapi.testclient import TestClient

from model.version import __version__
from service.app import create_app
from service.search.engine import SearchEngine
from service.search.readiness import DrainState, Readiness
from service.settings import Settings


@pytest.fixture
def _probed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No result is shared once it is there."""
    monkeypatch.setattr("service.search.readiness._SHARED_SECONDS", 0.0)


def test_alive_says_so(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_ready_reports_a_real_search(client: TestClient) -> None:
    answer = client.get("/readyz").json()
    assert answer["status"] == "ready"
    assert answer["gallery"]["size"] == 24
    assert answer["timings_ms"]["encode"] > 0


@pytest.mark.usefixtures("_probed_anew")
def test_not_ready_when_the_encoder_fails_and_ready_again_when_it_recovers(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(engine.encoder, "encode", lambda images: 1 / 0)
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "not_ready"
        assert "ZeroDivisionError" in response.json()["error"]["message"]
        assert response.headers["retry-after"]
        assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


@pytest.mark.usefixtures("_probed_anew")
def test_not_ready_when_the_encoder_answers_rubbish(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = engine.encoder.encode
    monkeypatch.setattr(engine.encoder, "encode", lambda images: encode(images) * float("nan"))
    assert client.get("/readyz").status_code == 503


@pytest.mark.usefixtures("_probed_anew")
def test_not_ready_when_the_encoder_hangs_however_often_it_is_asked(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, calls = threading.Event(), []
    encode = engine.encoder.encode

    def hang(images: object) -> object:
        calls.append(images)
        release.wait(60)
        return encode(images)

    app = create_app(Settings(ready_deadline_seconds=60), engine=engine)
    with TestClient(app) as client:
        readiness = app.state.serving.readiness
        with monkeypatch.context() as hanging:  # nothing but the hanging has to be quick: the machine may be busy
            hanging.setattr(engine.encoder, "encode", hang)
            hanging.setattr(readiness, "deadline_seconds", 0.3)
            for _ in range(3):
                response = client.get("/readyz")
                assert response.status_code == 503
                assert "did not finish within 0.3 seconds" in response.json()["error"]["message"]
            assert len(calls) == 1, "probes of a hanging encoder must not pile up"
            before = readiness.last_success
            release.set()
        assert client.get("/readyz").status_code == 200
        assert readiness.last_success > before, "what comes late is still a sign of life"
        assert len(calls) == 1


@pytest.mark.usefixtures("_probed_anew")
def test_callers_that_ask_at_once_all_get_an_answer_while_others_begin_anew(engine: SearchEngine) -> None:
    async def ask_again_and_again(readiness: Readiness) -> None:
        for _ in range(20):
            assert (await readiness.check()).gallery_size == 24

    async def run() -> None:
        readiness = Readiness(engine, DrainState(), deadline_seconds=60)
        await asyncio.gather(*(ask_again_and_again(readiness) for _ in range(8)))

    asyncio.run(run())


def test_a_result_serves_whoever_asks_within_the_same_second(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[object] = []
    search = engine.search
    monkeypatch.setattr(engine, "search", lambda *given, **more: searches.append(given) or search(*given, **more))

    async def ask(readiness: Readiness, times: int) -> None:
        for _ in range(times):
            await readiness.check()

    readiness = Readiness(engine, DrainState(), deadline_seconds=60)
    readiness.shared_seconds = 3600
    asyncio.run(ask(readiness, 20))
    assert len(searches) == 1
    readiness.shared_seconds = 0
    asyncio.run(ask(readiness, 2))
    assert len(searches) == 3


def test_not_ready_but_alive_once_the_service_is_about_to_stop(
    engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(Settings(), engine=engine)
    with TestClient(app) as client:
        assert "connection" not in client.get("/readyz").headers
        app.state.drain.begun = True
        monkeypatch.setattr(engine, "search", None)  # the answer needs no search
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["error"]["message"] == "The service is about to stop; send requests elsewhere."
        alive = client.get("/healthz")
        assert alive.status_code == 200
        assert alive.headers["connection"] == "close"


def test_info_lists_versions_encoder_gallery_and_limits(client: TestClient, settings: Settings) -> None:
    info = client.get("/info").json()
    assert info["service"]["version"] == __version__
    assert client.get("/openapi.json").json()["info"]["version"] == __version__
    assert {"fastapi", "numpy", "pillow"} <= set(info["service"]["libraries"])
    assert info["model"]["provider"] == "FakeExecutionProvider"
    assert info["model"]["info"] == {"trained": "never"}
    assert info["gallery"]["size"] == 24
    assert info["gallery"]["problem"] is None
    assert info["limits"]["max_k"] == settings.max_k
    assert info["limits"]["max_upload_bytes"] == settings.max_upload_bytes
    assert info["limits"]["formats"] == ["PNG", "JPEG", "WEBP"]


def test_info_does_not_tell_where_things_are_on_the_server(client: TestClient, gallery_folder: object) -> None:
    assert str(gallery_folder) not in client.get("/info").text


def test_a_gallery_that_is_not_polled_turns_readiness_red(client: TestClient, engine: SearchEngine) -> None:
    client.app.state.serving.readiness.poll_seconds = -1  # type: ignore[attr-defined]
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "has not been polled" in response.json()["error"]["message"]
