import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import current_generation, generation_folder

NAMES = ("a.png", "chairs/b.png", "chairs/old/c.png")


@pytest.fixture
def table(workshop: Any, tmp_path: Path) -> Path:
    """A table of metadata for the photos of a workshop; nothing is built yet."""
    workshop.add(*NAMES)
    path = tmp_path / "items.csv"
    path.write_text("photo_id,price\na,2.5\nchairs/b,3\n", encoding="utf-8")
    return path


def prices(workshop: Any) -> dict[str, Any]:
    with workshop.open() as gallery:
        return {photo_id: gallery.item(photo_id).metadata.get("price") for photo_id in workshop.ids()}


def said(workshop: Any) -> str:
    return "\n".join(workshop.lines)


def test_a_build_without_metadata_reads_the_table_of_the_last_one_again_and_says_so(workshop: Any, table: Path) -> None:
    workshop.build(metadata=table)
    workshop.add("d.png", first_seed=9)
    table.write_text(table.read_text() + "d,7\n")
    workshop.build()
    assert prices(workshop) == {"a": 2.5, "chairs/b": 3.0, "chairs/old/c": None, "d": 7.0}
    assert f"Metadata: reading {table} again, as the last build did" in said(workshop)
    assert not workshop.build().published


def test_a_relative_path_is_found_again_from_another_folder(
    workshop: Any, table: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    workshop.build(metadata=Path(table.name))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    workshop.build()
    assert prices(workshop)["a"] == 2.5


def test_a_table_that_moved_is_given_once_and_read_from_there_on(workshop: Any, table: Path) -> None:
    workshop.build(metadata=table)
    moved = table.rename(table.with_name("moved.csv"))
    workshop.build(metadata=moved)
    workshop.build()
    assert prices(workshop)["a"] == 2.5


def test_a_table_that_is_gone_stops_the_build_and_says_how_to_go_on(workshop: Any, table: Path) -> None:
    workshop.build(metadata=table)
    table.unlink()
    with pytest.raises(GalleryError, match=r"items.csv, which is gone; give --metadata FILE, or --no-metadata to drop"):
        workshop.build()
    assert prices(workshop)["a"] == 2.5


def test_metadata_are_dropped_when_that_is_asked_for_and_stay_dropped(workshop: Any, table: Path) -> None:
    workshop.build(metadata=table)
    workshop.build(is_metadata_dropped=True)
    assert prices(workshop)["a"] is None
    workshop.build()
    assert prices(workshop)["a"] is None
    with pytest.raises(GalleryError, match=r"Both --metadata .* and --no-metadata are given"):
        workshop.build(metadata=table, is_metadata_dropped=True)


def test_the_table_of_other_photos_is_left_out_and_named(
    workshop: Any, table: Path, photo: Any, tmp_path: Path
) -> None:
    workshop.build(metadata=table)
    photo(tmp_path / "other" / "x.png", 1)
    workshop.build(photos=tmp_path / "other")
    assert f"Not read again: the metadata {table} of the photos in {workshop.photos}" in said(workshop)
    assert workshop.ids() == ["x"]


def test_a_manifest_that_cannot_be_read_leaves_it_open_whether_there_were_metadata(workshop: Any, table: Path) -> None:
    workshop.build(metadata=table)
    (generation_folder(workshop.out, current_generation(workshop.out)) / "manifest.json").write_text("{")
    workshop.build()
    assert "if it has, build again with --metadata FILE" in said(workshop)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("photo_id,price\nshoe-1,2\na.jpg,3\n", r"it has 'shoe-1', and a photo here is 'a'; correct the ids"),
        ("photo_id,price\n", "has no rows"),
    ],
)
def test_a_table_about_no_photo_stops_the_build_before_anything_is_embedded(
    workshop: Any, table: Path, text: str, sentence: str
) -> None:
    workshop.build(metadata=table)
    before = workshop.content()
    table.write_text(text)
    workshop.add("d.png", first_seed=9)
    with pytest.raises(GalleryError, match=sentence):
        workshop.build(metadata=table)
    assert workshop.num_encoded == 0
    assert workshop.content() == before


