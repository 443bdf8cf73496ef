"""The encoder bundle: a folder of ONNX encoders and a `bundle.json` that says how to use them and how good they are."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from model.errors import BundleError
from model.from_json import from_json
from model.preprocess import Preprocessing
from model.seal import SEAL, break_seal, sealed_text

Modality = Literal["photo", "sketch"]
MODALITIES: tuple[Modality, ...] = ("photo", "sketch")
FORMAT_VERSION = 1
MANIFEST = "bundle.json"


@dataclass(frozen=True)
class EncoderFile:
    """One ONNX file of a bundle.

    Attributes:
        file: name within the bundle's folder, never a path out of it.
        sha256: hex digest of its bytes.
        accuracy_lost: points of acc@1 on the validation split that this precision loses against fp32; None when the
            bundle was exported without a validation split.
    """

    file: str
    sha256: str
    accuracy_lost: float | None = None

    def __post_init__(self) -> None:
        if self.file in ("", ".", "..") or self.file != Path(self.file).name:
            raise BundleError(
                f"The bundle names the file {self.file!r}; expected a name within its folder, export it again."
            )


@dataclass(frozen=True)
class Bundle:
    """Two encoders into one space, the preprocessing they were trained with, and where they come from.

    Attributes:
        path: the bundle's folder.
        name: a short name for people.
        embedding_dim: D, the length of an embedding.
        preprocessing: how an image becomes the encoders' input.
        encoders: modality -> precision ("fp32", "int8", ...) -> file. A shared encoder is one file named twice.
        default_precisions: modality -> the precision that serves it best on a CPU.
        info: where and how it was trained, with which measured accuracy; for people and reports.
    """

    path: Path
    name: str
    embedding_dim: int
    preprocessing: Preprocessing
    encoders: Mapping[Modality, Mapping[str, EncoderFile]]
    default_precisions: Mapping[Modality, str]
    info: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hex sha256 over everything that decides an embedding: preprocessing and the encoders' hashes."""
        decisive = self.to_dict()
        for cosmetic in ("name", "info"):
            decisive.pop(cosmetic)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def precisions(self, modality: Modality) -> tuple[str, ...]:
        """The precisions this bundle holds for a modality."""
        return tuple(self.encoders[modality])

    def default_precision(self, modality: Modality) -> str:
        """The precision to use where nobody asks for one."""
        return self.default_precisions[modality]

    def encoder_path(self, modality: Modality, precision: str) -> Path:
        """The ONNX file for a modality.

        Raises:
            BundleError: the bundle does not hold this precision.
        """
        if precision not in self.encoders[modality]:
            held = ", ".join(self.precisions(modality))
            raise BundleError(
                f"Bundle {self.name} has no {precision} {modality} encoder; it holds {held}. Ask for one of these."
            )
        return self.path / self.encoders[modality][precision].file

    def to_dict(self) -> dict[str, Any]:
        """The content of `bundle.json`."""
        return {
            "format_version": FORMAT_VERSION,
            "name": self.name,
            "embedding_dim": self.embedding_dim,
            "preprocessing": self.preprocessing.to_dict(),
            "encoders": {
                modality: {precision: vars(file) for precision, file in files.items()}
                for modality, files in self.encoders.items()
            },
            "default_precisions": dict(self.default_precisions),
            "info": dict(self.info),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, path: Path) -> Self:
        """Reads the content of `bundle.json` for the folder `path`.

        Raises:
            BundleError: another format version, or a field is missing.
        """
        version = values.get("format_version")
        if version != FORMAT_VERSION:
            raise BundleError(
                f"The bundle {path} has format version {version}; this release reads version {FORMAT_VERSION}. "
                "Export it again with this release."
            )
        try:
            return cls(
                path=path,
                name=values["name"],
                embedding_dim=int(values["embedding_dim"]),
                preprocessing=Preprocessing.from_dict(values["preprocessing"]),
                encoders={
                    modality: from_json(dict[str, EncoderFile], values["encoders"][modality]) for modality in MODALITIES
                },
                default_precisions={modality: values["default_precisions"][modality] for modality in MODALITIES},
                info=values["info"],
            )
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"The bundle {path} is incomplete: {error} in {MANIFEST}; export it again.") from error


def read_bundle(path: Path) -> Bundle:
    """Reads and verifies a bundle.

    Args:
        path: the bundle's folder.

    Returns:
        The bundle; its files exist and have the hashes that its manifest states.

    Raises:
        BundleError: there is no bundle, it is of another version, or a file is missing or altered.
    """
    try:
        values = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"There is no encoder bundle at {path} (no {MANIFEST} in it); give the bundle folder that "
            "`python -m training` wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise BundleError(f"The manifest of bundle {path} cannot be read ({error}); export it again.") from error
    if not isinstance(values, dict):
        raise BundleError(f"The manifest of the bundle {path} is not a JSON object; export it again.")
    if not break_seal(values):
        raise BundleError(
            f"The manifest of bundle {path} is damaged: its content is not what was sealed; copy or export the bundle "
            f"again, or take the line {SEAL!r} out of {MANIFEST} if you changed it on purpose."
        )
    bundle = Bundle.from_dict(values, path=path)
    for file in {file.file: file for files in bundle.encoders.values() for file in files.values()}.values():
        _verify(path / file.file, file.sha256)
    return bundle


def write_manifest(bundle: Bundle) -> None:
    """Writes `bundle.json` into the bundle's folder; call it last, when all encoders are in place."""
    aside = bundle.path / (MANIFEST + ".partial")
    aside.write_text(sealed_text(bundle.to_dict()), encoding="utf-8")
    aside.replace(bundle.path / MANIFEST)


def default_bundle_path() -> Path:
    """The demo bundle that comes with the package, trained from scratch on the procedural catalogue."""
    return Path(__file__).parent / "demo_bundle"


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _verify(path: Path, expected: str) -> None:
    try:
        actual = file_sha256(path)
    except OSError as error:
        raise BundleError(f"The bundle file {path} cannot be read ({error.strerror}); export it again.") from error
    if actual != expected:
        raise BundleError(
            f"The bundle file {path} is damaged: its sha256 is {actual[:12]}…, expected {expected[:12]}…; "
            "copy or export the bundle again."
        )
