import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from training.tasks.losses import (
    pair_contrast,
    queue_contrast,
    relational_angle,
    relational_distance,
    score_divergence,
    symmetric_info_nce,
)


def unit(*angles_degrees: float) -> torch.Tensor:
    return torch.tensor([[math.cos(math.radians(a)), math.sin(math.radians(a))] for a in angles_degrees])


def test_by_hand_two_orthogonal_pairs() -> None:
    loss = symmetric_info_nce(unit(0, 90), unit(0, 90), temperature=1.0)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))


def test_no_information_costs_the_logarithm_of_the_batch() -> None:
    same = unit(30, 30, 30, 30)
    assert float(symmetric_info_nce(same, same, temperature=0.07)) == pytest.approx(math.log(4))


def test_equals_a_naive_version() -> None:
    generator = torch.Generator().manual_seed(0)
    photo, sketch = (torch.nn.functional.normalize(torch.randn(5, 8, generator=generator), dim=1) for _ in range(2))
    total = 0.0
    for queries, keys in ((photo, sketch), (sketch, photo)):
        for i in range(5):
            exponentials = [math.exp(float(queries[i] @ key) / 0.07) for key in keys]
            total -= math.log(exponentials[i] / sum(exponentials))
    assert float(symmetric_info_nce(photo, sketch, temperature=0.07)) == pytest.approx(total / 10, rel=1e-4)


def test_autocast_does_not_coarsen_the_similarities() -> None:
    generator = torch.Generator().manual_seed(0)
    close = torch.nn.functional.normalize(1 + 0.01 * torch.randn(6, 32, generator=generator), dim=1)
    exact = symmetric_info_nce(close, close, temperature=0.01)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(symmetric_info_nce(close, close, temperature=0.01), exact)


def test_it_is_symmetric() -> None:
    one, other = unit(0, 80, 170), unit(10, 60, 200)
    forward = symmetric_info_nce(one, other, temperature=0.1, label_smoothing=0.1)
    assert float(forward) == pytest.approx(float(symmetric_info_nce(other, one, temperature=0.1, label_smoothing=0.1)))


@pytest.mark.parametrize(("photo", "sketch"), [((4, 8), (4, 1)), ((4, 8), (3, 8)), ((8,), (8,))])
def test_shapes_that_would_broadcast_are_refused(photo: tuple[int, ...], sketch: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected both"):
        symmetric_info_nce(torch.ones(photo), torch.ones(sketch), temperature=0.07)


def random_unit(count: int, dim: int, seed: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def unmasked(batch: int, queue: int) -> torch.Tensor:
    return torch.zeros(batch, queue, dtype=torch.bool)


def test_queue_contrast_by_hand_one_orthogonal_negative() -> None:
    loss = queue_contrast(unit(0), unit(0), unit(90), unmasked(1, 1), temperature=1.0)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)))


def test_queue_contrast_equals_a_naive_version_with_masks_and_smoothing() -> None:
    query, key, queue = random_unit(3, 8, 0), random_unit(3, 8, 1), random_unit(5, 8, 2)
    masked = unmasked(3, 5)
    masked[0, 2] = masked[2, :4] = True
    total = 0.0
    for i in range(3):
        keys = [key[i], *(queue[j] for j in range(5) if not masked[i, j])]
        exponentials = [math.exp(float(query[i] @ one) / 0.07) for one in keys]
        shares = [value / sum(exponentials) for value in exponentials]
        total -= 0.9 * math.log(shares[0]) + 0.1 * sum(math.log(share) for share in shares) / len(shares)
    loss = queue_contrast(query, key, queue, masked, temperature=0.07, label_smoothing=0.1)
    assert float(loss) == pytest.approx(total / 3, rel=1e-4)


def test_queue_contrast_with_nothing_queued_costs_nothing_and_has_no_bad_gradient() -> None:
    query = random_unit(2, 4, 0).requires_grad_()
    loss = queue_contrast(query, random_unit(2, 4, 1), random_unit(3, 4, 2), ~unmasked(2, 3), temperature=0.07)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(query.grad, torch.zeros_like(query))


