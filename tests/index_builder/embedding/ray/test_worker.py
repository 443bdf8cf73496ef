"""What a worker makes of a batch of photos, called without Ray."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from index_builder.embedding.ray.shards import Shards
from index_builder.embedding.ray.worker import SHARD, EmbedPhotos

NAMES = ["a.png", "b.png", "broken.png"]


@pytest.fixture
def filled(workshop: Any) -> Any:
    workshop.add(*NAMES[:2])
    (workshop.photos / "broken.png").write_bytes(b"no image")
    return workshop


def worker(workshop: Any, fake: Any, shards: Shards | None) -> tuple[Any, Any]:
    encoder = fake.FakeEncoder()
    return EmbedPhotos(str(workshop.photos), fake.fake_model(encoder), shards), encoder


def test_a_batch_becomes_a_row_for_each_photo(filled: Any, fake: Any) -> None:
    embed, encoder = worker(filled, fake, None)
    table = embed(pa.table({"path": NAMES}))
    assert table.column("path").to_pylist() == NAMES
    assert table.column("reason").to_pylist() == [None, None, "not_an_image"]
    assert [vector is None for vector in table.column("vector").to_pylist()] == [False, False, True]
    assert table.column(SHARD).to_pylist() == [None] * 3
    assert encoder.num_encoded == 2


def test_a_batch_that_a_dead_worker_had_finished_is_not_embedded_again(filled: Any, fake: Any, tmp_path: Path) -> None:
    model = fake.fake_model(fake.FakeEncoder())
    shards = Shards((tmp_path / "shards").as_uri(), model=model, root=filled.photos, out=filled.out)
    first, second = worker(filled, fake, shards), worker(filled, fake, shards)
    batch = pa.table({"path": NAMES})
    assert first[0](batch).equals(second[0](batch))
    assert (first[1].num_encoded, second[1].num_encoded) == (2, 0)
    assert shards.names() == [shards.name(NAMES)]
