"""Photo–sketch pairs as batches of tensors. Images are prepared once, as in serving, and kept in memory as bytes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from model.bundle import Modality
from model.preprocess import Preprocessing
from training.data.dataset import Item, read_image

ByteImage = NDArray[np.uint8]
_INK = 250  # darker than this is ink, its antialiased rim included


@dataclass(frozen=True)
class Batch:
    """Pairs: row i of both tensors shows the same thing.

    Attributes:
        photo: (B, 3, S, S) uint8.
        sketch: (B, V, S, S) uint8, 255 paper, 0 ink; V sketches of each photo.
        item: (B,) int64, index of the photo among the training items; no photo occurs twice in a batch.
        category: (B,) int64, index of the item's category.
    """

    photo: Tensor
    sketch: Tensor
    item: Tensor
    category: Tensor

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""
        return type(self)(*(tensor.to(device) for tensor in (self.photo, self.sketch, self.item, self.category)))


@dataclass(frozen=True)
class Views:
    """A batch as a task takes it: varied and normalised.

    Attributes:
        photo: (B, 3, S, S) float32.
        sketch: (B, V, 3, S, S) float32; row i shows what row i of `photo` shows.
        item: (B,) int64 photo ids, all different.
        category: (B,) int64.
    """

    photo: Tensor
    sketch: Tensor
    item: Tensor
    category: Tensor


class PreparedPairs:
    """The training items with all images prepared: about 50 KB for a sketch and 150 KB for a photo at 224 px."""

    def __init__(
        self,
        items: tuple[Item, ...],
        preprocessing: Preprocessing,
        *,
        categories: tuple[str, ...],
        num_threads: int = 2,
    ) -> None:
        """Prepares every image.

        Args:
            items: the photos and their sketches.
            preprocessing: of the encoders.
            categories: gives each category its index; it may name more than occur in `items`.
            num_threads: threads that prepare images.

        Raises:
            ValueError: an image cannot be used; the message names the file.
        """
        self.items = items
        self._categories = torch.tensor([categories.index(item.category) for item in items])
        with ThreadPoolExecutor(num_threads) as pool:
            prepared = pool.map(lambda item: _prepare(item, preprocessing), items)
            images = list(track(prepared, description="preparing images", total=len(items)))
        self._photos = [photo for photo, _ in images]
        self._sketches = [sketches for _, sketches in images]

    def batches(
        self,
        batch_size: int,
        *,
        seed: int,
        epoch: int,
        num_sketches: int = 1,
        category_group: int = 1,
        sketch_drop: float = 0.0,
    ) -> Iterator[Batch]:
        """One pass over the photos in random order, each with some of its sketches drawn at random.

        The order depends on `seed` and `epoch` alone, so that a resumed run sees what an uninterrupted one would.
        Every photo takes part: batches are as near to `batch_size` as equal shares allow. A photo with fewer than
        `num_sketches` sketches gives the same one again: the augmentation will make two different views of it.

        With a `category_group` above 1, photos of one category follow each other in groups of about that size, drawn
        anew in every pass: hard negatives. The end of a batch may cut a group in two.

        With a `sketch_drop`, so large a share of each sketch's connected parts is left out, but never the largest.
        """
        random = np.random.default_rng([seed, epoch])
        order = self._order(random, category_group)
        for chosen in np.array_split(order, self.num_batches(batch_size)):
            sketches = [_draw(self._sketches[i], num_sketches, random) for i in chosen]
            if sketch_drop:
                sketches = [np.stack([drop_parts(sketch, sketch_drop, random) for sketch in s]) for s in sketches]
            yield Batch(
                photo=torch.from_numpy(np.stack([self._photos[i] for i in chosen])),
                sketch=torch.from_numpy(np.stack(sketches)),
                item=torch.from_numpy(chosen),
                category=self._categories[torch.from_numpy(chosen)],
            )

    def _order(self, random: np.random.Generator, category_group: int) -> NDArray[np.int64]:
        order = random.permutation(len(self.items))
        if category_group == 1:
            return order
        category = self._categories.numpy()[order]
        groups: list[NDArray[np.int64]] = []
        for wanted in np.unique(category):
            members = order[category == wanted]
            groups += np.array_split(members, max(1, round(len(members) / category_group)))
        return np.concatenate([groups[i] for i in random.permutation(len(groups))])

    def num_batches(self, batch_size: int) -> int:
        """How many batches one pass has."""
        return max(1, round(len(self.items) / batch_size))


def _draw(sketches: list[ByteImage], count: int, random: np.random.Generator) -> ByteImage:
    """(count, S, S): different sketches as far as there are enough."""
    order = random.permutation(len(sketches))
    return np.concatenate([sketches[order[i % len(order)]] for i in range(count)])


def drop_parts(sketch: ByteImage, share: float, random: np.random.Generator) -> ByteImage:
    """Leaves connected parts out of a sketch, as a person leaves out details.

    Args:
        sketch: (S, S) uint8, 255 paper.
        share: probability of each part but the largest.
        random: draws them.

    Returns:
        (S, S) uint8.
    """
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(np.where(sketch < _INK, np.uint8(1), np.uint8(0)))
    missing = random.random(len(statistics)) < share
    missing[0] = False  # the paper
    if len(statistics) > 1:
        missing[1 + statistics[1:, cv2.CC_STAT_AREA].argmax()] = False
    return np.where(missing[labels], np.uint8(255), sketch)


def _prepare(item: Item, preprocessing: Preprocessing) -> tuple[ByteImage, list[ByteImage]]:
    photo = prepare_image("photo", item.photo, preprocessing)
    return photo, [prepare_image("sketch", path, preprocessing) for path in item.sketches]


def prepare_image(modality: Modality, path: Path, preprocessing: Preprocessing) -> ByteImage:
    """One image as batches hold it: (C, S, S) uint8, C = 3 for a photo and 1 for a sketch.

    Raises:
        ValueError: it cannot be used; the message names the file.
    """
    pixels = np.asarray(read_image(modality, path, preprocessing))
    return np.ascontiguousarray(np.atleast_3d(pixels).transpose(2, 0, 1))
