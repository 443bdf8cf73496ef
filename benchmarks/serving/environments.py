"""An environment for each contender, so that none has to live with another's versions: made once, by uv, and kept."""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINNED = ROOT / "benchmarks" / "contenders"


def environment_python(requirements: Path, *, cache: Path) -> Path:
    """The Python of an environment that holds exactly these requirements.

    Args:
        requirements: a file of pinned versions.
        cache: folder for environments; one that was made from the same file is used again.

    Returns:
        The path of its interpreter.
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = cache / f"{requirements.stem}-{digest}"
    python = folder / "bin" / "python"
    complete = folder / ".complete"
    if not complete.exists():
        print(f"Making an environment from {requirements.name} in {folder} …", flush=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", version, str(folder)], check=True)
        install = ["uv", "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)]
        subprocess.run(install, check=True)
        complete.touch()
    return python
