import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model.bundle import MANIFEST, Bundle, EncoderFile, default_bundle_path, file_sha256, read_bundle, write_manifest
from model.encoder import open_encoder
from model.errors import BundleError, ProviderError
from model.preprocess import Preprocessing

SIDE, DIM = 16, 5


def write_linear_encoder(path: Path, *, seed: int) -> None:
    """An ONNX file that multiplies the flattened image by a random matrix."""
    weights = np.random.default_rng(seed).normal(size=(3 * SIDE * SIDE, DIM)).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["embeddings"]),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", DIM])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(path))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    files = {}
    for seed, modality in enumerate(("photo", "sketch")):
        file = tmp_path / f"{modality}.onnx"
        write_linear_encoder(file, seed=seed)
        files[modality] = {"fp32": EncoderFile(file.name, file_sha256(file))}
    made = Bundle(
        path=tmp_path,
        name="linear",
        embedding_dim=DIM,
        preprocessing=Preprocessing(image_size_px=SIDE),
        encoders=files,
        default_precisions={"photo": "fp32", "sketch": "fp32"},
        info={"recipe": "by hand"},
    )
    write_manifest(made)
    return made


def images(count: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)


def test_what_was_written_is_read_back(bundle: Bundle) -> None:
    read = read_bundle(bundle.path)
    assert read == bundle
    assert read.fingerprint == bundle.fingerprint


def test_name_and_info_do_not_change_the_fingerprint_but_preprocessing_does(bundle: Bundle) -> None:
    values = bundle.to_dict()
    renamed = Bundle.from_dict(values | {"name": "other", "info": {}}, path=bundle.path)
    assert renamed.fingerprint == bundle.fingerprint
    values["preprocessing"]["ink_threshold"] = 0.9
    assert Bundle.from_dict(values, path=bundle.path).fingerprint != bundle.fingerprint


def test_an_altered_encoder_is_refused(bundle: Bundle) -> None:
    file = bundle.path / "sketch.onnx"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(bundle.path)


def test_a_missing_encoder_is_refused(bundle: Bundle) -> None:
    (bundle.path / "photo.onnx").unlink()
    with pytest.raises(BundleError, match=r"photo\.onnx"):
        read_bundle(bundle.path)


@pytest.mark.parametrize("text", ["{", "[]", '{"format_version": 99}', '{"format_version": 1, "name": "x"}'])
def test_a_broken_manifest_is_refused_in_one_sentence(bundle: Bundle, text: str) -> None:
    (bundle.path / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match="xport it again"):
        read_bundle(bundle.path)


def test_a_folder_without_a_bundle_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no encoder bundle"):
        read_bundle(tmp_path / "nowhere")


def test_the_manifest_is_plain_json(bundle: Bundle) -> None:
    values = json.loads((bundle.path / MANIFEST).read_text())
    assert values["encoders"]["sketch"]["fp32"]["file"] == "sketch.onnx"


def test_embeddings_have_unit_norm_and_do_not_depend_on_the_batch(bundle: Bundle) -> None:
    encoder = open_encoder(bundle, "sketch", device="cpu")
    together = encoder.encode(images(4))
    assert together.shape == (4, DIM)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    alone = np.concatenate([encoder.encode(images(4)[i : i + 1]) for i in range(4)])
    assert (together == alone).all()
    assert encoder.encode(images(0)).shape == (0, DIM)


def test_each_modality_has_its_own_encoder(bundle: Bundle) -> None:
    photo, sketch = (open_encoder(bundle, modality, device="cpu") for modality in ("photo", "sketch"))
    assert np.abs(photo.encode(images(1)) - sketch.encode(images(1))).max() > 0.01


@pytest.mark.parametrize("wrong", [images(1)[0], images(1).astype(np.float64), images(1)[:, :, :8]])
def test_a_wrong_array_is_refused(bundle: Bundle, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected float32"):
        open_encoder(bundle, "photo", device="cpu").encode(wrong)


def test_a_precision_the_bundle_does_not_hold_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="no int8 photo encoder; it holds fp32"):
        open_encoder(bundle, "photo", device="cpu", precision="int8")


def test_asking_for_cuda_without_a_gpu_is_an_error(bundle: Bundle) -> None:
    with pytest.raises(ProviderError, match="instead of CUDAExecutionProvider"):
        open_encoder(bundle, "photo", device="cuda")


def test_auto_warns_when_a_gpu_build_falls_back_to_the_cpu(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    with pytest.warns(match="No usable GPU"):
        assert open_encoder(bundle, "photo", device="auto").provider == "CPUExecutionProvider"


def test_a_changed_byte_in_the_manifest_never_changes_what_it_says(bundle: Bundle) -> None:
    path = bundle.path / MANIFEST
    whole, dice, num_refused = path.read_bytes(), random.Random(0), 0
    for place in dice.sample(range(len(whole)), 150):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ dice.randrange(1, 256)]) + whole[place + 1 :])
        try:
            assert read_bundle(bundle.path) == bundle
        except BundleError:
            num_refused += 1
    assert num_refused > 100


def test_a_manifest_that_was_changed_on_purpose_says_how_to_keep_the_change(bundle: Bundle) -> None:
    path = bundle.path / MANIFEST
    values = json.loads(path.read_text()) | {"name": "better"}
    path.write_text(json.dumps(values))
    with pytest.raises(BundleError, match="take the line 'seal' out"):
        read_bundle(bundle.path)
    del values["seal"]
    path.write_text(json.dumps(values))
    assert read_bundle(bundle.path).name == "better"


@pytest.mark.parametrize(
    "change",
    [{"embedding_dim": "many"}, {"encoders": []}, {"encoders": {"photo": 1, "sketch": 2}}, {"preprocessing": None}],
)
def test_a_manifest_of_odd_values_is_refused(bundle: Bundle, change: dict[str, object]) -> None:
    values = bundle.to_dict() | change
    (bundle.path / MANIFEST).write_text(json.dumps(values))
    with pytest.raises(BundleError, match="incomplete"):
        read_bundle(bundle.path)


@pytest.mark.parametrize("name", ["../sketch.onnx", "/etc/passwd", "", ".", ".."])
def test_an_encoder_outside_of_the_bundle_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match="a name within its folder"):
        EncoderFile(name, "0" * 64)


def test_an_encoder_of_another_dimension_than_the_bundle_says_is_refused(bundle: Bundle) -> None:
    wrong = replace(bundle, embedding_dim=DIM + 1)
    with pytest.raises(BundleError, match=r"turns \[3, 16, 16\] into \[5\], but its bundle says .* into \[6\]"):
        open_encoder(wrong, "sketch", device="cpu")


def test_a_file_that_is_no_encoder_is_refused(bundle: Bundle) -> None:
    (bundle.path / "sketch.onnx").write_bytes(b"no network")
    with pytest.raises(BundleError, match=r"sketch\.onnx cannot be opened"):
        open_encoder(bundle, "sketch", device="cpu")


def test_the_demo_bundle_is_sealed() -> None:
    assert "seal" in json.loads((default_bundle_path() / MANIFEST).read_text())
    read_bundle(default_bundle_path())
