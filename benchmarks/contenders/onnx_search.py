"""What LitServe and Ray Serve serve: the bundle's own ONNX encoder and an exact FAISS index."""

import io
import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import onnxruntime as ort
from PIL import Image

from model.preprocess import Preprocessing, prepare_sketch


class OnnxSearch:
    """From the bytes of a sketch to its results."""

    def __init__(self, assets: Path) -> None:
        config = json.loads((assets / "config.json").read_text())
        self._preprocessing = Preprocessing.from_dict(config["preprocessing"])
        self._session = ort.InferenceSession(config["onnx"], providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._index = faiss.IndexFlatIP(config["embedding_dim"])
        self._index.add(np.load(assets / "embeddings.npy"))
        self._photo_ids = json.loads((assets / "photo_ids.json").read_text())

    def search(self, sketch: bytes, k: int) -> dict[str, Any]:
        """The best k photos."""
        prepared = prepare_sketch(Image.open(io.BytesIO(sketch)).convert("RGB"), self._preprocessing)
        embedding = self._session.run(None, {self._input: prepared[None]})[0]
        scores, rows = self._index.search(embedding, k)
        pairs = zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        return {"results": [{"photo_id": self._photo_ids[row], "score": score} for row, score in pairs]}
