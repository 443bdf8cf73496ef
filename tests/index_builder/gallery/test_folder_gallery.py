import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_builder.gallery import generation_files, opened_files
from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import current_generation, generation_folder, open_gallery
from index_builder.gallery.interface import Hit
from model.bundle import file_sha256
from model.seal import break_seal, sealed_text


@dataclass(frozen=True)
class OtherBundle:
    name: str
    fingerprint: str
    path: Path = Path("other bundle")


@pytest.fixture
def built(workshop: Any, photo: Any) -> Any:
    workshop.add(*(f"{number:02}.png" for number in range(30)))
    for number in range(12):
        photo(workshop.photos / f"same/{number:02}.png", 100)
    workshop.build()
    return workshop


def folder(workshop: Any) -> Path:
    return generation_folder(workshop.out, current_generation(workshop.out))


def test_a_search_agrees_with_a_naive_one(built: Any, fake: Any) -> None:
    with built.open() as gallery:
        ids = built.ids()
        vectors = np.stack([gallery.embedding(photo_id) for photo_id in ids])
        for seed in range(20):
            query = np.random.default_rng(seed).standard_normal(fake.DIMENSION).astype(np.float32)
            query /= np.linalg.norm(query)
            scores = (vectors.astype(np.float64) * query).sum(axis=1)
            expected = sorted(range(len(ids)), key=lambda i: (-float(scores[i]), i))
            for k in (1, 5, 33, 42):
                hits = gallery.search(query, k=k)
                assert [hit.photo_id for hit in hits] == [ids[i] for i in expected[:k]]
                assert [hit.score for hit in hits] == pytest.approx([float(scores[i]) for i in expected[:k]], abs=1e-5)


def test_equal_scores_come_in_the_order_of_their_ids_for_every_k(built: Any) -> None:
    with built.open() as gallery:
        query = gallery.embedding("same/05")
        for k in range(1, 13):
            hits = gallery.search(query, k=k)
            assert [hit.photo_id for hit in hits] == [f"same/{number:02}" for number in range(k)]
        assert len({hit.score for hit in gallery.search(query, k=12)}) == 1


class LastOfEqual:
    """An index that of several equal scores keeps the last rows, in falling order."""

    def __init__(self, index: Any) -> None:
        self.vectors = index.reconstruct_n(0, index.ntotal)
        self.ntotal = index.ntotal

    def search(self, queries: Any, k: int) -> tuple[Any, Any]:
        scores = (self.vectors * queries).sum(axis=1)
        rows = np.lexsort((-np.arange(len(scores)), -scores))[:k]
        return scores[rows][None], rows[None]


def test_which_of_equal_scores_the_index_prefers_does_not_matter(built: Any) -> None:
    with built.open() as gallery:
        query = gallery.embedding("same/05")
        gallery._files.exact.index = LastOfEqual(gallery._files.exact.index)
        for k in (1, 3, 11, 12):
            hits = gallery.search(query, k=k)
            assert [hit.photo_id for hit in hits] == [f"same/{number:02}" for number in range(k)]


def test_k_is_capped_to_the_size_of_the_gallery(built: Any) -> None:
    with built.open() as gallery:
        assert len(gallery.search(gallery.embedding("00"), k=10**6)) == gallery.size == 42


def test_wrong_queries_are_refused(built: Any, fake: Any) -> None:
    with built.open() as gallery:
        good = gallery.embedding("00")
        with pytest.raises(GalleryError, match="k is 0"):
            gallery.search(good, k=0)
        with pytest.raises(GalleryError, match=r"shape \(3,\); this gallery expects \(16,\)"):
            gallery.search(good[:3], k=1)
        with pytest.raises(GalleryError, match=r"norm 2\.0000"):
            gallery.search(good * 2, k=1)
        with pytest.raises(GalleryError, match="norm nan"):
            gallery.search(good * np.float32("nan"), k=1)


def test_items_hold_what_the_files_hold(built: Any) -> None:
    with built.open() as gallery:
        item = gallery.item("same/03")
        assert item.path == built.photos / "same/03.png"
        assert (item.width_px, item.height_px, item.media_type) == (48, 36, "image/png")
        assert item.metadata == {}
        assert set(gallery.items(["00", "same/03", "nobody"])) == {"00", "same/03"}


def test_unknown_ids_are_none(built: Any) -> None:
    with built.open() as gallery:
        for photo_id in ("nobody", "", "../00", "00.png", "%", "' OR 1=1 --"):
            assert gallery.item(photo_id) is None
            assert gallery.embedding(photo_id) is None
            assert gallery.thumbnail(photo_id) is None


def test_a_thumbnail_is_an_image(built: Any, tmp_path: Path) -> None:
    with built.open() as gallery:
        path = tmp_path / "thumbnail.jpg"
        path.write_bytes(gallery.thumbnail("00"))
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (48, 36))


def test_a_gallery_names_itself_and_its_maker(built: Any) -> None:
    with built.open() as gallery:
        assert gallery.generation == current_generation(built.out)
        assert (gallery.bundle_name, len(gallery.bundle_fingerprint)) == ("fake", 64)
        assert (gallery.size, gallery.dimension) == (42, 16)


