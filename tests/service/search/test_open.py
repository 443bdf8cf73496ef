import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.errors import GalleryError
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from model.bundle import Bundle, EncoderFile, file_sha256, read_bundle, write_manifest
from model.errors import BundleError
from model.preprocess import Preprocessing
from service.search.open import open_engine
from service.settings import Settings

onnx = pytest.importorskip("onnx", reason="making an encoder needs onnx, which the train extra brings")


def write_encoder(path: Path) -> None:
    """An ONNX encoder whose embedding is the blurred ink in 28 × 28 squares."""
    node, floats = onnx.helper.make_node, onnx.TensorProto.FLOAT
    nodes = [
        node("ReduceMean", ["images"], ["grey"], axes=[1], keepdims=1),
        node("Sub", ["white", "grey"], ["ink"]),
        node("AveragePool", ["ink"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        node("AveragePool", ["cells"], ["blurred"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Flatten", ["blurred"], ["embeddings"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "ink",
        [onnx.helper.make_tensor_value_info("images", floats, ["batch", 3, 224, 224])],
        [onnx.helper.make_tensor_value_info("embeddings", floats, ["batch", 784])],
        [onnx.helper.make_tensor("white", floats, [1], [2.43])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    write_encoder(folder / "ink.onnx")
    files = {"fp32": EncoderFile("ink.onnx", file_sha256(folder / "ink.onnx"))}
    precisions: dict[Any, str] = {"photo": "fp32", "sketch": "fp32"}
    encoders: dict[Any, Any] = {"photo": files, "sketch": files}
    write_manifest(Bundle(folder, "ink", 784, Preprocessing(), encoders, precisions, {}))
    return read_bundle(folder)


@pytest.fixture(scope="module")
def own_gallery(bundle: Bundle, gallery_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own") / "gallery"
    settings = BuildSettings(photos=gallery_folder.parent / "photos", out=out, num_workers=1)
    build_gallery(settings, model=PhotoModel.from_bundle(bundle, device="cpu"), progress=SilentProgress())
    return out


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(bundle: Bundle, own_gallery: Path) -> Iterator[Start]:
    """Starts the service as a process of its own, with these further flags."""
    processes = []

    def begin(*flags: str, program: Sequence[str] = ("-m", "service")) -> subprocess.Popen[str]:
        command = [sys.executable, *program, "--port", "0", "--device", "cpu", *flags]
        command += ["--gallery", str(own_gallery), "--bundle", str(bundle.path)]
        root = Path(__file__).parents[3]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # As a terminal starts it, also where these tests run below nohup, which has every child ignore the signal.
        process = subprocess.Popen(command, cwd=root, preexec_fn=_hear_hang_ups, **pipes)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def _hear_hang_ups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def address_of(process: subprocess.Popen[str]) -> str:
    """Where it listens, once it answers."""
    assert process.stdout
    found = re.match(r"Serving 24 photos at (http://127\.0\.0\.1:\d+) ", process.stdout.readline())
    assert found
    while "startup complete" not in (line := process.stderr.readline()):  # type: ignore[union-attr]
        assert line, "the service ended"
    return found[1]


def test_the_real_encoder_and_gallery_answer_through_the_engine(
    bundle: Bundle, own_gallery: Path, sketch: Callable[[str], bytes]
) -> None:
    engine = open_engine(Settings(gallery=own_gallery, bundle=bundle.path, device="cpu"))
    ranking = engine.search(sketch("house-plain"), k=5)
    engine.close()
    assert len(ranking.photos) == 5
    assert engine.encoder.provider == "CPUExecutionProvider"


@pytest.mark.usefixtures("bf16")
def test_sketches_in_bf16_find_the_photos_of_a_gallery_in_another_precision(
    bundle: Bundle, own_gallery: Path, sketch: Callable[[str], bytes]
) -> None:
    rankings = []
    for precision in ("fp32", "bf16"):
        engine = open_engine(Settings(gallery=own_gallery, bundle=bundle.path, device="cpu", precision=precision))
        rankings.append(engine.search(sketch("house-plain"), k=5))
        engine.close()
    assert engine.encoder.provider == "OpenVINO"
    expected, found = ({photo.photo_id: photo.score for photo in ranking.photos} for ranking in rankings)
    assert found == pytest.approx(expected, abs=0.01)


def test_a_gallery_of_another_bundle_is_refused(bundle: Bundle, gallery_folder: Path) -> None:
    with pytest.raises(GalleryError, match="made by bundle fake"):
        open_engine(Settings(gallery=gallery_folder, bundle=bundle.path, device="cpu"))


def test_a_precision_that_the_bundle_lacks_is_refused_before_a_gallery_is_opened(
    bundle: Bundle, own_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.search.open.open_source", lambda *_args, **_kwargs: pytest.fail("it would stay open"))
    with pytest.raises(BundleError, match="no int4 sketch encoder"):
        open_engine(Settings(gallery=own_gallery, bundle=bundle.path, device="cpu", precision="int4"))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_process_serves_and_stops_cleanly(
    start: Start, sketch: Callable[[str], bytes], stop: signal.Signals
) -> None:
    process = start("--drain-seconds", "0.1")
    address = address_of(process)
    answer = httpx2.post(f"{address}/search", files={"sketch": sketch("house-plain")}, timeout=120).json()
    assert answer["model"]["provider"] == "CPUExecutionProvider"
    assert len(answer["results"]) == 12
    process.send_signal(signal.SIGUSR1)  # ends nothing
    process.send_signal(stop)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert errors.count(" POST /search 200 ") == 1


def test_a_feedback_folder_that_cannot_be_written_ends_the_start_with_one_sentence(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "feedback"
    process = start("--feedback", str(folder))
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output) == (2, "")
    (sentence,) = [line for line in errors.splitlines() if " INFO " not in line.upper()]
    assert sentence.startswith(f"python -m service: Feedback cannot be kept in {folder} (Not a directory);")


def test_a_variable_that_is_no_setting_is_warned_of_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKETCH_SEARCH_API_KEY", "shop:search:secret")
    monkeypatch.setenv("SKETCH_SEARCH_LOOKUP_PER_ADDRESS", "5/second")
    process = start("--drain-seconds", "0")
    assert process.stderr
    said = [process.stderr.readline()]
    while "startup complete" not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], "the service ended"
    (warning,) = [line for line in said if "SKETCH_SEARCH_" in line]
    assert "WARNING" in warning.upper()
    assert "SKETCH_SEARCH_API_KEY (did you mean SKETCH_SEARCH_API_KEYS?)" in warning
    assert "SKETCH_SEARCH_LOOKUP_PER_ADDRESS (did you mean SKETCH_SEARCH_LOOKUPS_PER_ADDRESS?)" in warning
    assert "secret" not in warning


def test_feedback_is_kept_by_the_process(start: Start, tmp_path: Path, sketch: Callable[[str], bytes]) -> None:
    process = start("--feedback", str(tmp_path / "kept"), "--drain-seconds", "0")
    told = {"photo_id": "shapes/house-plain", "rank": "1"}
    answer = httpx2.post(
        f"{address_of(process)}/feedback", files={"sketch": sketch("house-plain")}, data=told, timeout=120
    )
    assert answer.status_code < 300, answer.text
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert len(list((tmp_path / "kept" / "sketches").iterdir())) == 1


def test_a_process_that_cannot_search_ends_so_that_it_is_started_again(start: Start) -> None:
    program = (
        "import sys, time; from service.__main__ import main; from service.search.engine import SearchEngine;"
        "SearchEngine.search = lambda *_, **__: time.sleep(3600); sys.exit(main())"
    )
    process = start("--ready-deadline-seconds", "0.1", "--unready-exit-seconds", "0.5", program=("-c", program))
    address_of(process)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "ending the process: An encode and a search did not finish within 0.1 seconds." in errors
    assert "MainThread:" in errors


def test_on_sigterm_readiness_is_red_first_and_on_a_second_the_port_closes_and_what_was_begun_is_answered(
    start: Start, sketch: Callable[[str], bytes]
) -> None:
    process = start("--drain-seconds", "600", "--shutdown-seconds", "600")
    address = address_of(process)
    url = httpx2.URL(address)
    body = b'--x\r\nContent-Disposition: form-data; name="sketch"; filename="a.png"\r\n\r\n'
    body += sketch("house-plain") + b"\r\n--x--\r\n"
    head = f"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    with socket.create_connection((url.host, url.port or 0), timeout=120) as begun:
        begun.sendall(head.encode() + body[:100])
        assert httpx2.get(f"{address}/readyz", timeout=120).status_code == 200
        process.send_signal(signal.SIGTERM)
        refusal = until_status(f"{address}/readyz", 503)
        assert "about to stop" in refusal.json()["error"]["message"]
        assert refusal.headers["connection"] == "close"
        assert httpx2.get(f"{address}/healthz", timeout=120).status_code == 200
        answer = httpx2.post(f"{address}/search", files={"sketch": sketch("star-plain")}, timeout=120)
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        process.send_signal(signal.SIGTERM)  # waits no longer
        wait_until_closed(url)
        begun.sendall(body[100:])
        last = b"".join(iter(lambda: begun.recv(65536), b""))
    assert last.startswith(b"HTTP/1.1 200 ")
    assert b'"results":[{"rank":1,' in last
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert errors.count(" POST /search 200 ") == 2
    assert "Traceback" not in errors


def test_who_has_not_sent_the_whole_body_when_the_service_stops_is_told_to_send_it_again(start: Start) -> None:
    process = start("--drain-seconds", "0", "--shutdown-seconds", "0")
    address = address_of(process)
    url = httpx2.URL(address)
    head = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    with socket.create_connection((url.host, url.port or 0), timeout=120) as begun:
        begun.sendall(head)
        assert httpx2.get(f"{address}/readyz", timeout=120).status_code == 200
        process.send_signal(signal.SIGTERM)
        answer, _, body = b"".join(iter(lambda: begun.recv(65536), b"")).partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer.lower()
    assert b"retry-after: 5" in answer.lower()
    assert json.loads(body)["error"]["code"] == "stopping"
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert " POST /search 503 " in errors
    assert "Traceback" not in errors


def test_as_json_every_line_is_an_object_and_each_request_is_one_of_them(
    start: Start, sketch: Callable[[str], bytes]
) -> None:
    process = start("--log-format", "json", "--drain-seconds", "0")
    assert process.stderr
    entries = []
    while not entries or "startup complete" not in entries[-1]["message"]:
        entries.append(json.loads(process.stderr.readline()))
    (serving,) = [entry for entry in entries if entry["message"] == "serving"]
    assert serving["gallery_size"] == 24
    headers = {"X-Request-ID": "from-the-proxy"}
    url = f"{serving['address']}/search?secret=1"
    httpx2.post(url, files={"sketch": ("secret.png", sketch("house-plain"))}, headers=headers, timeout=120)
    files = {"sketch": ("secret.png", sketch("house-plain"))}
    httpx2.post(f"{serving['address']}/search", files=files, headers=headers, timeout=120)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert output == ""
    assert "secret" not in errors
    rest = [json.loads(line) for line in errors.splitlines()]
    refused, answered = [entry for entry in rest if entry.get("request_id") == "from-the-proxy"]
    assert refused["errors"] == ["unknown_parameter"]
    assert (answered["route"], answered["method"], answered["status"]) == ("/search", "POST", 200)
    assert set(answered["stages_ms"]) == {"decode", "prepare", "wait", "encode", "search"}
    assert sum("/search" in entry["message"] for entry in rest) == 2


HANGING = """
import sys, threading
import service.search.open
from service.__main__ import main
from service.process.exit import leave

def open_hanging_engine(settings, open_engine=service.search.open.open_engine):
    engine = open_engine(settings)
    encode, calls = engine.encoder.encode, []

    def hang(images):
        calls.append(images)
        if (images == calls[0]).all():  # the built-in sketch of the warm-up and of readiness
            return encode(images)
        print("hangs", flush=True)
        threading.Event().wait()

    engine.encoder.encode = hang
    return engine

service.search.open.open_engine = open_hanging_engine
leave(main(sys.argv[1:]))
"""


def test_an_encoder_that_never_returns_does_not_keep_the_process(start: Start, sketch: Callable[[str], bytes]) -> None:
    process = start("--drain-seconds", "0", "--shutdown-seconds", "0", program=["-c", HANGING])
    address = address_of(process)

    def ask() -> None:
        with contextlib.suppress(httpx2.HTTPError):  # it may be told or cut off
            httpx2.post(f"{address}/search", files={"sketch": sketch("star-plain")}, timeout=120)

    search = threading.Thread(target=ask)
    search.start()
    assert process.stdout
    assert process.stdout.readline() == "hangs\n"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    search.join()
    assert process.returncode == 1
    assert "leaving 1 thread(s) behind that do not end" in errors


def until_status(url: str, status: int) -> httpx2.Response:
    for _ in range(1000):
        response = httpx2.get(url, timeout=120)
        if response.status_code == status:
            return response
        time.sleep(0.02)
    raise AssertionError(f"{url} never answered {status}")


def wait_until_closed(url: httpx2.URL) -> None:
    for _ in range(1000):
        try:
            socket.create_connection((url.host, url.port or 0), timeout=120).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
    raise AssertionError("the port was never closed")
