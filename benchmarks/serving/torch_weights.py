"""The weights of an exported ONNX encoder, back under the names of the timm network that it was exported from.

The exporter keeps the names of parameters, except that it transposes the matrices of linear layers under names of its
own, and folds batch normalisation into the convolution before it. Both are found through the graph.
"""

from pathlib import Path
from typing import Any

import onnx
import timm
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor


def torch_weights(path: Path, config: dict[str, Any], *, target: Path) -> None:
    """Writes the encoder's weights as safetensors.

    Args:
        path: the float32 ONNX encoder.
        config: `backbone` and `backbone_options` for timm.
        target: file to write.

    Raises:
        ValueError: the graph does not hold a weight of the network.
    """
    graph = onnx.load(path).graph
    held = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
    backbone = timm.create_model(config["backbone"], num_classes=0, **config["backbone_options"])
    wanted = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
    found = {name: held[name] for name in ("norm.weight", "norm.bias", "projection.weight", "projection.bias")}
    matrices = _matrices(graph, held)
    for name, value in wanted.items():
        candidates = (held.get(name), matrices.get(name), _folded(name, value, held))
        fitting = [each for each in candidates if each is not None and each.shape == value.shape]
        if not fitting:
            raise ValueError(f"{path} holds no weight for {name}; expected an encoder exported by this project.")
        found[name] = fitting[0].contiguous()
    save_file(found, target)


def _matrices(graph: onnx.GraphProto, held: dict[str, Tensor]) -> dict[str, Tensor]:
    """The transposed weights of linear layers, by the name of the bias that is added to their product."""
    products = {node.output[0]: node for node in graph.node if node.op_type == "MatMul"}
    found = {}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        for bias, product in (node.input, reversed(node.input)):
            if bias.endswith(".bias") and product in products and products[product].input[1] in held:
                found[bias.removesuffix("bias") + "weight"] = held[products[product].input[1]].T
    return found


def _folded(name: str, value: Tensor, held: dict[str, Tensor]) -> Tensor | None:
    """What is left of a batch normalisation whose scale is in its convolution: nothing but the bias."""
    layer, _, parameter = name.rpartition(".")
    convolution = held.get(layer.removesuffix("bn") + "conv.weight_bias")
    if not layer.endswith(".bn") or convolution is None:
        return None
    constants = {"weight": 1.0, "running_mean": 0.0, "running_var": 1.0 - 1e-5, "num_batches_tracked": 0}
    return convolution if parameter == "bias" else torch.full_like(value, constants[parameter])
