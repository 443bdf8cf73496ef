"""The encoder that is served: a backbone and a projection into the joint space, the same for both modalities."""

from pathlib import Path

from torch import Tensor, nn

from model.nets.backbone import create_backbone, num_features
from model.nets.cpu import in_pieces, mixes_batch


class EncoderNetwork(nn.Module):
    """A timm backbone, then LayerNorm and Linear into the joint space (XModalViT's student, arXiv 2210.10486)."""

    def __init__(self, backbone: str, *, embedding_dim: int, image_size_px: int, weights: str | Path) -> None:
        """Builds the network.

        Args:
            backbone: a timm model name.
            embedding_dim: D, the dimension of the joint space.
            image_size_px: side of the square input.
            weights: "pretrained" for timm's own weights by name, a path to local weights, or "random".

        Raises:
            ValueError: the weights cannot be had. Nothing ever starts from random weights unless that was asked for.
        """
        super().__init__()
        self.backbone = create_backbone(backbone, image_size_px=image_size_px, weights=weights)
        self._mixes_batch = mixes_batch(self.backbone)
        features = num_features(self.backbone, image_size_px)
        self.norm = nn.LayerNorm(features)
        self.projection = nn.Linear(features, embedding_dim)
        # Orthogonal, so that training starts from the backbone's own similarities instead of a distorted copy.
        nn.init.orthogonal_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)
        self.train()

    def forward(self, images: Tensor) -> Tensor:
        """Embeds images.

        Args:
            images: (B, 3, S, S), prepared by `model.preprocess`.

        Returns:
            (B, D) float32, unit norm.
        """
        whole = self._mixes_batch or not self.training
        features = self.backbone(images) if whole else in_pieces(self.backbone, images)
        embeddings = self.projection(self.norm(features))
        return nn.functional.normalize(embeddings.float(), dim=-1)
