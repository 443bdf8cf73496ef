"""Checks what can be checked of the GPU install without a GPU, in an environment that is deleted afterwards.

    python tools/prove_gpu_install.py

Installs requirements/gpu.txt by hash (about 4 GB, in a temporary folder; needs uv), imports both GPU packages, makes
sure that nothing but the driver is missing for CUDA, that the libraries of CUDA 12 (faiss) and of CUDA 13 (onnxruntime)
cannot be mistaken for each other (needs nm, of binutils), that asking for CUDA is refused in one sentence, and that the
device "auto" warns and goes on with the CPU. With a GPU, tools/prove_gpu.py says the rest.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

IMPORTS = """
import faiss, onnxruntime
import numpy as np
index = faiss.IndexFlatIP(8)
index.add(np.eye(8, dtype=np.float32))
assert index.search(np.eye(8, dtype=np.float32), 1)[1][:, 0].tolist() == list(range(8))
assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
assert hasattr(faiss, "StandardGpuResources")
print(f"faiss {faiss.__version__} and onnxruntime {onnxruntime.__version__} import; {faiss.get_num_gpus()} GPUs")
"""
LIBRARIES = """
import ctypes, warnings
from pathlib import Path
import onnxruntime
from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder
warnings.simplefilter("ignore")
open_encoder(read_bundle(default_bundle_path()), "sketch", device="auto")
folder = Path(onnxruntime.__file__).parent / "capi"
ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
try:
    ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"))
    print("nothing is missing for CUDA")
except OSError as error:
    assert str(error).startswith("libcuda.so.1:"), f"more than the driver is missing: {error}"
    print("nothing but the driver (libcuda.so.1) is missing for CUDA")
"""
# Both packages load a libcurand.so.10, one of CUDA 12 and one of CUDA 13, and the loader knows libraries by that name
# alone. It matters only if something is taken from it; what they take from the others carries the version in its name.
SYMBOLS = """
import re, subprocess
from pathlib import Path
import faiss, onnxruntime
libraries = {
    "12": Path(faiss.__file__).parent / "libfaiss.so",
    "13": Path(onnxruntime.__file__).parent / "capi" / "libonnxruntime_providers_cuda.so",
}
for version, path in libraries.items():
    listed = subprocess.run(["nm", "-D", "--undefined-only", str(path)], capture_output=True, text=True, check=True)
    cuda = re.findall(r"U ((?:cuda|cublas|curand|cudnn|cufft)\\w*)(?:@+(\\S+))?", listed.stdout)
    assert len(cuda) > 40, f"{path.name} takes only {cuda} from CUDA"
    assert not [name for name, _ in cuda if name.startswith("curand")], f"{path.name} uses libcurand"
    wrong = [name for name, library in cuda if not library.endswith(f".so.{version}")]
    assert not wrong, f"{path.name} takes {wrong} from whatever was loaded first"
print("neither uses libcurand, and every function of CUDA is taken from a version by name: any import order will do")
"""
PHOTO = "import sys; from PIL import Image; Image.new('RGB', (64, 64), 'red').save(sys.argv[1])"


def main() -> int:
    """Runs all checks; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            _check(Path(folder))
        except AssertionError as error:
            print(f"FAILED  {error}", file=sys.stderr)
            return 1
    return 0


def _check(folder: Path) -> None:
    python = str(folder / "venv" / "bin" / "python")
    _run("uv", "venv", "--quiet", "--python", sys.executable, str(folder / "venv"), cache=folder)
    requirements = str(ROOT / "requirements" / "gpu.txt")
    _run("uv", "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", requirements, cache=folder)
    print("ok      requirements/gpu.txt resolves and installs by hash")
    for script in (IMPORTS, LIBRARIES, SYMBOLS):
        print(f"ok      {_run(python, '-c', script).strip()}")
    photos = folder / "photos"
    photos.mkdir()
    _run(python, "-c", PHOTO, str(photos / "red.png"))
    command = [python, "-m", "index_builder", "--gallery", str(photos), "--out", str(folder / "gallery")]
    refused = _call(*command, "--device", "cuda")
    if "Published" in refused.stderr:
        print("        this machine has a GPU: the index builder used it")
        return
    sentence = refused.stderr.strip().splitlines()[-1]
    assert refused.returncode == 2, refused.stderr
    assert sentence.startswith("Device cuda was asked for"), refused.stderr
    print(f"ok      --device cuda is refused: {sentence}")
    _run(*command, "--device", "auto")
    print("ok      --device auto goes on with the CPU")


def _run(*command: str, cache: Path | None = None) -> str:
    done = _call(*command, cache=cache)
    assert done.returncode == 0, f"{command[:4]} ended with status {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def _call(*command: str, cache: Path | None = None) -> subprocess.CompletedProcess[str]:
    own_cache = {"UV_CACHE_DIR": str(cache / "cache")} if cache else {}
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **own_cache}, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
