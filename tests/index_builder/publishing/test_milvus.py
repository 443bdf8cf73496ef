"""How a generation gets into Milvus; what it answers there is in test_gallery_contract.py."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_builder.__main__ import main
from index_builder.gallery.errors import GalleryError, GalleryUnavailableError
from index_builder.gallery.folder_gallery import open_gallery
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.milvus.connection import MilvusConnection
from index_builder.gallery.milvus.source import MilvusSource
from index_builder.indexing.requirements import IndexRequirements
from index_builder.progress import SilentProgress
from index_builder.publishing.milvus import MilvusPublisher

NUMBERS = itertools.count()


@pytest.fixture
def address(milvus: Any) -> MilvusAddress:
    return MilvusAddress.parse(milvus.place(f"publish_{next(NUMBERS)}"))


def publish(workshop: Any, address: MilvusAddress, **requirements: Any) -> list[str]:
    """Publishes what was built; returns what was said."""
    progress = SilentProgress()
    publisher = MilvusPublisher(
        address, requirements=IndexRequirements(**requirements), progress=progress, grace_seconds=0
    )
    try:
        with workshop.open() as gallery:
            publisher.publish(gallery)
    finally:
        publisher.close()
    return progress.lines


def collections(address: MilvusAddress) -> list[str]:
    connection = MilvusConnection(address)
    found = [name for name in connection.client.list_collections() if address.generation(name)]
    connection.close()
    return found


def test_the_generation_before_is_dropped_and_other_galleries_stay(workshop: Any, address: MilvusAddress) -> None:
    neighbour = MilvusAddress(address.host, address.port, address.gallery + "_b")
    workshop.add("a.png")
    workshop.build()
    publish(workshop, neighbour)
    publish(workshop, address)
    workshop.add("b.png", first_seed=7)
    report = workshop.build()
    publish(workshop, address)
    assert collections(address) == [address.collection(report.generation)]
    assert len(collections(neighbour)) == 1


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["create_collection", "insert", "flush", "load_collection", "alter_alias"])
def test_killed_at_any_step_the_old_generation_stays_served_and_the_next_run_clears_up(
    workshop: Any, address: MilvusAddress, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.add("a.png")
    first = workshop.build().generation
    publish(workshop, address)
    workshop.add("b.png", first_seed=7)
    second = workshop.build().generation
    call = MilvusConnection.call

    def killed(self: MilvusConnection, method: str, *arguments: Any, **named: Any) -> Any:
        if method == step:
            if method in ("create_collection", "insert"):
                call(self, method, *arguments, **named)
            raise Killed
        return call(self, method, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusConnection, "call", killed)
        with pytest.raises(Killed):
            publish(workshop, address)
    source = MilvusSource(address, bundle=None)
    assert source.current() == first
    source.open().close()
    publish(workshop, address)
    assert source.current() == second
    assert collections(address) == [address.collection(second)]
    source.close()


def test_a_collection_that_lacks_a_photo_is_not_published(
    workshop: Any, address: MilvusAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.add("a.png", "b.png", "c.png")
    workshop.build()
    call = MilvusConnection.call

    def some_lost(self: MilvusConnection, method: str, *arguments: Any, **named: Any) -> Any:
        if method == "insert":
            arguments = (arguments[0], arguments[1][:-1])
        return call(self, method, *arguments, **named)

    monkeypatch.setattr(MilvusConnection, "call", some_lost)
    with pytest.raises(GalleryError, match="holds 2 photos, expected 3"):
        publish(workshop, address)


def test_a_photo_with_the_embedding_of_another_is_not_published(
    workshop: Any, address: MilvusAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.add("a.png", "b.png", "c.png")
    workshop.build()
    call = MilvusConnection.call

    def mixed(self: MilvusConnection, method: str, *arguments: Any, **named: Any) -> Any:
        if method == "insert":
            rows = arguments[1]
            rows[0]["vector"], rows[1]["vector"] = rows[1]["vector"], rows[0]["vector"]
        return call(self, method, *arguments, **named)

    monkeypatch.setattr(MilvusConnection, "call", mixed)
    with pytest.raises(GalleryError, match="does not find itself"):
        publish(workshop, address)


def test_a_large_gallery_gets_inverted_lists_tuned_on_milvus_and_exact_scores(
    workshop: Any, address: MilvusAddress, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index_builder.indexing.tune.NUM_QUERIES", 40)
    workshop.add(*(f"{number:03}.png" for number in range(400)))
    workshop.build()
    lines = publish(workshop, address, memory_bytes=20_000)
    assert any(line.startswith("Index in Milvus: IVF10,SQ8") for line in lines)
    source = MilvusSource(address, bundle=None)
    gallery = source.open()
    tuning: Any = gallery.manifest.tuning
    assert (tuning.factory, tuning.queries) == ("IVF10,SQ8", {"photos": 40})
    assert tuning.recall["photos"] >= 0.95
    assert 1 <= tuning.nprobe <= 10
    shares = []
    with workshop.open() as files:
        for seed in range(20):
            query = np.random.default_rng(seed).standard_normal(fake.DIMENSION).astype(np.float32)
            query /= np.linalg.norm(query)
            exact = {hit.photo_id: hit.score for hit in files.search(query, k=10)}
            found = gallery.search(query, k=10)
            assert all(hit.score == exact.get(hit.photo_id, hit.score) for hit in found)
            shares.append(sum(hit.photo_id in exact for hit in found) / 10)
        assert len(gallery.search(query, k=400)) == 400
    assert np.mean(shares) > 0.8
    gallery.close()
    source.close()


def test_a_gallery_that_does_not_fit_the_memory_is_refused_with_what_it_needs(
    workshop: Any, address: MilvusAddress
) -> None:
    workshop.add(*(f"{number:02}.png" for number in range(50)))
    workshop.build()
    with pytest.raises(GalleryError, match=r"--memory allows 100 bytes; the index of 50 photos in Milvus needs 1,264"):
        publish(workshop, address, memory_bytes=100)
    assert collections(address) == []


def test_a_metadata_text_that_milvus_cannot_hold_is_named(workshop: Any, address: MilvusAddress) -> None:
    workshop.add("a.png")
    metadata = workshop.photos.with_name("metadata.jsonl")
    metadata.write_text('{"photo_id": "a", "story": "' + "ä" * 40_000 + '"}', encoding="utf-8")
    workshop.build(metadata=metadata)
    with pytest.raises(GalleryError, match=r"The metadata of photo 'a' has 80,\d+ bytes, Milvus stores at most 65,535"):
        publish(workshop, address)


def test_thumbnails_that_cannot_be_reached_are_said_at_opening(workshop: Any, address: MilvusAddress) -> None:
    workshop.add("a.png")
    workshop.build()
    publish(workshop, address)
    workshop.out.rename(workshop.out.with_name("elsewhere"))
    source = MilvusSource(address, bundle=None)
    with pytest.raises(GalleryError, match=r"thumbnails of .* mount the builder's --out at the same path"):
        source.open()
    source.close()


def test_a_milvus_that_does_not_answer_is_named_before_anything_is_built(milvus_packages: None) -> None:
    with pytest.raises(GalleryUnavailableError, match=r"Milvus at 127\.0\.0\.1:1 cannot answer for the gallery a \("):
        MilvusConnection(MilvusAddress("127.0.0.1", 1, "a"))


@pytest.fixture
def build(workshop: Any, address: MilvusAddress, monkeypatch: pytest.MonkeyPatch, fake: Any) -> Callable[..., int]:
    """The command, with the fake model as its bundle."""
    from argparse import Namespace

    from index_builder.cli import bundle as bundle_option
    from index_builder.embedding.photo_encoder import PhotoModel
    from index_builder.publishing import milvus as publish_module

    bundle = Namespace(name="fake", path=Path("demo"), fingerprint="d" * 64)
    monkeypatch.setattr(bundle_option, "read_bundle", lambda path: bundle)
    monkeypatch.setattr(PhotoModel, "from_bundle", lambda bundle, **_: fake.fake_model(fake.FakeEncoder()))
    monkeypatch.setattr(publish_module.time, "sleep", lambda seconds: None)
    given = ["--gallery", str(workshop.photos), "--out", str(workshop.out)]
    return lambda store=str(address): main([*given, "--store", store])


def test_the_commands_build_publish_describe_and_verify(
    workshop: Any, address: MilvusAddress, build: Callable[..., int], capsys: Any
) -> None:
    workshop.add("a.png", "b.png")
    assert build() == 0
    assert f"as {address}" in capsys.readouterr().err
    assert build() == 0
    assert f"Nothing to do: {address} serves generation" in capsys.readouterr().err
    assert main(["info", str(address)]) == 0
    said = capsys.readouterr().out
    assert "found 2 = indexed 2 + skipped 0" in said
    with open_gallery(workshop.out, bundle=None) as files:
        assert files.generation in said
    assert main(["verify", str(address)]) == 0
    assert "is intact: 2 photos, in Milvus" in capsys.readouterr().out
    assert main(["export", "--out", "x.npy", str(address)]) == 2
    assert "is not a folder; export the gallery on disk" in capsys.readouterr().err


def test_a_wrong_store_is_refused_before_a_photo_is_read(build: Callable[..., int], workshop: Any, capsys: Any) -> None:
    workshop.add("a.png")
    for store, message in (
        ("gallery2", "give milvus://host"),
        ("milvus://127.0.0.1:1/a", "Milvus at 127.0.0.1:1 cannot answer"),
    ):
        assert build(store) == 2
        assert message in capsys.readouterr().err
    assert not workshop.out.exists()
