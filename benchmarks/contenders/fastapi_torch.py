"""The obvious script: FastAPI, PyTorch and FAISS, one file, as one would write it in an afternoon.

The variable ASSETS names a folder (see benchmarks/serving/assets.py), the argument a port. Sketches are prepared by the
project's own code, so that all contenders see the same pixels.
"""

import io
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import faiss
import numpy as np
import timm
import torch
import uvicorn
from fastapi import FastAPI, File, Form, UploadFile
from PIL import Image
from safetensors.torch import load_file

from model.preprocess import Preprocessing, prepare_sketch

assets = Path(os.environ["ASSETS"])
config = json.loads((assets / "config.json").read_text())
preprocessing = Preprocessing.from_dict(config["preprocessing"])


class SketchEncoder(torch.nn.Module):
    def __init__(self, *, features: int, embedding_dim: int) -> None:
        super().__init__()
        self.backbone = timm.create_model(config["backbone"], num_classes=0, **config["backbone_options"])
        self.norm = torch.nn.LayerNorm(features)
        self.projection = torch.nn.Linear(features, embedding_dim)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.projection(self.norm(self.backbone(images))), dim=-1)


weights = load_file(assets / "weights.safetensors")
embedding_dim, features = weights["projection.weight"].shape
encoder = SketchEncoder(features=features, embedding_dim=embedding_dim).eval()
encoder.load_state_dict(weights)
index = faiss.IndexFlatIP(embedding_dim)
index.add(np.load(assets / "embeddings.npy"))
photo_ids = json.loads((assets / "photo_ids.json").read_text())
app = FastAPI()


@app.post("/search")
def search(sketch: Annotated[UploadFile, File()], k: Annotated[int, Form()] = 12) -> dict[str, Any]:
    image = Image.open(io.BytesIO(sketch.file.read())).convert("RGB")
    prepared = torch.from_numpy(prepare_sketch(image, preprocessing))
    with torch.inference_mode():
        embedding = encoder(prepared[None]).numpy()
    scores, rows = index.search(embedding, k)
    pairs = zip(rows[0].tolist(), scores[0].tolist(), strict=True)
    return {"results": [{"photo_id": photo_ids[row], "score": score} for row, score in pairs]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
