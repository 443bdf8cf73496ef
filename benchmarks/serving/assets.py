"""What the other contenders need of a bundle and a gallery: embeddings, photo ids, preprocessing, PyTorch weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.folder_gallery import Gallery, open_gallery
from model.bundle import Bundle

_ROWS_AT_ONCE = 50_000


def write_assets(bundle: Bundle, gallery: Path, *, precision: str, folder: Path) -> None:
    """Writes `config.json`, `embeddings.npy`, `photo_ids.json` and `weights.safetensors` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    backbone = str(bundle.info["config"]["backbone"])
    side = bundle.preprocessing.image_size_px
    config = {
        "onnx": str(bundle.encoder_path("sketch", precision).resolve()),
        "embedding_dim": bundle.embedding_dim,
        "preprocessing": bundle.preprocessing.to_dict(),
        "backbone": backbone,
        "backbone_options": {"img_size": side} if "deit" in backbone or "vit" in backbone else {},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with open_gallery(gallery, bundle=bundle) as opened:
        np.save(folder / "embeddings.npy", _embeddings(opened))
        rows = opened.query("SELECT photo_id FROM items ORDER BY row")
        (folder / "photo_ids.json").write_text(json.dumps([photo_id for (photo_id,) in rows]))
    _write_weights(bundle, config, folder)


def _embeddings(gallery: Gallery) -> NDArray[np.float32]:
    starts = range(0, gallery.size, _ROWS_AT_ONCE)
    return np.concatenate(
        [gallery.embeddings_between(start, min(start + _ROWS_AT_ONCE, gallery.size)) for start in starts]
    )


def _write_weights(bundle: Bundle, config: dict[str, Any], folder: Path) -> None:
    from benchmarks.serving.torch_weights import (
        torch_weights,
    )  # imports torch, which a synthetic gallery need not wait for

    torch_weights(bundle.encoder_path("sketch", "fp32"), config, target=folder / "weights.safetensors")
