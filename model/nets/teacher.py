"""XModalViT's teacher: two vision transformers and the cross-modal attention blocks that fuse them.

B batch, M photos, N sketches, L patch tokens, D embedding dimension of the transformers.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from model.bundle import MODALITIES, Modality
from model.nets.backbone import create_backbone
from model.nets.cpu import in_pieces


@dataclass(frozen=True)
class Tokens:
    """The output of a transformer for images, after its final norm.

    Attributes:
        cls: (B, D), the CLS token.
        patches: (B, L, D), the patch tokens; they pass through all fusion blocks unchanged.
    """

    cls: Tensor
    patches: Tensor

    def __getitem__(self, rows: Tensor) -> "Tokens":
        """Some of the images, or the same in another order."""
        return Tokens(self.cls[rows], self.patches[rows])


class CrossModalAttention(nn.Module):
    """One modality's half of an XMA block: its CLS token is rewritten from the other modality's patches.

    q = MT(cls); u = q + MHA(LN([q; patches]))[0]; cls' = CMP(u)   (XModalViT, arXiv 2210.10486, model figure)
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        """Args: dim, D; num_heads, which must divide it."""
        super().__init__()
        self.modality_transformation = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, num_heads, batch_first=True)
        self.projector = nn.Linear(dim, dim)

    def forward(self, cls: Tensor, patches: Tensor) -> Tensor:
        """The new CLS token, (B, D).

        Args:
            cls: (B, D), of this modality.
            patches: (B, L, D), of the other modality.
        """
        query = self.modality_transformation(cls)[:, None]
        sequence = self.norm(torch.cat([query, patches], dim=1))
        # Only the first row of the attention is used, so only that row is asked for.
        attended, _ = self.attention(sequence[:, :1], sequence, sequence, need_weights=False)
        fused: Tensor = self.projector((query + attended)[:, 0])
        return fused

    def forward_pairs(self, cls: Tensor, patches: Tensor) -> Tensor:
        """As `forward` for every pair of one of M images with one of N images of the other modality.

        The norm and the projections of a patch do not depend on who looks at it, so they are computed once for each
        image: all pairs of a batch cost little more than its matching ones.

        Args:
            cls: (M, N, D), this modality's token in each pair.
            patches: (N, L, D), of the other modality.

        Returns:
            (M, N, D).
        """
        heads, attention = self.attention.num_heads, self.attention
        query = self.modality_transformation(cls)
        own, other = self.norm(query), self.norm(patches)
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        asked, own_key, own_value = (
            part.reshape(*part.shape[:-1], heads, -1)
            for part in nn.functional.linear(own, weight, bias).chunk(3, dim=-1)
        )
        dim = own.shape[-1]
        key, value = (
            part.reshape(*part.shape[:-1], heads, -1)
            for part in nn.functional.linear(other, weight[dim:], bias[dim:]).chunk(2, dim=-1)
        )
        likeness = torch.einsum("mnhd,nlhd->mnhl", asked, key)
        likeness = torch.cat([(asked * own_key).sum(dim=-1, keepdim=True), likeness], dim=-1)
        shares = torch.softmax(likeness / asked.shape[-1] ** 0.5, dim=-1).to(value.dtype)
        attended = torch.einsum("mnhl,nlhd->mnhd", shares[..., 1:], value) + shares[..., :1] * own_value
        fused: Tensor = self.projector(query + attention.out_proj(attended.flatten(-2)))
        return fused

    @torch.no_grad()
    def start_as_identity(self) -> None:
        """Lets training start from cls' = cls: both linear layers the identity, and attention adding nothing yet."""
        for linear in (self.modality_transformation, self.projector):
            nn.init.eye_(linear.weight)
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.attention.out_proj.weight)
        nn.init.zeros_(self.attention.out_proj.bias)


