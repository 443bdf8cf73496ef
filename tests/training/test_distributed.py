"""Two processes on one machine against one process: the same losses, gradients and queues for the same batch."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from toy_config import TOY, TOY_TEACHER

from training import distributed
from training.config.xmodalvit import DistillationConfig
from training.data.pairs import Views
from training.stages import create_task
from training.tasks.two_tower import Task

TEACHER = replace(TOY_TEACHER, unfused_weight=1.0)
CONFIG = replace(TOY, teacher=TEACHER, distillation=DistillationConfig(queue_size=6, direct_weight=1.0))
TASKS = {
    "baseline": (
        "baseline",
        replace(CONFIG, teacher=None, category_weight=1.0, intra_weight=0.5),
    ),
    "teacher": ("teacher", CONFIG),
    "teacher of xmodalvit": (
        "teacher",
        replace(
            CONFIG,
            teacher=replace(TEACHER, shared_encoder=True, start_unfused=True, pair_weight=1.0, queue_size=0),
        ),
    ),
    "students": ("students", CONFIG),
}


def views(seed: int, count: int = 5) -> Views:
    generator = torch.Generator().manual_seed(seed)
    photo = torch.randn(count, 3, 32, 32, generator=generator)
    sketch = torch.randn(count, 2, 3, 32, 32, generator=generator)
    item, category = torch.arange(count) + 10 * seed, torch.arange(count) % 3
    return Views(photo, sketch, item=item, category=category)


def two_steps(name: str) -> dict[str, torch.Tensor]:
    """Losses of two batches (the second meets a filled queue), gradients of the last, and the buffers."""
    stage, config = TASKS[name]
    torch.manual_seed(0)
    task: Task = create_task(stage, config, num_categories=3)  # type: ignore[arg-type]
    parallel = distributed.wrap(task)
    results = {}
    for seed in (1, 2):
        task.zero_grad()
        losses = parallel(distributed.own_share(views(seed)))
        torch.stack(list(losses.values())).sum().backward()
        results |= {f"{seed}.{key}": loss.detach() for key, loss in losses.items()}
    gradients = {key: parameter.grad for key, parameter in task.named_parameters() if parameter.grad is not None}
    return results | gradients | {key: buffer for key, buffer in task.named_buffers() if "queues" in key}


def rank(number: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(number), "WORLD_SIZE": "2", "LOCAL_RANK": str(number)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": (Path(folder) / "port").read_text()}
    distributed.start(torch.device("cpu"))
    results = {name: two_steps(name) for name in TASKS}
    if distributed.is_first():
        torch.save(results, Path(folder) / "results.pt")
    distributed.wait_for_all()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("ranks")
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    port = store.port
    del store
    (folder / "port").write_text(str(port))
    mp.spawn(rank, args=(str(folder),), nprocs=2)  # type: ignore[no-untyped-call]
    results: dict[str, dict[str, torch.Tensor]] = torch.load(folder / "results.pt", weights_only=True)
    return results


@pytest.mark.parametrize("name", list(TASKS))
def test_two_processes_compute_what_one_does_on_the_same_batch(
    together: dict[str, dict[str, torch.Tensor]], name: str
) -> None:
    alone = two_steps(name)
    assert set(together[name]) == set(alone)
    for key, expected in alone.items():
        assert torch.allclose(together[name][key], expected, atol=2e-5, rtol=1e-3), key


def test_one_process_by_itself_gathers_and_shares_nothing() -> None:
    batch = views(0)
    assert distributed.own_share(batch) is batch
    assert distributed.gather(batch.photo) is batch.photo
    assert distributed.start(torch.device("cpu")) == torch.device("cpu")
    assert distributed.is_first()
