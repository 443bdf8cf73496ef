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


TITLES = {
    "ours": "this service",
    "fastapi-torch": "FastAPI + PyTorch + FAISS",
    "litserve": "LitServe, same ONNX",
    "ray-serve": "Ray Serve, same ONNX",
}


def contenders(names: list[str], subject: Subject) -> list[Contender]:
    """The contenders of these names, their environments made where they are missing."""
    return [_ours(subject) if name == "ours" else _peer(name, subject) for name in names]


def _ours(subject: Subject) -> Contender:
    python = service_python(subject.device, cache=subject.cache)
    options = {
        "--gallery": str(subject.gallery.resolve()),
        "--bundle": str(subject.bundle.resolve()),
        "--precision": subject.precision,
        "--device": subject.device,
        "--log-level": "error",
    }
    flags = [part for option in options.items() for part in option]

    def command(port: int) -> list[str]:
        return [str(python), "-m", "service", *flags, "--port", str(port)]

    return Contender("ours", TITLES["ours"], command)


def _peer(name: str, subject: Subject) -> Contender:
    module = {"fastapi-torch": "fastapi_torch", "litserve": "litserve_onnx", "ray-serve": "ray_onnx"}[name]
    python = environment_python(PINNED / f"{module}.txt", cache=subject.cache)

    def command(port: int) -> list[str]:
        return [str(python), "-m", f"benchmarks.contenders.{module}", str(port)]

    return Contender(name, TITLES[name], command, {"ASSETS": str(subject.assets.resolve()), "PYTHONPATH": str(ROOT)})


def service_python(device: str, *, cache: Path) -> Path:
    """The Python of this service's own environment, for a device."""
    return environment_python(ROOT / "requirements" / ("gpu.txt" if device == "cuda" else "cpu.txt"), cache=cache)