@pytest.mark.parametrize(
    ("query", "key", "queue", "masked"),
    [((4, 8), (4, 1), (6, 8), (4, 6)), ((4, 8), (4, 8), (6, 1), (4, 6)), ((4, 8), (4, 8), (6, 8), (1, 6))],
)
def test_queue_contrast_refuses_shapes_that_would_broadcast(
    query: tuple[int, ...], key: tuple[int, ...], queue: tuple[int, ...], masked: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        queue_contrast(torch.ones(query), torch.ones(key), torch.ones(queue), torch.zeros(masked) > 0, temperature=1.0)


def test_relational_distance_by_hand() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0]])  # distances 1, 3, 2, mean 2
    even = torch.tensor([[0.0, 0.0], [2.0, 0.0], [1.0, math.sqrt(3)]])  # all distances equal
    assert float(relational_distance(line, even)) == pytest.approx((0.5**2 / 2 + 0.5**2 / 2 + 0) / 3)


def test_relational_terms_ignore_scale_rotation_and_dimension() -> None:
    teacher = random_unit(6, 5, 0)
    turned = 3 * teacher @ torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1)))[0]
    student = torch.nn.functional.pad(turned, (0, 4))
    assert float(relational_distance(student, teacher)) == pytest.approx(0, abs=1e-9)
    assert float(relational_angle(student, teacher)) == pytest.approx(0, abs=1e-9)


def test_relational_angle_equals_a_naive_version() -> None:
    student, teacher = random_unit(5, 4, 0), random_unit(5, 7, 1)

    def cosine(vectors: torch.Tensor, i: int, j: int, k: int) -> float:
        one, other = vectors[i] - vectors[j], vectors[k] - vectors[j]
        return float(one @ other / (one.norm() * other.norm()))

    losses = []
    for i, j, k in itertools.permutations(range(5), 3):
        difference = abs(cosine(student, i, j, k) - cosine(teacher, i, j, k))
        losses.append(difference**2 / 2 if difference < 1 else difference - 0.5)
    assert float(relational_angle(student, teacher)) == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_relational_terms_have_finite_gradients_where_vectors_coincide() -> None:
    student = random_unit(2, 4, 0).repeat(2, 1).requires_grad_()
    (relational_distance(student, random_unit(4, 4, 1)) + relational_angle(student, random_unit(4, 4, 1))).backward()
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("loss", [relational_distance, relational_angle])
def test_relational_terms_refuse_sets_that_do_not_correspond(loss: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="expected"):
        loss(torch.ones(4, 3), torch.ones(5, 3))
    with pytest.raises(ValueError, match="expected"):
        loss(torch.ones(1, 3), torch.ones(1, 3))


def test_the_contrast_of_given_scores_is_that_of_the_vectors_behind_them() -> None:
    photo, sketch = (F.normalize(torch.randn(5, 8), dim=1) for _ in range(2))
    expected = symmetric_info_nce(photo, sketch, temperature=0.1, label_smoothing=0.1)
    actual = pair_contrast(photo @ sketch.T, temperature=0.1, label_smoothing=0.1)
    torch.testing.assert_close(actual, expected)


def test_the_divergence_of_scores_matches_values_computed_by_hand() -> None:
    teacher, student = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.zeros(2, 2)
    p = 1 / (1 + math.exp(-2.0))  # of the two unlike choices; the others are even in both
    kl = p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p))
    assert score_divergence(student, teacher, temperature=1.0).item() == pytest.approx(kl / 2, rel=1e-5)
    assert score_divergence(teacher, teacher, temperature=0.07).item() == pytest.approx(0.0, abs=1e-6)


def test_only_square_scores_are_compared() -> None:
    with pytest.raises(ValueError, match=r"expected \(B, B\)"):
        pair_contrast(torch.zeros(2, 3), temperature=1.0)
    with pytest.raises(ValueError, match=r"expected \(B, B\)"):
        score_divergence(torch.zeros(2, 2), torch.zeros(3, 3), temperature=1.0)
