#!/usr/bin/env bash
# quantize_dynamic leaves weights alone, without a word, that are written in another way.
#
# One would guess: every matrix product with constant weights becomes int8, or the tool says which one did not.
# What happens: only weights among the graph's initializers count. The same weights as a `Constant` node, or
#   transposed by a node first, stay float32: no warning, no int8, a file of the same size.
# Seen with: onnxruntime 1.32.0, `quantize_dynamic`. Weights in `Gemm` with `transB` are quantised.
# Why it matters: an encoder "in int8" is as large and as slow as before. Count the operators, or compare the files'
#   sizes.
set -euo pipefail

packages=(onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6)
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if command -v uv >/dev/null; then
    uv venv --quiet --python 3.11 environment
    uv pip install --quiet --python environment/bin/python "${packages[@]}"
else
    python3 -m venv environment
    environment/bin/pip install --quiet "${packages[@]}"
fi

environment/bin/python - <<'PYTHON'
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

print("onnxruntime", onnxruntime.__version__)
weights = np.random.default_rng(0).standard_normal((256, 256), dtype=np.float32)
matmul = helper.make_node("MatMul", ["x", "w"], ["y"])
ways = {
    "initializer": ([matmul], [numpy_helper.from_array(weights, "w")]),
    "Constant node": ([helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(weights)), matmul], []),
    "transposed initializer": (
        [helper.make_node("Transpose", ["v"], ["w"], perm=[1, 0]), matmul],
        [numpy_helper.from_array(weights, "v")],
    ),
}
outcome = {}
for name, (nodes, initializers) in ways.items():
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 256]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "encoder", values[:1], values[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, "float.onnx")
    quantize_dynamic("float.onnx", "int8.onnx")
    operators = [node.op_type for node in onnx.load("int8.onnx").graph.node]
    outcome[name] = "MatMulInteger" in operators
    sizes = Path("float.onnx").stat().st_size // 1000, Path("int8.onnx").stat().st_size // 1000
    print(f"{name}: {sizes[0]} kB -> {sizes[1]} kB, int8: {outcome[name]}")
assert outcome == {"initializer": True, "Constant node": False, "transposed initializer": False}, "changed"
PYTHON
