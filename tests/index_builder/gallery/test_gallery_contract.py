"""What every gallery promises, wherever it lies: each test runs over files with FAISS, and over Milvus by gRPC."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_builder.gallery.errors import FilterError, GalleryError
from index_builder.gallery.interface import GallerySource, PhotoGallery
from index_builder.gallery.location import read_location
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.open import open_source
from index_builder.indexing.requirements import IndexRequirements
from index_builder.progress import SilentProgress
from index_builder.publishing.milvus import MilvusPublisher

NUMBERS = itertools.count()
BRANDS = [
    "acme",
    'the "best"',
    "back\\slash",
    "Möbel & Söhne",
    "d'or",
    "100 %",
    "{x}",
    "a,b",
    "true",
    "7",
    "line\nbreak",
]
EXOTIC = "Möbel & Söhne/100 % 丸?#;+ \"q\" \\ 's' {x}"


@dataclass
class Shop:
    """A folder of photos and the place that its gallery is published to."""

    workshop: Any
    place: str

    @property
    def metadata(self) -> Path:
        return Path(self.workshop.photos.with_name("metadata.jsonl"))

    def publish(self, **settings: Any) -> None:
        self.workshop.build(**settings)
        place = read_location(self.place)
        if isinstance(place, MilvusAddress):
            publisher = MilvusPublisher(
                place, requirements=IndexRequirements(), progress=SilentProgress(), grace_seconds=0
            )
            with self.workshop.open() as gallery:
                publisher.publish(gallery)
            publisher.close()

    def source(self, bundle: Any = None) -> GallerySource:
        return open_source(read_location(self.place), bundle=bundle)


def new_shop(store: str, folder: Path, request: pytest.FixtureRequest) -> Shop:
    workshop = request.getfixturevalue("make_workshop")(folder)
    if store == "faiss":
        return Shop(workshop, str(workshop.out))
    return Shop(workshop, request.getfixturevalue("milvus").place(f"contract_{next(NUMBERS)}"))


@pytest.fixture(params=["faiss", "milvus"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """An empty one, for a test that publishes."""
    return new_shop(request.param, tmp_path, request)


def describe(number: int) -> dict[str, Any]:
    """The metadata of a photo: some columns have no value here and there, one is mixed and so a text."""
    values: dict[str, Any] = {}
    if number % 4:
        values["price"] = number if number % 2 else -number / 8
    if number % 5:
        values["brand"] = BRANDS[number % len(BRANDS)]
    if number % 3:
        values["in stock?"] = number % 2 == 0
    if number % 7:
        values["mixed"] = [True, 7, 2.5, "7", "red"][number % 5]
    return values


def fill(shop: Shop, photo: Any) -> Shop:
    """30 different photos, 12 equal ones and one with an odd name; the first 30 with metadata."""
    workshop = shop.workshop
    workshop.add(*(f"{number:02}.png" for number in range(30)))
    for number in range(12):
        photo(workshop.photos / f"same/{number:02}.png", 100)
    photo(workshop.photos / f"{EXOTIC}.png", 101)
    lines = [json.dumps({"photo_id": f"{number:02}", **describe(number)}) for number in range(30)]
    shop.metadata.write_text("\n".join(lines), encoding="utf-8")
    shop.publish(metadata=shop.metadata)
    return shop


@pytest.fixture(scope="module", params=["faiss", "milvus"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, photo: Any) -> Shop:
    """For all tests that only read."""
    return fill(new_shop(request.param, tmp_path_factory.mktemp("shop"), request), photo)


@pytest.fixture(scope="module")
def gallery(filled: Shop) -> Iterator[PhotoGallery]:
    source = filled.source()
    gallery = source.open()
    yield gallery
    gallery.close()
    source.close()


def vector_of(gallery: PhotoGallery, photo_id: str) -> Any:
    vector = gallery.embedding(photo_id)
    assert vector is not None
    return vector


def random_query(seed: int, dimension: int) -> Any:
    query = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return query / np.linalg.norm(query)


def found_ids(gallery: PhotoGallery, query: Any, *, k: int, filters: Sequence[str] = ()) -> list[str]:
    return [hit.photo_id for hit in gallery.search(query, k=k, rows=gallery.select(filters))]


def test_it_answers_as_a_naive_search_does_with_the_same_scores(filled: Shop, gallery: PhotoGallery) -> None:
    ids = filled.workshop.ids()
    vectors = np.stack([vector_of(gallery, photo_id) for photo_id in ids])
    for seed in range(10):
        query = random_query(seed, gallery.dimension)
        scores = (vectors.astype(np.float64) * query).sum(axis=1)
        expected = sorted(range(len(ids)), key=lambda i: (-float(np.float32(scores[i])), i))
        for k in (1, 5, 33, 43):
            hits = gallery.search(query, k=k)
            assert [hit.photo_id for hit in hits] == [ids[i] for i in expected[:k]]
            assert [hit.score for hit in hits] == pytest.approx([float(scores[i]) for i in expected[:k]], abs=1e-6)


def test_its_scores_are_bit_by_bit_those_of_the_files(filled: Shop, gallery: PhotoGallery) -> None:
    with filled.workshop.open() as files:
        for seed in range(20):
            query = random_query(seed, gallery.dimension)
            assert list(gallery.search(query, k=12)) == files.search(query, k=12)


def test_equal_scores_come_in_the_order_of_their_ids_for_every_k(gallery: PhotoGallery) -> None:
    query = vector_of(gallery, "same/05")
    for k in range(1, 13):
        assert found_ids(gallery, query, k=k) == [f"same/{number:02}" for number in range(k)]
    assert len({hit.score for hit in gallery.search(query, k=12)}) == 1


def test_k_is_capped_to_what_there_is(gallery: PhotoGallery) -> None:
    query = vector_of(gallery, "00")
    assert len(gallery.search(query, k=10**6)) == gallery.size == 43
    cheap = sum(describe(number).get("price", 99) < 10 for number in range(30))
    assert len(found_ids(gallery, query, k=10**6, filters=["price<10"])) == cheap > 5


def test_wrong_queries_are_refused(gallery: PhotoGallery) -> None:
    good = vector_of(gallery, "00")
    for query, k, message in (
        (good, 0, "k is 0"),
        (good[:3], 1, r"shape \(3,\); this gallery expects \(16,\)"),
        (good * 2, 1, r"norm 2\.0000"),
        (good * np.float32("nan"), 1, "norm nan"),
    ):
        with pytest.raises(GalleryError, match=message):
            gallery.search(query, k=k)


def test_items_hold_what_was_indexed(filled: Shop, gallery: PhotoGallery) -> None:
    with filled.workshop.open() as files:
        for photo_id in ("00", "07", "same/03", EXOTIC):
            assert gallery.item(photo_id) == files.item(photo_id)
    item: Any = gallery.item("07")
    assert item.path == filled.workshop.photos / "07.png"
    assert item.metadata == describe(7)
    assert type(item.metadata["price"]) is int


def test_unknown_ids_are_none(gallery: PhotoGallery) -> None:
    for photo_id in ("nobody", "", "../00", "00.png", "%", "' OR 1=1 --", '"] or row >= 0 or photo_key in ["'):
        assert gallery.item(photo_id) is None
        assert gallery.embedding(photo_id) is None
        assert gallery.thumbnail(photo_id) is None


def test_embeddings_and_thumbnails_are_those_that_were_made(
    filled: Shop, gallery: PhotoGallery, tmp_path: Path
) -> None:
    with filled.workshop.open() as files:
        for photo_id in ("00", EXOTIC):
            assert vector_of(gallery, photo_id).tobytes() == files.embedding(photo_id).tobytes()
            assert gallery.thumbnail(photo_id) == files.thumbnail(photo_id)
    path = tmp_path / "thumbnail.webp"
    path.write_bytes(gallery.thumbnail("00") or b"")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("JPEG", (48, 36))


def test_it_says_what_it_is(filled: Shop, gallery: PhotoGallery) -> None:
    source = filled.source()
    assert gallery.generation == source.current()
    source.close()
    assert (gallery.size, gallery.dimension) == (43, 16)
    assert gallery.device in ("cpu", "milvus")
    with filled.workshop.open() as files:
        assert gallery.columns == files.columns
        assert gallery.generation == files.generation


# Each filter beside what it means, written down naively; the value of a mixed column counts as text.
FILTERS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "price>=10": ("price", lambda value: value >= 10),
    "price<-1.5": ("price", lambda value: value < -1.5),
    "price<=0": ("price", lambda value: value <= 0),
    "price=7,-0.25,1000": ("price", lambda value: value in (7, -0.25)),
    "price!=7": ("price", lambda value: value != 7),
    "brand=acme": ("brand", lambda value: value == "acme"),
    'brand="the ""best""",back\\slash': ("brand", lambda value: value in ('the "best"', "back\\slash")),
    "brand=Möbel & Söhne,d'or,100 %,{x}": ("brand", lambda value: value in ("Möbel & Söhne", "d'or", "100 %", "{x}")),
    'brand="a,b"': ("brand", lambda value: value == "a,b"),
    'brand="line\nbreak"': ("brand", lambda value: value == "line\nbreak"),
    "brand!=acme,true": ("brand", lambda value: value not in ("acme", "true")),
    "brand=nobody": ("brand", lambda value: False),
    "in stock?=true": ("in stock?", lambda value: value),
    "in stock?=true,false": ("in stock?", lambda value: True),
    "in stock?!=true": ("in stock?", lambda value: not value),
    "in stock?!=true,false": ("in stock?", lambda value: False),
    "mixed=7": ("mixed", lambda value: value in (7, "7") and value is not True),
    "mixed=true,2.5": ("mixed", lambda value: value is True or value == 2.5),
    "mixed!=red": ("mixed", lambda value: value != "red"),
}


