"""The encoder alone over batch sizes, for ViT-Ti, ViT-S and ViT-B: latency, throughput, share of the device's peak.

    python -m benchmarks.serving.encoder_curve export --out runs/curve                 # needs torch
    python -m benchmarks.serving.encoder_curve measure --out runs/curve --device cuda  # needs onnxruntime-gpu, no torch

`export` writes the networks with random weights, which cost what trained ones cost, and a plain matrix product in the
same precision. `measure` runs all of them with inputs and outputs bound to the device's memory; the peak is what the
matrix product reaches there, and floating-point operations are counted by torch at export. Prints a Markdown table.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.serving.figures import percentiles

_SIDE_PX = 224
_MATRIX_SIDE = {"cuda": 8192, "cpu": 1024}
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("export", "measure"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--backbones", nargs="+", default=[f"vit_{size}_patch16_224" for size in ("tiny", "small", "base")]
    )
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "fp16"), default=["fp32", "fp16"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--device", choices=tuple(_PROVIDERS), default="cuda")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each batch size")
    arguments = parser.parse_args()
    if arguments.step == "export":
        export(arguments.out, arguments.backbones, arguments.precisions)
    else:
        measure(arguments)


def export(out: Path, backbones: list[str], precisions: list[str]) -> None:
    """Writes `<backbone>.<precision>.onnx`, `matmul.<precision>.onnx` and `flops.json`."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from model.nets.backbone import RANDOM
    from model.nets.encoder_network import EncoderNetwork

    class Product(torch.nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return left @ right

    out.mkdir(parents=True, exist_ok=True)
    flops = {}
    for backbone in backbones:
        network = EncoderNetwork(backbone, embedding_dim=192, image_size_px=_SIDE_PX, weights=RANDOM).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, 3, _SIDE_PX, _SIDE_PX))
        flops[backbone] = counter.get_total_flops()
        for precision in precisions:
            _export(network, (torch.zeros(2, 3, _SIDE_PX, _SIDE_PX),), out / f"{backbone}.{precision}.onnx", precision)
    for precision in precisions:
        _export(Product().eval(), (torch.zeros(2, 2), torch.zeros(2, 2)), out / f"matmul.{precision}.onnx", precision)
    (out / "flops.json").write_text(json.dumps(flops))


def _export(network: Any, example: tuple[Any, ...], path: Path, precision: str) -> None:  # noqa: ANN401 - torch is optional
    import torch

    number = torch.float16 if precision == "fp16" else torch.float32
    # One symbolic size: the batch of images, or the side of both square matrices.
    size = torch.export.Dim("size", min=1)
    shapes = ({0: size},) if len(example) == 1 else ({0: size, 1: size}, {0: size, 1: size})
    torch.onnx.export(
        network.to(number),
        tuple(each.to(number) for each in example),
        str(path),
        dynamic_shapes=shapes,
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def measure(arguments: argparse.Namespace) -> None:
    flops = json.loads((arguments.out / "flops.json").read_text())
    print("| network | precision | batch | p50, ms | p99, ms | sketches/s | TFLOP/s | of the peak |\n" + "|-" * 8 + "|")
    for precision in arguments.precisions:
        side = _MATRIX_SIDE[arguments.device]
        product = run(arguments, f"matmul.{precision}", [(side, side)] * 2)
        peak = 2 * side**3 / (product["p50_ms"] / 1000)
        cells = f"{product['p50_ms']} | {product['p99_ms']} | | {peak / 1e12:.2f} | 100 %"
        print(f"| matrix product, {side} | {precision} | | {cells} |")
        for backbone in arguments.backbones:
            for batch in arguments.batches:
                found = run(arguments, f"{backbone}.{precision}", [(batch, 3, _SIDE_PX, _SIDE_PX)])
                rate = batch / (found["p50_ms"] / 1000)
                reached = rate * flops[backbone]
                cells = (
                    f"{found['p50_ms']} | {found['p99_ms']} | {rate:.0f} | {reached / 1e12:.2f} | {reached / peak:.0%}"
                )
                print(f"| {backbone} | {precision} | {batch} | {cells} |", flush=True)


def run(arguments: argparse.Namespace, name: str, shapes: list[tuple[int, ...]]) -> dict[str, Any]:
    """Percentiles of one network on inputs of these shapes, which lie on the device, as does the output.

    Raises:
        RuntimeError: ONNX Runtime would run elsewhere than on the device.
    """
    provider = _PROVIDERS[arguments.device]
    if arguments.device == "cuda":
        ort.preload_dlls()
    session = ort.InferenceSession(str(arguments.out / f"{name}.onnx"), providers=[provider])
    if session.get_providers()[0] != provider:
        raise RuntimeError(
            f"{name} would run on {session.get_providers()[0]}, expected {provider}; check the GPU install."
        )
    binding = session.io_binding()
    number = np.float16 if name.endswith("fp16") else np.float32
    generator = np.random.default_rng(0)
    for each, shape in zip(session.get_inputs(), shapes, strict=True):
        values = generator.standard_normal(shape, np.float32).astype(number)
        binding.bind_ortvalue_input(each.name, ort.OrtValue.ortvalue_from_numpy(values, arguments.device, 0))
    binding.bind_output(session.get_outputs()[0].name, arguments.device, 0)
    for _ in range(5):
        session.run_with_iobinding(binding)
    binding.synchronize_outputs()
    durations: list[float] = []
    end = time.perf_counter() + arguments.seconds
    while (start := time.perf_counter()) < end or len(durations) < 10:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        durations.append(time.perf_counter() - start)
    return percentiles(durations)


if __name__ == "__main__":
    main()