class CrossModalBlock(nn.Module):
    """An XMA block: both halves see the incoming CLS tokens, so neither modality comes first."""

    def __init__(self, dim: int, num_heads: int) -> None:
        """Args: dim, D; num_heads, which must divide it."""
        super().__init__()
        self.halves = nn.ModuleDict({modality: CrossModalAttention(dim, num_heads) for modality in MODALITIES})

    def forward(self, photo: Tokens, sketch: Tokens) -> tuple[Tokens, Tokens]:
        """Rewrites both CLS tokens."""
        photo_cls = self.halves["photo"](photo.cls, sketch.patches)
        sketch_cls = self.halves["sketch"](sketch.cls, photo.patches)
        return Tokens(photo_cls, photo.patches), Tokens(sketch_cls, sketch.patches)

    def forward_pairs(
        self, photo_cls: Tensor, sketch_cls: Tensor, photo_patches: Tensor, sketch_patches: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Rewrites both CLS tokens, each (M, N, D), of all pairs of M photos and N sketches."""
        photo_half, sketch_half = (self.halves[modality] for modality in MODALITIES)
        assert isinstance(photo_half, CrossModalAttention)
        assert isinstance(sketch_half, CrossModalAttention)
        by_sketch = sketch_half.forward_pairs(sketch_cls.transpose(0, 1), photo_patches)
        return photo_half.forward_pairs(photo_cls, sketch_patches), by_sketch.transpose(0, 1)


class Teacher(nn.Module):
    """The modality fusion network: a transformer for each modality, then N XMA blocks.

    As published the transformers share no weights. How the blocks begin the paper's figure leaves open.
    """

    def __init__(
        self,
        backbone: str,
        *,
        image_size_px: int,
        weights: str | Path,
        num_blocks: int,
        num_heads: int,
        shared_encoder: bool = False,
        start_unfused: bool = False,
    ) -> None:
        """Builds the network.

        Args:
            backbone: a timm vision transformer with a CLS token.
            image_size_px: side of the square input.
            weights: as for a student's backbone.
            num_blocks: N; 0 leaves the modalities unfused.
            num_heads: of every XMA block; must divide the transformer's dimension.
            shared_encoder: one transformer for both modalities.
            start_unfused: the blocks start as the identity, so that fused scores are at first those of the CLS tokens
                before fusion, instead of what random layers make of them.

        Raises:
            ValueError: the backbone has no CLS token, its weights cannot be had, or the heads do not divide D.
        """
        super().__init__()
        self.backbones = nn.ModuleDict(
            {
                name: create_backbone(backbone, image_size_px=image_size_px, weights=weights, option="--teacher-init")
                for name in (("shared",) if shared_encoder else MODALITIES)
            }
        )
        dim, self._num_prefix_tokens = _cls_dimension(self.backbone("photo"), backbone)
        if dim % num_heads:
            raise ValueError(f"num_heads is {num_heads}; expected a divisor of {backbone}'s dimension {dim}.")
        self.dim = dim
        self.blocks = nn.ModuleList(CrossModalBlock(dim, num_heads) for _ in range(num_blocks))
        if start_unfused:
            for module in self.blocks.modules():
                if isinstance(module, CrossModalAttention):
                    module.start_as_identity()

    def backbone(self, modality: Modality) -> nn.Module:
        """The transformer of a modality; the same object for both when it is shared."""
        return self.backbones["shared" if "shared" in self.backbones else modality]

    def encode(self, modality: Modality, images: Tensor) -> Tokens:
        """Tokens of one modality's images before any fusion: (B, 3, S, S) -> (B, D) and (B, L, D)."""
        tokens = in_pieces(self.backbone(modality).forward_features, images)  # type: ignore[arg-type]
        return Tokens(tokens[:, 0], tokens[:, self._num_prefix_tokens :])

    def fuse(self, photo: Tokens, sketch: Tokens) -> tuple[Tensor, Tensor]:
        """The targets of the students for pairs of a photo and a sketch.

        Args:
            photo: of `encode`.
            sketch: of `encode`; row i is fused with row i of `photo`.

        Returns:
            t_p and t_s, each (B, D) float32, unit norm.
        """
        for block in self.blocks:
            photo, sketch = block(photo, sketch)
        return unit_norm(photo.cls), unit_norm(sketch.cls)

    def score_pairs(self, photo: Tokens, sketch: Tokens) -> Tensor:
        """Scores each photo and each sketch once they are fused: t_p · t_s of that very pair.

        Args:
            photo: of `encode`, M photos.
            sketch: of `encode`, N sketches.

        Returns:
            (M, N) float32 from -1 to 1.
        """
        photo_cls = photo.cls[:, None].expand(-1, len(sketch.cls), -1)
        sketch_cls = sketch.cls[None].expand(len(photo.cls), -1, -1)
        for block in self.blocks:
            assert isinstance(block, CrossModalBlock)
            photo_cls, sketch_cls = block.forward_pairs(photo_cls, sketch_cls, photo.patches, sketch.patches)
        return (unit_norm(photo_cls) * unit_norm(sketch_cls)).sum(dim=-1)


def unit_norm(vectors: Tensor) -> Tensor:
    """(B, D) -> (B, D) float32 of length 1."""
    return nn.functional.normalize(vectors.float(), dim=-1)


def _cls_dimension(backbone: nn.Module, name: str) -> tuple[int, int]:
    """D and the number of tokens before the first patch."""
    if getattr(backbone, "cls_token", None) is None or not hasattr(backbone, "num_prefix_tokens"):
        raise ValueError(
            f"The teacher's backbone {name!r} has no CLS token; choose a vision transformer, such as vit_*."
        )
    return int(backbone.embed_dim), int(backbone.num_prefix_tokens)  # type: ignore[arg-type]