def test_an_id_with_its_file_extension_is_taken_as_that_photo(workshop: Any, table: Path) -> None:
    workshop.add("b.jpg", "b.png", first_seed=20)  # two photos of one name: ids b and b.png
    workshop.add(unicodedata.normalize("NFD", "für.png"), first_seed=30)
    rows = {"a.png": 1, "chairs/b.png": 2, "b.jpg": 3, "b.png": 4, "für.png": 5}
    table.write_text("photo_id,price\n" + "".join(f"{name},{price}\n" for name, price in rows.items()))
    workshop.build(metadata=table)
    assert prices(workshop) == {"a": 1, "chairs/b": 2, "b": 3, "b.png": 4, "für": 5, "chairs/old/c": None}
    assert "name no photo" not in said(workshop)


def test_the_exact_name_of_a_file_wins_over_the_id_of_another(workshop: Any, table: Path) -> None:
    workshop.add("shoe.jpg", "shoe.jpg.webp", first_seed=20)  # ids shoe and shoe.jpg
    table.write_text("photo_id,price\nshoe.jpg,1\nshoe.jpg.webp,2\n")
    workshop.build(metadata=table)
    found = prices(workshop)
    assert (found["shoe"], found["shoe.jpg"]) == (1, 2)


def test_two_rows_about_one_photo_are_refused_naming_both(workshop: Any, table: Path) -> None:
    table.write_text("photo_id,price\na,1\nchairs/b,2\na.png,3\n")
    with pytest.raises(GalleryError, match=r"Lines 4 and 2 of the metadata, 'a.png' and 'a', are about one photo"):
        workshop.build(metadata=table)


def test_the_manifest_notes_the_table(workshop: Any, table: Path) -> None:
    workshop.build(metadata=table)
    folder = generation_folder(workshop.out, current_generation(workshop.out))
    assert json.loads((folder / "manifest.json").read_text())["metadata_file"] == os.fspath(table.resolve())


def test_a_cell_that_makes_a_column_text_is_named_at_every_build(workshop: Any, table: Path) -> None:
    table.write_text("photo_id,price\na,2.5\nchairs/b,3\nchairs/old/c,nan\n")
    workshop.build(metadata=table)
    assert "price is text because of 'nan' in line 4; " in said(workshop)


def test_the_same_is_said_of_jsonl_where_the_photo_is_in_the_gallery(workshop: Any, table: Path) -> None:
    table = table.with_suffix(".jsonl")
    rows = [("a", 1), ("chairs/b", 2.5), ("chairs/old/c", None), ("gone", "1,50")]
    table.write_text("\n".join(json.dumps({"photo_id": name, "price": price}) for name, price in rows))
    workshop.build(metadata=table)
    assert "price is text" not in said(workshop)
    workshop.add("gone.png", first_seed=9)
    workshop.build(metadata=table)
    assert "price is text because of '1,50' in line 4; correct the cell or leave it empty" in said(workshop)


def test_the_example_of_the_page_finds_what_the_page_says(workshop: Any, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "GALLERY.md").read_text(encoding="utf-8")
    table = tmp_path / "items.csv"
    example = re.search(r"(?:^    .*\n)+", page[page.index("    photo_id,") :], re.MULTILINE)
    assert example is not None
    table.write_text(re.sub(r"(?m)^    ", "", example[0]), encoding="utf-8")
    chairs = [f"chairs/chair-0000{number}" for number in range(3)]
    workshop.add(*(f"{name}.jpg" for name in (*chairs, "shoes/shoe-00000", "vases/vase-00000")))
    workshop.build(metadata=table)
    requests = [re.findall(r"'filter=(.*?)'", line) for line in page.splitlines() if line.startswith("    curl -F")]
    with workshop.open() as gallery:
        ids = workshop.ids()
        found = [[ids[row] for row in gallery.select(filters)] for filters in requests]
    assert found == [[chairs[0], chairs[1], "shoes/shoe-00000"], [chairs[0], chairs[2]], [chairs[1]]]
