import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.publishing.swap import locked


def hold(out: Path, connection: Any) -> None:
    with locked(out):
        connection.send("locked")
        connection.recv()


def test_a_second_builder_on_one_gallery_is_refused(workshop: Any) -> None:
    workshop.add("a.png")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(workshop.out, theirs))
    process.start()
    try:
        assert ours.poll(10)
        with pytest.raises(GalleryError, match="Another index builder is at work on the gallery"):
            workshop.build()
    finally:
        ours.send("done")
        process.join(10)
    assert process.exitcode == 0
    assert workshop.build().published


def test_a_lock_ends_with_its_process(workshop: Any) -> None:
    workshop.add("a.png")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(workshop.out, theirs))
    process.start()
    assert ours.poll(10)
    process.kill()
    process.join(10)
    assert workshop.build().published


def test_a_file_in_place_of_the_gallery_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gallery"
    path.write_text("x")
    with pytest.raises(GalleryError, match="is a file"), locked(path):
        pass
