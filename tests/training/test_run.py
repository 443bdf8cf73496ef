"""From pairs to a bundle with a toy network: what holds for it holds for the real recipes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from toy_config import TOY

from model.bundle import default_bundle_path, read_bundle
from training.config.run import Augmentation
from training.data.dataset import read_split
from training.data.pairs import PreparedPairs
from training.evaluation.evaluate import evaluate, evaluate_bundle
from training.loop.checkpoint import find_checkpoint, load_weights
from training.loop.train import train
from training.run import run, train_stages
from training.stages import split_validation, torch_embed
from training.tasks.two_tower import TwoTowerTask

CPU = torch.device("cpu")
CONFIG = replace(
    TOY,
    backbone="test_resnet",
    embedding_dim=16,
    epochs=4,
    learning_rate=3e-3,
    augmentation=Augmentation(sketch_warp=0.02, sketch_erase=0.2, grey=0.2),
)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    task = TwoTowerTask(CONFIG, num_categories=1)
    checkpoint = find_checkpoint(folder / "baseline/checkpoint")
    assert checkpoint is not None
    load_weights(checkpoint, task)
    return task.state_dict()


@pytest.fixture(scope="module")
def finished(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    run(CONFIG, data=dataset, out=out, device=CPU, command="by a test")
    return out


def test_a_run_killed_and_resumed_has_the_weights_of_an_uninterrupted_one(
    dataset: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies_in_the_third_epoch(losses: dict[str, float], step: int) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("training.loop.train._check_finite", dies_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            train_stages(CONFIG, data=dataset, out=tmp_path, device=CPU)
    train_stages(CONFIG, data=dataset, out=tmp_path, device=CPU)
    resumed, expected = weights_of(tmp_path), weights_of(finished)
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)


def test_another_configuration_does_not_resume(dataset: Path, finished: Path) -> None:
    with pytest.raises(ValueError, match=r"learning_rate: 0.003 -> 0.5.*another --out"):
        train_stages(replace(CONFIG, learning_rate=0.5), data=dataset, out=finished, device=CPU)


def test_the_bundle_records_where_it_comes_from_and_how_good_it_is(finished: Path) -> None:
    bundle = read_bundle(finished / "bundle")
    assert bundle.info["command"] == "by a test"
    assert bundle.info["trained_on"]["photos"] == 16
    assert bundle.info["accuracy"]["queries"] == 16
    assert max(bundle.info["parity_with_torch"].values()) < 1e-4
    assert {"kept", "acc@1_lost", "speed_up"} <= set(bundle.info["int8"])
    half = bundle.info["fp16"]
    assert half["kept"] == (half["acc@1_lost"] <= 0.5) == ("fp16" in bundle.precisions("sketch"))


def test_a_shared_encoder_is_written_once_and_separate_ones_twice(
    dataset: Path, finished: Path, tmp_path: Path
) -> None:
    shared = read_bundle(finished / "bundle")
    assert shared.encoders["photo"]["fp32"] == shared.encoders["sketch"]["fp32"]
    separate = replace(CONFIG, shared_encoder=False, epochs=1)
    run(separate, data=dataset, out=tmp_path, device=CPU, command="by a test")
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.encoders["photo"]["fp32"].sha256 != bundle.encoders["sketch"]["fp32"].sha256


def test_the_bundle_ranks_as_the_torch_network_does(dataset: Path, finished: Path) -> None:
    split = read_split(dataset, "test")
    task = TwoTowerTask(CONFIG, num_categories=1)
    load_weights(finished / "baseline/checkpoint", task)
    in_torch = evaluate(torch_embed(task, CPU), split, CONFIG.preprocessing)
    through_onnx = evaluate_bundle(read_bundle(finished / "bundle"), split, device="cpu", precision="fp32")
    np.testing.assert_allclose(in_torch.scores, through_onnx.scores, atol=1e-4)
    assert in_torch.query_ranks.tolist() == through_onnx.query_ranks.tolist()


def test_training_learns_what_it_is_shown(dataset: Path, tmp_path: Path) -> None:
    config = replace(
        CONFIG, epochs=60, batch_size=16, augmentation=Augmentation(flip=False, colour=0.0), label_smoothing=0.0
    )
    train_stages(config, data=dataset, out=tmp_path, device=CPU)
    task = TwoTowerTask(config, num_categories=1)
    load_weights(tmp_path / "baseline/checkpoint", task)
    result = evaluate(torch_embed(task, CPU), read_split(dataset, "train"), config.preprocessing)
    assert result.summary["acc@1"] > 60


def test_distractors_enlarge_the_gallery_and_never_help(dataset: Path, finished: Path) -> None:
    split = read_split(dataset, "test")
    bundle = read_bundle(finished / "bundle")
    others = tuple(item.photo for item in read_split(dataset, "train").items)
    alone, crowded = evaluate_bundle(bundle, split), evaluate_bundle(bundle, split, distractors=others)
    assert crowded.summary["gallery"] == alone.summary["gallery"] + 16
    assert (crowded.query_ranks >= alone.query_ranks).all()


def test_the_validation_photos_are_held_out_and_do_not_depend_on_the_seed(dataset: Path) -> None:
    split = read_split(dataset, "train")
    fitting, validation = split_validation(split, replace(CONFIG, validation_share=0.25))
    again, _ = split_validation(split, replace(CONFIG, validation_share=0.25, seed=9))
    assert validation is not None
    assert len(validation.items) == 4
    assert not {item.id for item in fitting.items} & {item.id for item in validation.items}
    assert fitting == again


def test_the_folds_of_a_share_measure_every_photo_once(dataset: Path) -> None:
    whole = read_split(dataset, "train")
    measured: list[str] = []
    for fold in range(4):
        fitting, validation = split_validation(whole, replace(CONFIG, validation_share=0.25, validation_fold=fold))
        assert validation is not None
        assert len(fitting.items) + len(validation.items) == len(whole.items)
        measured += [item.id for item in validation.items]
    assert sorted(measured) == sorted(item.id for item in whole.items)
    with pytest.raises(ValueError, match=r"validation_fold is 4 and validation_share 0\.25"):
        replace(CONFIG, validation_share=0.25, validation_fold=4)


def test_fewer_photos_to_fit_are_part_of_more_and_never_of_the_validation(dataset: Path) -> None:
    whole = read_split(dataset, "train")
    few, more = (replace(CONFIG, validation_share=0.25, fitting_photos=n) for n in (3, 7))
    ids = [{item.id for item in split_validation(whole, config)[0].items} for config in (few, more)]
    assert [len(chosen) for chosen in ids] == [3, 7]
    assert ids[0] < ids[1]
    validation = split_validation(whole, few)[1]
    assert validation == split_validation(whole, replace(CONFIG, validation_share=0.25))[1]
    assert validation is not None
    assert not ids[1] & {item.id for item in validation.items}
    with pytest.raises(ValueError, match=r"fitting_photos is 99, but there are 16 photos"):
        split_validation(whole, replace(CONFIG, fitting_photos=99))


def test_a_loss_that_is_not_a_number_names_the_step(dataset: Path, tmp_path: Path) -> None:
    task = TwoTowerTask(CONFIG, num_categories=1)
    with torch.no_grad():
        task.encoder("sketch").projection.weight.fill_(torch.nan)
    pairs = PreparedPairs(read_split(dataset, "train").items, CONFIG.preprocessing, categories=("shape",))
    with pytest.raises(ValueError, match="contrastive is nan at step 1"):
        train(task, pairs, CONFIG, out=tmp_path, device=CPU, evaluate=lambda _: {})


def test_missing_weights_are_an_error_and_never_a_random_start(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no weights at"):
        TwoTowerTask(replace(CONFIG, weights=str(tmp_path / "gone.safetensors")), num_categories=1)
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), tmp_path / "another.safetensors")
    TwoTowerTask(replace(TOY, weights=str(tmp_path / "another.safetensors")), num_categories=1)  # its own network
    with pytest.raises(ValueError, match=r"not a whole test_resnet: \d+ of its \d+ matrices are not there"):
        TwoTowerTask(replace(CONFIG, weights=str(tmp_path / "another.safetensors")), num_categories=1)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="cannot be loaded"):
        TwoTowerTask(replace(CONFIG, weights=str(broken)), num_categories=1)


def test_an_unknown_backbone_is_refused_with_similar_names() -> None:
    with pytest.raises(ValueError, match="not a timm model"):
        TwoTowerTask(replace(CONFIG, backbone="resnet_of_my_own"), num_categories=1)


def test_the_command_line_prints_one_json_object_last(dataset: Path, finished: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "training",
        "evaluate",
        "--bundle",
        str(finished / "bundle"),
        "--data",
        str(dataset),
        "--against",
        str(finished / "bundle"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["queries"] == 16
    assert summary["against"]["acc@1"] == summary["acc@1"]
    low, high = summary["against"]["acc@1_gained_95"]
    assert low < 0 < high


def test_the_command_line_reports_a_wrong_folder_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "evaluate", "--bundle", str(tmp_path), "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no encoder bundle")
    assert "Traceback" not in done.stderr


def test_a_folder_of_photos_alone_becomes_a_bundle(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for file in dataset.glob("*.jpg"):
        (photos / file.name).write_bytes(file.read_bytes())
    (photos / "broken.jpg").write_bytes(b"not a photo")
    config = replace(CONFIG, epochs=1, pseudo_sketches=2, validation_share=0.0)
    summary = run(config, data=photos, out=tmp_path / "run", device=CPU, command="by a test", report=True)
    assert summary["dataset"] == "photos"
    assert summary["queries"] == 2 * summary["gallery"] > 0
    info = read_bundle(tmp_path / "run/bundle").info
    assert info["trained_on"]["photos"] == 24 - summary["gallery"]
    assert info["expectation"]["gallery"] == 24
    assert "What a customer may expect" in capsys.readouterr().err
    assert info["expectation"]["sentences"][0] in (tmp_path / "run/report/index.html").read_text()


def test_photos_alone_are_not_enough_for_a_recipe_of_pairs(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no dataset at"):
        run(CONFIG, data=dataset / "..", out=tmp_path, device=CPU, command="by a test")


def test_an_exported_file_does_not_tell_where_it_was_made(finished: Path) -> None:
    for folder in (finished / "bundle", default_bundle_path()):
        for file in folder.glob("*.onnx"):
            assert b"site-packages" not in file.read_bytes(), file
