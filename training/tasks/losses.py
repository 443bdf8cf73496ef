"""Losses as pure functions of embeddings, with their shapes checked: nothing here broadcasts by accident.

All of them leave autocast: in bfloat16 the cosines of neighbours, close to 1 at the start, could not be told apart.
"""

# B batch, D embedding dimension, Q keys in the queue, M = photos and sketches of a batch together

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
    _check_same_shape(photo=photo, sketch=sketch)
    with torch.autocast(photo.device.type, enabled=False):
        similarities = photo.float() @ sketch.float().T
    return pair_contrast(similarities, temperature=temperature, label_smoothing=label_smoothing)


def pair_contrast(scores: Tensor, *, temperature: float, label_smoothing: float = 0.0) -> Tensor:
    """InfoNCE over given scores of all pairs, in both directions: photo i belongs to sketch i.

    Args:
        scores: (B, B), photos by sketches.
        temperature: above 0.
        label_smoothing: share of the target spread over the whole batch.

    Returns:
        Scalar.

    Raises:
        ValueError: the scores are not square.
    """
    _check_square(scores=scores)
    with torch.autocast(scores.device.type, enabled=False):
        logits = scores.float() / temperature
        labels = torch.arange(len(scores), device=scores.device)
        forward = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        backward = F.cross_entropy(logits.T, labels, label_smoothing=label_smoothing)
        return (forward + backward) / 2