def holds(text: str, values: dict[str, Any]) -> bool:
    column, is_met = FILTERS[text]
    return column in values and is_met(values[column])


@pytest.mark.parametrize(
    "chosen", [*([text] for text in FILTERS), ["price>=10", "brand!=acme,true", "in stock?!=true"]]
)
def test_a_filter_keeps_what_a_naive_comparison_keeps_and_all_of_it(gallery: PhotoGallery, chosen: list[str]) -> None:
    expected = {f"{n:02}" for n in range(30) if all(holds(text, describe(n)) for text in chosen)}
    query = random_query(1, gallery.dimension)
    unfiltered = [photo_id for photo_id in found_ids(gallery, query, k=43) if photo_id in expected]
    assert found_ids(gallery, query, k=43, filters=chosen) == unfiltered
    assert len(unfiltered) == len(expected)
    assert found_ids(gallery, query, k=3, filters=chosen) == unfiltered[:3]


def test_without_filters_nothing_is_selected_from(gallery: PhotoGallery) -> None:
    assert gallery.select([]) is None


def test_a_filter_that_does_not_fit_is_refused(gallery: PhotoGallery) -> None:
    for text, message in (
        ("colour=red", "names the column 'colour'; this gallery has: brand"),
        ("price", "compares nothing"),
        ("price>=cheap", "give a number"),
        ("brand>=acme", "only columns of numbers"),
        ('brand="', "not well quoted"),
        ("in stock?=maybe", "true or false"),
    ):
        with pytest.raises(FilterError, match=message.replace("?", r"\?")):
            gallery.select([text])
    with pytest.raises(FilterError, match="at most 32"):
        gallery.select(["price>0"] * 33)


