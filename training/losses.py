"""Losses as pure functions of embeddings, with their shapes checked: nothing here broadcasts by accident."""

import torch
from torch import Tensor
from torch.nn import functional as F


def symmetric_info_nce(photo: Tensor, sketch: Tensor, *, temperature: float, label_smoothing: float = 0.0) -> Tensor:
    """InfoNCE within a batch, in both directions: row i of one modality belongs to row i of the other.

    The mean of the cross-entropies of photo -> sketch and sketch -> photo over cosine similarities / temperature
    (van den Oord et al., arXiv 1807.03748, eq. 4; symmetric as in CLIP, arXiv 2103.00020, fig. 3).

    Args:
        photo: (B, D), unit norm.
        sketch: (B, D), unit norm.
        temperature: above 0.
        label_smoothing: share of the target spread over the whole batch.

    Returns:
        Scalar.

    Raises:
        ValueError: the shapes differ or are not (B, D).
    """
    if photo.ndim != 2 or photo.shape != sketch.shape:
        raise ValueError(f"Got photo {tuple(photo.shape)} and sketch {tuple(sketch.shape)}; expected both (B, D).")
    # In bfloat16 the cosines of neighbours, close to 1 at the start, could not be told apart.
    with torch.autocast(photo.device.type, enabled=False):
        similarities = photo.float() @ sketch.float().T / temperature
        labels = torch.arange(len(photo), device=photo.device)
        forward = F.cross_entropy(similarities, labels, label_smoothing=label_smoothing)
        backward = F.cross_entropy(similarities.T, labels, label_smoothing=label_smoothing)
        return (forward + backward) / 2
