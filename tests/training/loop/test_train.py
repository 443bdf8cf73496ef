import pytest
import torch

from training.config.run import TrainConfig
from training.loop.train import one_cycle


@pytest.mark.parametrize(("steps", "share"), [(10, 0.1), (2, 0.5), (20, 0.05), (1, 0.1), (3, 0.0), (50, 0.1)])
def test_every_length_of_training_has_a_schedule_that_learns(steps: int, share: float) -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = one_cycle(optimiser, TrainConfig("toy", learning_rate=1.0, warmup_share=share), total_steps=steps)
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    assert max(rates) >= 0.5
    assert len(rates) == steps