def test_a_gallery_without_metadata_has_no_columns(shop: Shop) -> None:
    shop.workshop.add("a.png", "b.png")
    shop.publish()
    source = shop.source()
    gallery = source.open()
    assert list(gallery.columns) == []
    with pytest.raises(FilterError, match="needs metadata"):
        gallery.select(["price>0"])
    gallery.close()
    source.close()


def test_photos_that_went_are_gone_and_changed_ones_are_new_and_the_old_generation_is_another(
    shop: Shop, photo: Any
) -> None:
    filled = fill(shop, photo)
    source = filled.source()
    before = source.current()
    old = source.open()
    kept, changed = vector_of(old, "05"), vector_of(old, "03")
    old.close()
    (filled.workshop.photos / "02.png").unlink()
    photo(filled.workshop.photos / "03.png", 777)
    photo(filled.workshop.photos / "new.png", 778)
    filled.publish(metadata=filled.metadata)
    assert filled.workshop.num_encoded == 2
    gallery = source.open()
    assert gallery.generation == source.current() != before
    assert gallery.size == 43
    assert gallery.item("02") is None
    assert "02" not in found_ids(gallery, kept, k=43)
    assert vector_of(gallery, "05").tobytes() == kept.tobytes()
    assert vector_of(gallery, "03").tobytes() != changed.tobytes()
    assert found_ids(gallery, vector_of(gallery, "new"), k=1) == ["new"]
    assert gallery.search(changed, k=1)[0].score < 0.9999
    gallery.close()
    source.close()


def test_publishing_again_what_has_not_changed_changes_nothing(shop: Shop, photo: Any) -> None:
    filled = fill(shop, photo)
    source = filled.source()
    before = source.current()
    filled.publish(metadata=filled.metadata)
    assert source.current() == before
    source.close()


def test_many_threads_get_the_answers_that_one_gets(gallery: PhotoGallery) -> None:
    ids = [f"{number:02}" for number in range(30)]
    expected = {photo_id: list(gallery.search(vector_of(gallery, photo_id), k=7)) for photo_id in ids}
    few = {photo_id: found_ids(gallery, vector_of(gallery, photo_id), k=7, filters=["price>5"]) for photo_id in ids}
    problems: list[object] = []

    def work(seed: int) -> None:
        try:
            for photo_id in np.random.default_rng(seed).permutation(ids)[:12].tolist():
                query = vector_of(gallery, photo_id)
                if list(gallery.search(query, k=7)) != expected[photo_id] or not gallery.thumbnail(photo_id):
                    problems.append(photo_id)
                if found_ids(gallery, query, k=7, filters=["price>5"]) != few[photo_id]:
                    problems.append(photo_id)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@dataclass(frozen=True)
class OtherBundle:
    name: str = "better"
    fingerprint: str = "f" * 64
    path: Path = Path("other bundle")


def test_a_gallery_of_another_bundle_is_refused_naming_both(filled: Shop, fake: Any) -> None:
    source = filled.source(OtherBundle())
    with pytest.raises(GalleryError, match=r"made by bundle fake \(.*not by bundle better \(ffffffffffff\)"):
        source.open()
    source.close()
    same = filled.source(OtherBundle("renamed", fake.fake_model(fake.FakeEncoder()).fingerprint))
    same.open().close()
    same.close()


def test_where_there_is_no_gallery_the_command_to_build_one_is_said(shop: Shop) -> None:
    source = shop.source()
    for work in (source.current, source.open):
        with pytest.raises(GalleryError, match=r"There is no gallery.*python -m index_builder --gallery photos/"):
            work()
    source.close()
