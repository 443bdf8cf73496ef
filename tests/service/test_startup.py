import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from index_builder.build import BuildSettings, build_gallery
from index_builder.errors import GalleryError
from index_builder.photo_model import PhotoModel
from index_builder.progress import SilentProgress
from model.bundle import Bundle, EncoderFile, file_sha256, read_bundle, write_manifest
from model.errors import BundleError
from model.preprocess import Preprocessing
from service.settings import Settings
from service.startup import open_engine

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


@pytest.fixture
def process(bundle: Bundle, own_gallery: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "service", "--port", "0", "--device", "cpu"]
    command += ["--gallery", str(own_gallery), "--bundle", str(bundle.path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    found = re.match(r"Serving 24 photos at (http://127\.0\.0\.1:\d+) ", process.stdout.readline())
    assert found
    return found[1]


def test_the_real_encoder_and_gallery_answer_through_the_engine(
    bundle: Bundle, own_gallery: Path, sketch: Callable[[str], bytes]
) -> None:
    engine = open_engine(Settings(gallery=own_gallery, bundle=bundle.path, device="cpu"))
    ranking = engine.search(sketch("house-plain"), k=5)
    engine.close()
    assert len(ranking.photos) == 5
    assert engine.encoder.provider == "CPUExecutionProvider"


def test_a_gallery_of_another_bundle_is_refused(bundle: Bundle, gallery_folder: Path) -> None:
    with pytest.raises(GalleryError, match="made by bundle fake"):
        open_engine(Settings(gallery=gallery_folder, bundle=bundle.path, device="cpu"))


def test_a_precision_that_the_bundle_lacks_is_refused(bundle: Bundle, own_gallery: Path) -> None:
    with pytest.raises(BundleError, match="no int4 sketch encoder"):
        open_engine(Settings(gallery=own_gallery, bundle=bundle.path, device="cpu", precision="int4"))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_process_serves_and_stops_cleanly(
    process: subprocess.Popen[str], sketch: Callable[[str], bytes], stop: signal.Signals
) -> None:
    address = address_of(process)
    answer = httpx2.post(f"{address}/search", files={"sketch": sketch("house-plain")}, timeout=20).json()
    assert answer["model"]["provider"] == "CPUExecutionProvider"
    assert len(answer["results"]) == 12
    process.send_signal(stop)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert errors.count(" POST /search 200 ") == 1
