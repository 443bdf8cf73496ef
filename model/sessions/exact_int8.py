"""Makes int8 files compute the same on every CPU: finds CPUs that saturate, and rewrites the weights as uint8 for them.

ONNX Runtime multiplies uint8 activations by int8 weights. On x86-64 CPUs without VNNI it adds pairs of products in 16
bits, which saturate, so sums are wrong there. Products of uint8 and uint8 are exact everywhere: a weight w with zero
point 0 becomes w + 128 with zero point 128, which gives the same integers and therefore the same embeddings.
"""

import base64
from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from model.errors import BundleError

_INT8, _UINT8 = 3, 2  # onnx.TensorProto.DataType
# One MatMulInteger of "a", uint8 (4, 64), and "b", int8 (64, 32). A test builds it again with the package onnx.
_PRODUCT = base64.b64decode(
    "CAg6YgoYCgFhCgFiEgF5Ig1NYXRNdWxJbnRlZ2VyEgdwcm9kdWN0WhMKAWESDgoMCAISCAoCCAQKAghAWhMKAWISDgoMCAMSCAoCCEAKAgggYhMKAXkS"
    "DgoMCAYSCAoCCAQKAgggQgQKABAN"
)


@cache
def int8_is_exact() -> bool:
    """Tells whether ONNX Runtime multiplies uint8 by int8 without error on this CPU; tries the largest products."""
    import onnxruntime as ort  # only where an int8 file is opened or described

    session = ort.InferenceSession(_PRODUCT, providers=["CPUExecutionProvider"])
    a = np.full((4, 64), 255, np.uint8)
    b = np.where(np.arange(32) % 2, 127, -127).astype(np.int8) * np.ones((64, 1), np.int8)
    return bool(np.array_equal(session.run(None, {"a": a, "b": b})[0], a.astype(np.int32) @ b.astype(np.int32)))


def arithmetic_of(precision: str) -> str:
    """Names the numbers that matrix products multiply on this CPU: the precision, or uint8 where int8 is inexact."""
    return "uint8" if precision == "int8" and not int8_is_exact() else precision


def with_unsigned_weights(network: bytes) -> bytes:
    """Rewrites the int8 weights of an ONNX file as uint8.

    Args:
        network: an ONNX file whose int8 tensors are weights of MatMulInteger and their zero points.

    Returns:
        An ONNX file that gives the same integers.

    Raises:
        BundleError: an int8 tensor is used by something else.
    """
    model = _model_class().FromString(network)
    weights = {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_type == _INT8}
    for node in model.graph.node:
        found = [position for position, name in enumerate(node.input) if name in weights]
        if found and (node.op_type != "MatMulInteger" or found != [1, 3]):
            raise BundleError(
                f"The int8 encoder uses int8 numbers in {node.op_type}, which this CPU may compute inexactly; "
                "choose precision fp32, or export the bundle again."
            )
    for tensor in weights.values():
        tensor.data_type = _UINT8
        if tensor.raw_data:
            tensor.raw_data = (np.frombuffer(tensor.raw_data, np.uint8) ^ 0x80).tobytes()
        else:
            tensor.int32_data[:] = [value + 128 for value in tensor.int32_data]
    return bytes(model.SerializeToString())


@cache
def _model_class() -> Any:  # noqa: ANN401 — protobuf makes the class
    """The few fields of ONNX's ModelProto that are read here; protobuf keeps all others as they are."""
    kind = descriptor_pb2.FieldDescriptorProto
    fields: dict[str, list[tuple[str, int, int, int, str]]] = {
        "Tensor": [
            ("data_type", 2, kind.LABEL_OPTIONAL, kind.TYPE_INT32, ""),
            ("int32_data", 5, kind.LABEL_REPEATED, kind.TYPE_INT32, ""),
            ("name", 8, kind.LABEL_OPTIONAL, kind.TYPE_STRING, ""),
            ("raw_data", 9, kind.LABEL_OPTIONAL, kind.TYPE_BYTES, ""),
        ],
        "Node": [
            ("input", 1, kind.LABEL_REPEATED, kind.TYPE_STRING, ""),
            ("op_type", 4, kind.LABEL_OPTIONAL, kind.TYPE_STRING, ""),
        ],
        "Graph": [
            ("node", 1, kind.LABEL_REPEATED, kind.TYPE_MESSAGE, ".sketch_search.Node"),
            ("initializer", 5, kind.LABEL_REPEATED, kind.TYPE_MESSAGE, ".sketch_search.Tensor"),
        ],
        "Model": [("graph", 7, kind.LABEL_OPTIONAL, kind.TYPE_MESSAGE, ".sketch_search.Graph")],
    }
    file = descriptor_pb2.FileDescriptorProto(name="sketch_search/onnx.proto", package="sketch_search", syntax="proto2")
    for name, members in fields.items():
        message = file.message_type.add(name=name)
        for field, number, label, type_, type_name in members:
            message.field.add(name=field, number=number, label=label, type=type_, type_name=type_name or None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sketch_search.Model"))
