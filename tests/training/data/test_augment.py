from dataclasses import replace

import pytest
import torch

from model.preprocess import Preprocessing
from training.config.run import Augmentation
from training.data.augment import augment_pairs, normalise
from training.data.pairs import Batch

PREPROCESSING = Preprocessing(image_size_px=32)
STILL = Augmentation(flip=False, rotation_degrees=0, scale=0, shift=0, colour=0)


def batch(count: int = 16) -> Batch:
    """A dark bar left of the centre, in photo and sketch."""
    photo = torch.full((count, 3, 32, 32), 255, dtype=torch.uint8)
    photo[:, :, 8:24, 4:10] = 40
    return Batch(
        photo=photo,
        sketch=photo[:, :1].clone(),
        item=torch.arange(count),
        category=torch.zeros(count, dtype=torch.int64),
    )


def augmented(augmentation: Augmentation, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    views = augment_pairs(batch(), augmentation, PREPROCESSING, generator=generator)
    return views.photo, views.sketch[:, 0]


def bar_side(images: torch.Tensor) -> list[bool]:
    return (images[:, 0, :, :16].mean((1, 2)) < images[:, 0, :, 16:].mean((1, 2))).tolist()


def test_without_augmentation_the_pixels_are_those_of_serving() -> None:
    photo, sketch = augmented(STILL)
    expected = normalise(batch().photo / 255, PREPROCESSING)
    torch.testing.assert_close(photo, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(sketch, expected, atol=1e-5, rtol=0)


def test_photo_and_sketch_are_only_ever_mirrored_together() -> None:
    photo, sketch = augmented(Augmentation())
    assert bar_side(photo) == bar_side(sketch)
    assert len(set(bar_side(photo))) == 2


def test_mirrored_apart_all_four_ways_of_facing_occur() -> None:
    photo, sketch = augmented(Augmentation(flip_apart=True), seed=1)
    assert len(set(zip(bar_side(photo), bar_side(sketch), strict=True))) == 4


def test_every_image_gets_its_own_draw_and_the_same_seed_gives_the_same() -> None:
    first, again = augmented(Augmentation(sketch_warp=0.05))[1], augmented(Augmentation(sketch_warp=0.05))[1]
    assert torch.equal(first, again)
    assert not torch.allclose(first[0], first[1])
    assert not torch.equal(first, augmented(Augmentation(sketch_warp=0.05), seed=1)[1])


def test_what_comes_in_at_the_edges_is_white() -> None:
    photo, sketch = augmented(Augmentation(shift=0.3, colour=0))
    white = normalise(torch.ones(1, 3, 1, 1), PREPROCESSING).amax()
    assert photo.amax() <= white + 1e-4
    assert (sketch[:, :, 0, 0].amax(0) > 1.9).all()


def test_erasing_only_ever_removes_ink() -> None:
    _, whole = augmented(STILL)
    _, erased = augmented(Augmentation(**(vars(STILL) | {"sketch_erase": 1.0})))
    assert (erased >= whole - 1e-5).all()
    assert (erased > whole + 0.1).any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_grey_photos_have_equal_channels(share: float) -> None:
    generator = torch.Generator().manual_seed(0)
    photo = torch.randint(0, 255, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
    colourful = replace(batch(8), photo=photo)
    augmentation = Augmentation(**(vars(STILL) | {"grey": share}))
    result = augment_pairs(colourful, augmentation, PREPROCESSING, generator=generator).photo
    std, mean = torch.tensor(PREPROCESSING.std)[:, None, None], torch.tensor(PREPROCESSING.mean)[:, None, None]
    spread = (result * std + mean).std(dim=1).mean()
    assert (float(spread) < 1e-3) == bool(share)
