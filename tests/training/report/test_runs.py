from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.tensorboard import SummaryWriter
from toy_config import TOY

from training.data.dataset import read_split
from training.evaluation.evaluate import evaluate
from training.loop.checkpoint import read_progress, trained_categories
from training.report.runs import Curve, epochs_to_converge, loss_terms, read_curves, read_run
from training.run import export_run, train_stages
from training.stages import load_task, torch_embed

CPU = torch.device("cpu")
CONFIG = replace(TOY, embedding_dim=16, validation_share=0.25)


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "two-tower"
    train_stages(CONFIG, data=dataset, out=out, device=CPU)
    return out


def test_a_runs_numbers_are_the_evaluators(dataset: Path, trained: Path) -> None:
    split = read_split(dataset, "test")
    run = read_run(trained, split, name="a run", device=CPU)
    task, _ = load_task(trained, "baseline", num_categories=1)
    expected = evaluate(torch_embed(task, CPU), split, CONFIG.preprocessing)
    assert run.evaluation.summary == expected.summary
    assert run.evaluation.query_ranks.tolist() == expected.query_ranks.tolist()
    np.testing.assert_allclose(
        np.einsum("qd,nd->qn", run.evaluation.sketch_embeddings, run.evaluation.photo_embeddings),
        expected.scores,
        atol=1e-5,
    )


def test_the_curves_are_what_the_loop_logged(dataset: Path, trained: Path) -> None:
    run = read_run(trained, read_split(dataset, "test"), name="a run", device=CPU)
    measured = read_progress(trained / "baseline/checkpoint").metrics
    assert run.validation_accuracy is not None
    assert run.validation_accuracy.epochs.tolist() == [1, 2]
    assert run.validation_accuracy.values[-1] == pytest.approx(measured["acc@1"], abs=1e-3)
    assert loss_terms(run.curves["baseline"]) == ["total"]


def test_only_epochs_that_were_measured_are_points_of_the_accuracy(dataset: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=5, checkpoint_epochs=2, warmup_share=0.3)
    train_stages(config, data=dataset, out=tmp_path, device=CPU)
    run = read_run(tmp_path, read_split(dataset, "test"), name="a run", device=CPU)
    assert run.validation_accuracy is not None
    assert run.validation_accuracy.epochs.tolist() == [2, 4, 5]


def test_a_bundle_of_the_same_training_is_what_is_evaluated(dataset: Path, trained: Path) -> None:
    export_run(trained, data=dataset, name="toy", trained={"minutes": 3})
    run = read_run(trained, read_split(dataset, "test"), name="a run", device=CPU)
    assert run.source.startswith("bundle, photo ")
    assert run.info["minutes"] == 3
    assert run.evaluation.summary["bundle"] == "toy"


def test_a_bundle_of_another_training_is_not(dataset: Path, trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    train_stages(replace(CONFIG, epochs=1), data=dataset, out=other, device=CPU)
    export_run(trained, data=dataset, name="toy", trained={})
    (other / "bundle").symlink_to(trained / "bundle")
    run = read_run(other, read_split(dataset, "test"), name="a run", device=CPU)
    assert run.source == "checkpoint, fp32 in torch"
    assert run.info == {}


def test_of_a_step_logged_twice_by_a_resumed_run_the_later_value_counts(tmp_path: Path) -> None:
    for values in ((4.0, 3.0), (2.5, 2.0)):
        with SummaryWriter(str(tmp_path)) as board:
            for step, value in enumerate(values, start=len(values) - (values[0] == 4.0)):
                board.add_scalar("total", value, step * 10)
    curve = read_curves(tmp_path, steps_per_epoch=10)["total"]
    assert curve.epochs.tolist() == [1, 2, 3]
    assert curve.values.tolist() == [4.0, 2.5, 2.0]


def test_without_a_log_there_are_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path / "none", steps_per_epoch=1) == {}


def test_a_run_has_converged_at_the_first_epoch_near_its_best() -> None:
    values = np.array([10.0, 37.9, 38.0, 20.0, 40.0])
    assert epochs_to_converge(Curve(np.arange(1.0, 6), values)) == 3


def test_losses_are_told_from_metrics_and_a_single_term_from_several() -> None:
    nothing = Curve(np.zeros(0), np.zeros(0))
    names = ["angle", "distance", "total", "acc@1", "mAP", "rate", "probe_matched", "images_per_second", "mean_rank"]
    assert loss_terms(dict.fromkeys(names, nothing)) == ["total", "angle", "distance"]
    assert loss_terms(dict.fromkeys(names[1:], nothing)) == ["total"]


@pytest.mark.parametrize(("category_weight", "expected"), [(0.0, 1), (1.0, 3)])
def test_a_checkpoint_knows_its_categories(
    category_weight: float, expected: int, dataset: Path, tmp_path: Path
) -> None:
    manifest = (dataset / "manifest.json").read_text().replace('"shape"', '"circle"', 1)
    manifest = manifest.replace('"shape"', '"square"', 1).replace('"photo": "', f'"photo": "{dataset}/')
    for index in range(24):
        for number in range(2):
            manifest = manifest.replace(f'"{index}_{number}.png"', f'"{dataset}/{index}_{number}.png"')
    (tmp_path / "manifest.json").write_text(manifest)
    config = replace(CONFIG, category_weight=category_weight, epochs=1, validation_share=0.0)
    train_stages(config, data=tmp_path, out=tmp_path / "run", device=CPU)
    assert trained_categories(tmp_path / "run/baseline/checkpoint") == expected