def score_divergence(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    """How far the student's ranking of a batch is from the teacher's, in both directions.

    The mean of KL(teacher || student) over the rows (which sketch for this photo?) and over the columns (which photo
    for this sketch?), each a softmax of scores / temperature (Hinton et al., arXiv 1503.02531, eq. 1; from a scorer of
    fused pairs to one embedding for each side as in TwinBERT, arXiv 2002.06275).

    Args:
        student: (B, B) scores, photos by sketches.
        teacher: (B, B).
        temperature: above 0, of both.

    Returns:
        Scalar, at least 0.

    Raises:
        ValueError: the scores are not square or differ in shape.
    """
    _check_square(student=student, teacher=teacher)
    with torch.autocast(student.device.type, enabled=False):
        directions = [
            F.kl_div(
                F.log_softmax(student.float() / temperature, dim=dim),
                F.log_softmax(teacher.float() / temperature, dim=dim),
                reduction="sum",
                log_target=True,
            )
            for dim in (1, 0)
        ]
        return torch.stack(directions).mean() / len(student)


def queue_contrast(
    query: Tensor, key: Tensor, queue: Tensor, masked: Tensor, *, temperature: float, label_smoothing: float = 0.0
) -> Tensor:
    """XAQC: InfoNCE of each query with its own key as the positive and a queue of earlier keys as negatives.

        L(q, k+) = -log exp(q·k+/τ) / (exp(q·k+/τ) + Σ_{k in queue} exp(q·k/τ))

    (XModalViT, arXiv 2210.10486, "cross-modal queue contrast"; the queue as in MoCo, arXiv 1911.05722, eq. 1.)

    Args:
        query: (B, D), unit norm.
        key: (B, D), unit norm; row i is the positive of query i. No gradient flows into it here or there: detach it.
        queue: (Q, D), unit norm; Q may be 0.
        masked: (B, Q) bool, True where a queued key is no negative of the query: it shows the same photo.
        temperature: τ, above 0.
        label_smoothing: share of the target spread over all keys that are not masked.

    Returns:
        Scalar; 0 with an empty queue.

    Raises:
        ValueError: a shape does not fit.
    """
    _check_same_shape(query=query, key=key)
    if queue.ndim != 2 or queue.shape[1] != query.shape[1] or masked.shape != (len(query), len(queue)):
        raise ValueError(
            f"Got query {tuple(query.shape)}, queue {tuple(queue.shape)} and mask {tuple(masked.shape)}; "
            "expected (B, D), (Q, D) and (B, Q)."
        )
    with torch.autocast(query.device.type, enabled=False):
        positive = (query.float() * key.float()).sum(dim=1, keepdim=True)
        negative = (query.float() @ queue.float().T).masked_fill(masked, -torch.inf)
        log_shares = F.log_softmax(torch.cat([positive, negative], dim=1) / temperature, dim=1)
        hit = -log_shares[:, 0]
        if not label_smoothing:
            return hit.mean()
        counted = torch.cat([torch.zeros_like(masked[:, :1]), masked], dim=1).logical_not()
        spread = -log_shares.masked_fill(~counted, 0).sum(dim=1) / counted.sum(dim=1)
        return ((1 - label_smoothing) * hit + label_smoothing * spread).mean()


def relational_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """XMRD, distance term: the pairwise distances of the student's set against those of the teacher's.

    Smooth-L1 between the Euclidean distances of all pairs, each set's divided by their mean
    (Park et al., arXiv 1904.05068, eq. 6–8). In XModalViT the set is photos and sketches together.

    Args:
        student: (M, D).
        teacher: (M, E); E may differ from D.

    Returns:
        Scalar, the mean over all pairs.

    Raises:
        ValueError: the sets differ in size or hold fewer than two vectors.
    """
    _check_sets(student, teacher, at_least=2)
    with torch.autocast(student.device.type, enabled=False):
        return F.smooth_l1_loss(_relative_distances(student.float()), _relative_distances(teacher.float()))


def relational_angle(student: Tensor, teacher: Tensor) -> Tensor:
    """XMRD, angle term: the cosine of the angle at the middle vector of every triplet, student against teacher.

    Smooth-L1 (Park et al., arXiv 1904.05068, eq. 9–11), the mean over all triplets of distinct vectors.

    Args:
        student: (M, D).
        teacher: (M, E); E may differ from D.

    Returns:
        Scalar.

    Raises:
        ValueError: the sets differ in size or hold fewer than three vectors.
    """
    _check_sets(student, teacher, at_least=3)
    with torch.autocast(student.device.type, enabled=False):
        size = len(student)
        difference = F.smooth_l1_loss(_angles(student.float()), _angles(teacher.float()), reduction="sum")
        return difference / (size * (size - 1) * (size - 2))


def _relative_distances(vectors: Tensor) -> Tensor:
    """(M, D) -> (M (M - 1) / 2,) distances divided by their mean. `pdist` has a gradient where vectors coincide."""
    distances = F.pdist(vectors)
    return distances / distances.mean().clamp_min(1e-8)


def _angles(vectors: Tensor) -> Tensor:
    """(M, D) -> (M, M, M): [j, i, k] is the cosine of the angle at j between i and k; 0 wherever two coincide."""
    size = len(vectors)
    towards = F.normalize(vectors[None] - vectors[:, None], dim=-1, eps=1e-8)  # [j, i]: unit vector from j to i
    cosines = towards @ towards.transpose(1, 2)
    same = torch.eye(size, dtype=torch.bool, device=vectors.device)
    return cosines.masked_fill(same[None], 0.0)


def _check_same_shape(**tensors: Tensor) -> None:
    (first, a), (second, b) = tensors.items()
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(f"Got {first} {tuple(a.shape)} and {second} {tuple(b.shape)}; expected both (B, D).")


def _check_square(**tensors: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1 or any(len(s) != 2 or s[0] != s[1] for s in shapes.values()):
        raise ValueError(f"Got scores {shapes}; expected (B, B) each.")


def _check_sets(student: Tensor, teacher: Tensor, *, at_least: int) -> None:
    if student.ndim != 2 or teacher.ndim != 2 or len(student) != len(teacher) or len(student) < at_least:
        raise ValueError(
            f"Got student {tuple(student.shape)} and teacher {tuple(teacher.shape)}; expected (M, D) and (M, E) with "
            f"M of at least {at_least}."
        )
