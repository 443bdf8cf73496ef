"""A table of timm backbones that train, export and serve: random weights, two steps at 112 px, each in its own process.

python -m benchmarks.backbones                 # all of BACKBONES; prints a Markdown table
python -m benchmarks.backbones vit_tiny_patch16_224 --image-size 224
"""

import argparse
import json
import multiprocessing
import tempfile
import time
import warnings
from pathlib import Path
from queue import Empty
from typing import Any

SECONDS = 240  # for one backbone
BACKBONES = """
vit_tiny_patch16_224 deit_tiny_patch16_224 deit3_small_patch16_224 vit_relpos_small_patch16_224
vit_srelpos_small_patch16_224 vit_small_patch14_dinov2 vit_small_patch16_dinov3 eva02_tiny_patch14_224
beit_base_patch16_224 beitv2_base_patch16_224 mobilevit_xxs mobilevitv2_050 mobileone_s0 mobilenetv3_small_050
mobilenetv4_conv_small efficientnet_lite0 efficientnet_b0 tf_efficientnetv2_b0 efficientformer_l1
efficientformerv2_s0 edgenext_xx_small repvit_m0_9 fastvit_t8 fastvit_mci0 ghostnet_050 ghostnetv2_100 tinynet_e
lcnet_050 semnasnet_075 mnasnet_small fbnetc_100 hardcorenas_a regnetx_002 regnety_002 resnet10t resnet18 resnet50
resnext50_32x4d seresnet18 resnetv2_18 convnext_atto convnextv2_atto tiny_vit_5m_224 swin_tiny_patch4_window7_224
swinv2_tiny_window8_256 swinv2_cr_tiny_224 cait_xxs24_224 hiera_tiny_224 maxvit_rmlp_pico_rw_256 coatnet_nano_rw_224
coat_lite_tiny mixer_s16_224 resmlp_12_224 gmlp_s16_224 volo_d1_224 pit_ti_224 levit_128s crossvit_tiny_240
xcit_nano_12_p8_224 twins_svt_small poolformer_s12 caformer_s18 convformer_s18 visformer_tiny hrnet_w18_small
densenet121 inception_next_atto starnet_s1 nextvit_small davit_tiny pvt_v2_b0 focalnet_tiny_srf sequencer2d_s vgg11
samvit_base_patch16
""".split()  # noqa: SIM905 - one name a line would be a page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=BACKBONES)
    parser.add_argument("--image-size", type=int, default=112)
    parser.add_argument("--out", type=Path, help="JSON lines, one for each backbone; those in it are not tried again")
    arguments = parser.parse_args()
    rows = _read(arguments.out)
    for name in arguments.names:
        if name in rows:
            continue
        rows[name] = in_own_process(name, arguments.image_size)
        if arguments.out:
            with arguments.out.open("a") as file:
                file.write(json.dumps({"name": name} | rows[name]) + "\n")
    print(table({name: rows[name] for name in arguments.names}))


def _read(path: Path | None) -> dict[str, dict[str, Any]]:
    lines = path.read_text().splitlines() if path and path.is_file() else []
    return {row.pop("name"): row for row in map(json.loads, lines)}


def in_own_process(name: str, side: int) -> dict[str, Any]:
    """What `attempt` found, or that the process ended without an answer."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.export.trial", "training.tasks.two_tower", "torch._dynamo", "onnxscript"])
    answers: Any = context.Queue()
    process = context.Process(target=_attempt_into, args=(name, side, answers))
    process.start()
    try:
        found: dict[str, Any] = answers.get(timeout=SECONDS)
    except Empty:
        found = {"problem": f"no answer in {SECONDS} s"}
        process.kill()
    process.join()
    return found


def _attempt_into(name: str, side: int, answers: Any) -> None:  # noqa: ANN401
    answers.put(attempt(name, side))


def attempt(name: str, side: int) -> dict[str, Any]:
    """Trains, exports and serves one backbone: what worked, and the first sentence of what did not."""
    import numpy as np
    import onnxruntime as ort
    import torch

    from model.nets.cpu import use_plain_attention
    from model.preprocess import Preprocessing
    from training.config.run import TrainConfig
    from training.data.pairs import Views
    from training.export.onnx import OPTIONAL_PRECISIONS, export_onnx
    from training.export.trial import first_line, run_once
    from training.tasks.two_tower import TwoTowerTask

    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    found: dict[str, Any] = {}
    try:
        config = TrainConfig(
            recipe="trial", backbone=name, weights="random", preprocessing=Preprocessing(image_size_px=side)
        )
        task = TwoTowerTask(config, num_categories=1)
        found["million_parameters"] = round(sum(p.numel() for p in task.parameters()) / 1e6, 1)
        use_plain_attention(task)
        views = Views(
            torch.randn(4, 3, side, side), torch.randn(4, 1, 3, side, side), torch.arange(4), torch.zeros(4).long()
        )
        optimiser = torch.optim.AdamW(task.parameters(), lr=1e-4)
        for _ in range(2):
            started = time.perf_counter()
            torch.stack(list(task(views).values())).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        found["trains"] = round(time.perf_counter() - started, 2)
        with tempfile.TemporaryDirectory() as folder:
            full = Path(folder) / "encoder.onnx"
            found["exports"] = export_onnx(task.encoder("sketch"), full, image_size_px=side)
            session = ort.InferenceSession(str(full), providers=["CPUExecutionProvider"])
            embedding = session.run(None, {"images": np.zeros((1, 3, side, side), np.float32)})[0]
            found["serves"] = bool(abs(float(np.linalg.norm(embedding)) - 1) < 1e-3)
            for precision, convert in OPTIONAL_PRECISIONS.items():
                try:
                    convert(full, full.with_suffix(f".{precision}.onnx"))
                    run_once(full.with_suffix(f".{precision}.onnx"), side)
                    found[precision] = True
                except Exception as error:
                    found[f"{precision}_problem"] = first_line(error)
    except Exception as error:
        found["problem"] = first_line(error)
    return found


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Markdown: one line for each backbone."""
    lines = ["| backbone | million parameters | trains | exports and serves | int8 | fp16 | why not |", "|-" * 7 + "|"]
    for name, row in rows.items():
        marks = ["yes" if key in row else "no" for key in ("trains", "serves", "int8", "fp16")]
        why = row.get("problem") or "; ".join(row[f"{p}_problem"] for p in ("int8", "fp16") if f"{p}_problem" in row)
        lines.append(f"| `{name}` | {row.get('million_parameters', '–')} | {' | '.join(marks)} | {why[:160]} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
