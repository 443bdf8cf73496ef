import pytest
import torch
from torch import Tensor, nn

from training.loop.duration import duration, seconds_per_step, sentence


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.norm = nn.BatchNorm1d(3)

    def forward(self, rows: Tensor) -> Tensor:
        return (self.norm(rows * self.weight) * torch.rand(3)).sum()


def test_a_trial_leaves_weights_statistics_and_chance_as_they_were() -> None:
    task, calls = Counting().train(), []
    before = {name: value.clone() for name, value in task.state_dict().items()}
    torch.manual_seed(7)
    expected = torch.rand(4)
    torch.manual_seed(7)

    def step(trial: nn.Module, rows: Tensor) -> None:
        calls.append(trial)
        torch.autograd.backward(trial(rows))

    seconds = seconds_per_step(step, task, torch.randn(5, 3), torch.device("cpu"))  # type: ignore[arg-type]
    assert seconds > 0
    assert len(calls) == 3
    assert calls[0] is not task
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())
    assert task.weight.grad is None
    torch.manual_seed(7)
    seconds_per_step(step, task, torch.ones(5, 3), torch.device("cpu"))  # type: ignore[arg-type]
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (40, "40 seconds"), (95, "2 minutes"), (1500, "25 minutes"), (11400, "3 h 10 min")],
)
def test_a_time_is_told_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_sentence_says_how_long_and_how_to_stop() -> None:
    told = sentence("baseline", steps=1000, step_seconds=1.5)
    assert told.startswith("baseline: about 25 minutes from now for 1,000 steps of 1.5 s")
    assert "Ctrl+C" in told
