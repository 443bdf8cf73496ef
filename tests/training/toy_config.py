"""Networks and settings small enough for a test; timm's own test models, from random weights."""

from model.preprocess import Preprocessing
from training.config.run import TrainConfig
from training.config.xmodalvit import TeacherConfig

TOY_TEACHER = TeacherConfig(backbone="test_vit", weights="random", num_blocks=1, num_heads=2, queue_size=6)
TOY = TrainConfig(  # a two-tower
    recipe="toy",
    backbone="test_vit",
    weights="random",
    embedding_dim=64,
    preprocessing=Preprocessing(image_size_px=32),
    epochs=2,
    batch_size=8,
    autocast_bf16=False,
)
