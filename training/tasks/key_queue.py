"""The queue of earlier keys: more negatives than a batch holds. Its state is in buffers: checkpoints keep it."""

import torch
from torch import Tensor, nn

from model.bundle import MODALITIES
from training.tasks.losses import queue_contrast

_NOBODY = -1


class KeyQueue(nn.Module):
    """First in, first out; takes batches of any size; knows which photo each key shows.

    Buffers: `keys` (Q, D), `items` (Q,) with -1 where nothing is queued yet, `position` of the next write.
    """

    keys: Tensor
    items: Tensor
    position: Tensor

    def __init__(self, size: int, dim: int) -> None:
        """An empty queue.

        Args:
            size: Q, the number of keys it holds.
            dim: D, the dimension of a key.
        """
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, dim))
        self.register_buffer("items", torch.full((size,), _NOBODY, dtype=torch.int64))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))

    @property
    def size(self) -> int:
        """Q."""
        return len(self.keys)

    def mask(self, item: Tensor) -> Tensor:
        """(B,) photo ids -> (B, Q) bool: True where a queued key is no negative: same photo, or not filled yet."""
        return (self.items[None] == item[:, None]) | (self.items[None] == _NOBODY)

    def contrast(
        self, query: Tensor, key: Tensor, item: Tensor, *, temperature: float, label_smoothing: float
    ) -> Tensor:
        """XAQC of (B, D) queries and their keys against what is queued; see `training.tasks.losses.queue_contrast`."""
        # A copy: the queue moves on before the gradient is computed.
        return queue_contrast(
            query, key, self.keys.clone(), self.mask(item), temperature=temperature, label_smoothing=label_smoothing
        )

    @torch.no_grad()
    def enqueue(self, keys: Tensor, item: Tensor) -> None:
        """Replaces the oldest keys; of a batch larger than the queue the last Q stay.

        Args:
            keys: (B, D), unit norm.
            item: (B,) int64 photo ids, 0 or above.

        Raises:
            ValueError: a shape does not fit: nothing is ever broadcast into the queue.
        """
        if keys.ndim != 2 or keys.shape[1] != self.keys.shape[1] or item.shape != (len(keys),):
            raise ValueError(
                f"Got keys {tuple(keys.shape)} and item {tuple(item.shape)}; "
                f"expected (B, {self.keys.shape[1]}) and (B,)."
            )
        keys, item = keys[-self.size :], item[-self.size :]
        places = (self.position + torch.arange(len(keys), device=self.keys.device)) % self.size
        self.keys[places] = keys.detach().to(self.keys.dtype)
        self.items[places] = item
        self.position.copy_((self.position + len(keys)) % self.size)


class KeyQueues(nn.ModuleDict):
    """One queue for the keys of each modality."""

    def __init__(self, size: int, dim: int) -> None:
        """Args: as of `KeyQueue`."""
        super().__init__({modality: KeyQueue(size, dim) for modality in MODALITIES})

    def of(self, modality: str) -> KeyQueue:
        """The queue with that modality's keys."""
        queue = self[modality]
        assert isinstance(queue, KeyQueue)
        return queue
