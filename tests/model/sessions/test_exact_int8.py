"""An int8 encoder gives the same embeddings on CPUs that multiply uint8 by int8 exactly and on those that do not."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.errors import BundleError
from model.sessions import exact_int8
from training.export.onnx import quantise_dynamic


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 file: the last layer of the encoder that comes with the project."""
    source = next(default_bundle_path().glob("*.onnx"))
    target = tmp_path_factory.mktemp("int8") / "int8.onnx"
    quantise_dynamic(source, target)
    return target


def compute(network: bytes, images: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(network, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0])


def images(bundle: Bundle) -> np.ndarray:
    side = bundle.preprocessing.image_size_px
    return np.random.default_rng(0).standard_normal((2, 3, side, side)).astype(np.float32)


@pytest.mark.skipif(not exact_int8.int8_is_exact(), reason="this CPU multiplies uint8 by int8 inexactly")
def test_unsigned_weights_give_the_same_embeddings_to_the_last_bit(network: Path) -> None:
    rewritten = exact_int8.with_unsigned_weights(network.read_bytes())
    types = {tensor.data_type for tensor in onnx.load_from_string(rewritten).graph.initializer}
    assert TensorProto.INT8 not in types
    batch = images(read_bundle(default_bundle_path()))
    np.testing.assert_array_equal(compute(rewritten, batch), compute(network.read_bytes(), batch))


def test_a_cpu_that_saturates_is_given_unsigned_weights(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = read_bundle(default_bundle_path())
    shutil.copy(bundle.encoder_path("sketch", "fp32"), network.parent)
    files = bundle.encoders["sketch"]
    files = {**files, "int8": replace(files["fp32"], file=network.name)}
    bundle = replace(bundle, path=network.parent, encoders={"photo": files, "sketch": files})
    found = {}
    for is_exact in (True, False):
        monkeypatch.setattr("model.sessions.exact_int8.int8_is_exact", lambda is_exact=is_exact: is_exact)
        encoder = open_encoder(bundle, "sketch", device="cpu", precision="int8")
        found[encoder.arithmetic] = encoder.encode(images(bundle))
    assert list(found) == ["int8", "uint8"]
    assert np.sum(found["int8"] * found["uint8"], axis=1).min() > 0.999
    assert open_encoder(bundle, "sketch", device="cpu", precision="fp32").arithmetic == "fp32"


def test_int8_numbers_outside_of_matrix_products_are_refused() -> None:
    tensor = helper.make_tensor("w", TensorProto.INT8, [2], [1, 2])
    output = helper.make_tensor_value_info("y", TensorProto.INT8, [2])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "other", [], [output], [tensor])
    with pytest.raises(BundleError, match="int8 numbers in Identity"):
        exact_int8.with_unsigned_weights(helper.make_model(graph).SerializeToString())


def test_the_product_that_is_tried_is_the_one_that_is_described() -> None:
    names = [("a", TensorProto.UINT8, [4, 64]), ("b", TensorProto.INT8, [64, 32])]
    inputs = [helper.make_tensor_value_info(*each) for each in names]
    output = helper.make_tensor_value_info("y", TensorProto.INT32, [4, 32])
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["y"])], "product", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert model.SerializeToString() == exact_int8._PRODUCT
