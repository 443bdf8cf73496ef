"""Who takes part, and how each contender is started: its environment, its command, what it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.environments import PINNED, ROOT, environment_python


@dataclass(frozen=True)
class Subject:
    """What all contenders serve.

    Attributes:
        bundle: folder of the encoder bundle.
        gallery: folder that index_builder wrote.
        precision: of the sketch encoder.
        device: "cpu" or "cuda".
        assets: folder that `write_assets` filled.
        cache: folder for environments.
    """

    bundle: Path
    gallery: Path
    precision: str
    device: str
    assets: Path
    cache: Path


@dataclass(frozen=True)
class Contender:
    """A server that answers POST /search; `command` takes a port."""

    name: str
    title: str
    command: Callable[[int], list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT


BF16 = "ours-bf16"
TITLES = {
    "ours": "this service",
    "ours-bf16": "this service, bf16 in OpenVINO",
    "fastapi-torch": "FastAPI + PyTorch + FAISS",
    "litserve": "LitServe, same ONNX",
    "ray-serve": "Ray Serve, same ONNX",
}


def contenders(names: list[str], subject: Subject) -> list[Contender]:
    """The contenders of these names, their environments made where they are missing."""
    return [_ours(name, subject) if name in ("ours", BF16) else _peer(name, subject) for name in names]


def _ours(name: str, subject: Subject) -> Contender:
    precision = "bf16" if name == BF16 else subject.precision
    python = service_python(subject.device, precision, cache=subject.cache)
    options = {
        "--gallery": str(subject.gallery.resolve()),
        "--bundle": str(subject.bundle.resolve()),
        "--precision": precision,
        "--device": subject.device,
        "--log-level": "error",
    }
    flags = [part for option in options.items() for part in option]

    def command(port: int) -> list[str]:
        return [str(python), "-m", "service", *flags, "--port", str(port)]

    return Contender(name, TITLES[name], command)


def _peer(name: str, subject: Subject) -> Contender:
    module = {"fastapi-torch": "fastapi_torch", "litserve": "litserve_onnx", "ray-serve": "ray_onnx"}[name]
    python = environment_python(PINNED / f"{module}.txt", cache=subject.cache)

    def command(port: int) -> list[str]:
        return [str(python), "-m", f"benchmarks.contenders.{module}", str(port)]

    return Contender(name, TITLES[name], command, {"ASSETS": str(subject.assets.resolve()), "PYTHONPATH": str(ROOT)})


def service_python(device: str, precision: str, *, cache: Path) -> Path:
    """The Python of this service's own environment, for a device and a precision."""
    packages = "gpu" if device == "cuda" else "openvino" if precision == "bf16" else "cpu"
    return environment_python(ROOT / "requirements" / f"{packages}.txt", cache=cache)