def test_many_threads_get_the_answers_that_one_gets(built: Any) -> None:
    with built.open() as gallery:
        ids = built.ids()
        expected = {photo_id: gallery.search(gallery.embedding(photo_id), k=7) for photo_id in ids}
        problems: list[object] = []

        def work(seed: int) -> None:
            try:
                for photo_id in np.random.default_rng(seed).permutation(ids).tolist():
                    found: list[Hit] = gallery.search(gallery.embedding(photo_id), k=7)
                    if found != expected[photo_id] or gallery.item(photo_id).photo_id != photo_id:
                        problems.append(photo_id)
                    if not gallery.thumbnail(photo_id):
                        problems.append(photo_id)
            except Exception as error:
                problems.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []


def test_a_gallery_of_another_bundle_is_refused_naming_both_and_the_remedy(built: Any) -> None:
    other: Any = OtherBundle("better", "f" * 64)
    with pytest.raises(GalleryError) as caught:
        open_gallery(built.out, bundle=other)
    message = str(caught.value)
    assert "made by bundle fake (" in message
    assert "not by bundle better (ffffffffffff)" in message
    assert f"python -m index_builder --gallery {built.photos} --out {built.out} --bundle 'other bundle'" in message


def test_a_gallery_of_the_same_bundle_opens_whatever_its_name(built: Any, fake: Any) -> None:
    same: Any = OtherBundle("renamed", fake.fake_model(fake.FakeEncoder()).fingerprint)
    open_gallery(built.out, bundle=same).close()


def test_where_there_is_no_gallery_the_command_to_build_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match=r"no file CURRENT.*python -m index_builder --gallery photos/ --out"):
        open_gallery(tmp_path, bundle=None)


@pytest.mark.parametrize("name", ["../../etc", "", ".staging", "a/b"])
def test_a_current_that_names_no_generation_is_refused(built: Any, name: str) -> None:
    (built.out / "CURRENT").write_text(name)
    with pytest.raises(GalleryError, match="not a generation"):
        open_gallery(built.out, bundle=None)


@pytest.mark.parametrize("name", ["index.faiss", "items.sqlite", "thumbnails.sqlite"])
@pytest.mark.parametrize("damage", ["missing", "short", "garbage"])
def test_a_damaged_file_is_refused_with_its_name(built: Any, name: str, damage: str) -> None:
    path = folder(built) / name
    size = path.stat().st_size
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"\x07" * (size if damage == "garbage" else size // 2))
    with pytest.raises(GalleryError, match=f"{name} (is|has)|is damaged"):
        open_gallery(built.out, bundle=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 99}, "format version 99, this release reads version 2"),
        ({"surprise": 1}, "incomplete"),
        ({"count": 41}, "does not add up"),
        ({"dimension": 8}, "does not add up"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(built: Any, change: dict[str, int], message: str) -> None:
    path = folder(built) / "manifest.json"
    values = json.loads(path.read_text())
    break_seal(values)
    path.write_text(sealed_text({**values, **change}))
    with pytest.raises(GalleryError, match=message):
        open_gallery(built.out, bundle=None)


def test_a_manifest_that_is_not_json_is_refused(built: Any) -> None:
    (folder(built) / "manifest.json").write_text("{")
    with pytest.raises(GalleryError, match=r"manifest.json cannot be read"):
        open_gallery(built.out, bundle=None)


def test_opening_follows_a_generation_that_is_replaced_meanwhile(built: Any, monkeypatch: Any) -> None:
    stale = iter(["gone", current_generation(built.out), current_generation(built.out)])
    monkeypatch.setattr("index_builder.gallery.folder_gallery.current_generation", lambda path: next(stale))
    open_gallery(built.out, bundle=None).close()


def test_a_gallery_opens_without_reading_all_of_its_thumbnails(built: Any, monkeypatch: Any) -> None:
    hashed = []
    monkeypatch.setattr(generation_files, "file_sha256", lambda path: hashed.append(path.name) or file_sha256(path))
    built.open().close()
    assert hashed == ["index.faiss", "items.sqlite"]


def test_a_gallery_on_read_only_media_can_be_read(built: Any) -> None:
    for path in folder(built).iterdir():
        path.chmod(0o444)
    folder(built).chmod(0o555)
    try:
        with built.open() as gallery:
            assert gallery.item("00") is not None
        assert len(list(folder(built).iterdir())) == 5
    finally:
        folder(built).chmod(0o755)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc to see open files in")
@pytest.mark.parametrize("name", ["index.faiss", "items.sqlite", "thumbnails.sqlite"])
def test_a_generation_that_is_removed_while_it_is_opened_is_refused_and_leaves_no_file_open(
    built: Any, name: str, monkeypatch: Any
) -> None:
    path = folder(built) / name
    monkeypatch.setattr(opened_files, "verify_files", lambda *_, **__: path.unlink())
    with pytest.raises(GalleryError, match=name):
        built.open()
    assert [link for link in open_files() if str(built.out) in link] == []


def open_files() -> list[str]:
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            links.append(str(entry.readlink()))
    return links
