from dataclasses import replace

import pytest
import torch
from toy_config import TOY

from training.data.pairs import Views
from training.tasks.two_tower import TwoTowerTask

CONFIG = replace(TOY, backbone="test_resnet", embedding_dim=8, category_weight=0.5, ramp_steps=2)
IMAGES = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
VIEWS = Views(IMAGES, IMAGES.flip(0)[:, None], item=torch.arange(4), category=torch.tensor([0, 1, 2, 0]))


def test_the_contrastive_loss_is_left_out_and_then_rises_over_as_many_steps() -> None:
    task = TwoTowerTask(CONFIG, num_categories=3)
    plain = TwoTowerTask(replace(CONFIG, category_weight=0.0, ramp_steps=0), num_categories=3)
    plain.encoders.load_state_dict(task.encoders.state_dict())
    weights = [task(VIEWS)["contrastive"].item() for _ in range(5)]
    full = plain(VIEWS)["contrastive"].item()
    assert weights == pytest.approx([0.0, 0.0, full / 2, full, full], rel=1e-4)


def test_the_ramp_goes_on_where_a_checkpoint_left_it() -> None:
    task = TwoTowerTask(CONFIG, num_categories=3)
    for _ in range(3):
        task(VIEWS)
    resumed = TwoTowerTask(CONFIG, num_categories=3)
    resumed.load_state_dict(task.state_dict())
    assert int(resumed.step) == 3


def test_without_a_category_weight_there_is_only_the_contrastive_loss() -> None:
    task = TwoTowerTask(replace(CONFIG, category_weight=0.0, ramp_steps=0), num_categories=3)
    assert set(task(VIEWS)) == {"contrastive"}
    assert not any("category" in name for name in task.state_dict())


def test_a_shared_encoder_sees_both_modalities_in_one_batch() -> None:
    task = TwoTowerTask(CONFIG, num_categories=3)
    sizes = []
    task.encoder("photo").register_forward_hook(lambda _module, inputs, _output: sizes.append(len(inputs[0])))
    task(VIEWS)
    assert sizes == [8]


def test_a_ramp_without_categories_is_refused_by_a_message_that_names_both() -> None:
    with pytest.raises(ValueError, match="ramp_steps is 5 but category_weight is 0"):
        replace(CONFIG, category_weight=0.0, ramp_steps=5)


def test_the_intra_modal_term_contrasts_two_sketches_of_a_photo() -> None:
    config = replace(CONFIG, category_weight=0.0, ramp_steps=0, intra_weight=0.5)
    task = TwoTowerTask(config, num_categories=3).eval()
    assert task.num_sketches == 2
    same, other = VIEWS.sketch, VIEWS.sketch.roll(1, dims=0)
    agreeing = task(replace(VIEWS, sketch=torch.cat([same, same], dim=1)))
    disagreeing = task(replace(VIEWS, sketch=torch.cat([same, other], dim=1)))
    assert set(agreeing) == {"contrastive", "intra"}
    assert agreeing["contrastive"].item() == pytest.approx(disagreeing["contrastive"].item(), rel=1e-4)
    assert agreeing["intra"] < disagreeing["intra"]
