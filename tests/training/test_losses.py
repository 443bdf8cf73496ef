import math

import pytest
import torch

from training.losses import symmetric_info_nce


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
