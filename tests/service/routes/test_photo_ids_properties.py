"""Whatever a photo is called, its address leads to it; whatever an address holds, it leads to a photo or to a 404."""

from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index_builder.gallery.interface import Hit
from index_builder.photos.scan import PhotoScan
from service.routes.answers import photo_results
from service.search.engine import Ranking

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=20).filter(
    lambda name: not name.startswith(".") and len(name.encode()) < 200
)
WORDS = st.text(max_size=30) | st.sampled_from(
    ("../../etc/passwd", "%2e%2e/x", "..", "", "/", "a\0b", "con", "x" * 3000)
)


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_every_file_gets_an_id_of_its_own_that_stays(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("photos")
    for name in names:
        (folder / f"{name}.png").touch()
    found = list(PhotoScan(folder))
    assert len({photo.photo_id for photo in found}) == len(found) == len(names)
    assert [photo.photo_id for photo in PhotoScan(folder)] == [photo.photo_id for photo in found]
    kept = {photo.path: f"kept {number}" for number, photo in enumerate(found)}
    assert {photo.photo_id for photo in PhotoScan(folder, previous_id=kept.get)} == set(kept.values())


@given(st.lists(NAMES, min_size=1, max_size=3).map("/".join))
def test_the_address_of_a_photo_leads_back_to_its_id(photo_id: str) -> None:
    ranking = Ranking("g", 1, (Hit(photo_id, {}, 0.5),), {})
    (result,) = photo_results(ranking)
    assert result.photo_url == "/photos/" + quote(photo_id, safe="/")
    assert result.photo_url.isascii()


@settings(max_examples=30)
@given(word=WORDS)
def test_an_id_that_there_is_not_is_a_404_and_never_a_file(client: TestClient, word: str) -> None:
    for route in ("photos", "thumbnails", "similar"):
        # Dots too: a client would take ".." for the folder above before it asks.
        answer = client.get(f"/{route}/{quote(word, safe='').replace('.', '%2E')}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] in ("unknown_photo", "not_found")


@settings(max_examples=50)
@given(photo_id=st.lists(NAMES, min_size=1, max_size=3).map("/".join))
@example("new\nline")
@example("last\n")
def test_every_name_that_a_file_may_have_is_looked_up_as_an_id(client: TestClient, photo_id: str) -> None:
    for route in ("photos", "thumbnails", "similar"):
        answer = client.get(f"/{route}/{quote(photo_id, safe='/').replace('.', '%2E')}")
        assert answer.json()["error"]["code"] == "unknown_photo"
