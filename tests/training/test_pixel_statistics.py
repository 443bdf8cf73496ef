from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_config import TOY

from training.cli.arguments import create_parser
from training.cli.commands import read_config
from training.pixel_statistics import with_pixel_statistics
from training.run import train_stages

HALF = (0.5, 0.5, 0.5)
SIGLIP = replace(TOY, backbone="vit_base_patch16_siglip_224", weights="pretrained")


def test_the_mean_and_std_are_those_of_the_weights_and_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    preprocessing = with_pixel_statistics(SIGLIP).preprocessing
    assert (preprocessing.mean, preprocessing.std) == (HALF, HALF)
    assert "mean (0.5, 0.5, 0.5)" in capsys.readouterr().err


def test_random_weights_have_none() -> None:
    assert with_pixel_statistics(replace(SIGLIP, weights="random")) == replace(SIGLIP, weights="random")


def test_what_was_set_on_the_command_line_stays() -> None:
    given = [
        "run",
        "--recipe",
        "qmul-shoes",
        "--data",
        "d",
        "--out",
        "o",
        "--set",
        "preprocessing.mean=[0.1, 0.2, 0.3]",
    ]
    config = read_config(create_parser().parse_args(given))
    assert with_pixel_statistics(config).preprocessing.mean == (0.1, 0.2, 0.3)


def test_a_run_that_starts_from_another_has_its_mean_and_std(dataset: Path, tmp_path: Path) -> None:
    preprocessing = replace(TOY.preprocessing, mean=HALF, std=HALF)
    train_stages(
        replace(TOY, epochs=1, preprocessing=preprocessing), data=dataset, out=tmp_path, device=torch.device("cpu")
    )
    config = replace(TOY, weights="pretrained", start=str(tmp_path / "baseline/checkpoint"))
    assert with_pixel_statistics(config).preprocessing.mean == HALF
