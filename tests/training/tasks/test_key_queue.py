import pytest
import torch

from training.tasks.key_queue import KeyQueue


def keys(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None].repeat(1, 2)


def filled() -> KeyQueue:
    queue = KeyQueue(4, 2)
    queue.enqueue(keys(0.0, 1.0, 2.0), torch.tensor([10, 11, 12]))
    return queue


def test_the_oldest_keys_leave_first_whatever_the_size_of_the_batch() -> None:
    queue = filled()
    queue.enqueue(keys(3.0, 4.0, 5.0), torch.tensor([13, 14, 15]))
    assert sorted(queue.items.tolist()) == [12, 13, 14, 15]
    assert sorted(queue.keys[:, 0].tolist()) == [2.0, 3.0, 4.0, 5.0]


def test_of_a_batch_larger_than_the_queue_the_last_keys_stay() -> None:
    queue = filled()
    queue.enqueue(keys(*map(float, range(20, 27))), torch.arange(20, 27))
    assert sorted(queue.items.tolist()) == [23, 24, 25, 26]


def test_keys_of_the_same_photo_and_places_not_filled_yet_are_masked() -> None:
    assert filled().mask(torch.tensor([11, 99])).tolist() == [[False, True, False, True], [False, False, False, True]]


def test_its_state_survives_a_checkpoint() -> None:
    queue, restored = filled(), KeyQueue(4, 2)
    restored.load_state_dict(queue.state_dict())
    for one in (queue, restored):
        one.enqueue(keys(7.0, 8.0), torch.tensor([17, 18]))
    assert torch.equal(queue.keys, restored.keys)
    assert torch.equal(queue.items, restored.items)


@pytest.mark.parametrize(("shape", "count"), [((3, 1), 3), ((3, 2), 1), ((2,), 2)])
def test_what_would_have_to_be_broadcast_is_refused(shape: tuple[int, ...], count: int) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, 2\)"):
        filled().enqueue(torch.ones(shape), torch.arange(count))
