"""Chooses the metadata table of a build, the given one or the previous one, and matches its rows to photos."""

import json
from collections.abc import Iterator
from pathlib import Path

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import CURRENT, current_generation, generation_folder
from index_builder.gallery.manifest import Manifest, read_manifest
from index_builder.metadata.column_types import OddCells
from index_builder.metadata.table import read_metadata
from index_builder.progress import Progress
from index_builder.work.store import WorkStore

_NUM_EXAMPLES = 3
_HOW = "give --metadata FILE, or --no-metadata to drop the metadata"


def choose_metadata(given: Path | None, *, is_dropped: bool, out: Path, root: Path, progress: Progress) -> Path | None:
    """The table to read: the given one, else the one that the present generation of the same photos was built with.

    Args:
        given: with --metadata.
        is_dropped: the gallery is to have none.
        out: the gallery's folder.
        root: the photos folder, absolute.
        progress: told when a table is read again, or belonged to other photos.

    Returns:
        None when there is none.

    Raises:
        GalleryError: there was one, and it is gone.
    """
    if given is not None or is_dropped:
        return given
    manifest = _previous_manifest(out, progress)
    if manifest is None or manifest.metadata_file is None:
        return None
    previous = manifest.metadata_file
    if manifest.photos_root != str(root):
        progress.say(f"Not read again: the metadata {previous} of the photos in {manifest.photos_root}")
        return None
    if not Path(previous).is_file():
        raise GalleryError(f"The gallery {out} was built with the metadata file {previous}, which is gone; {_HOW}.")
    progress.say(f"Metadata: reading {previous} again, as the last build did (--no-metadata drops it)")
    return Path(previous)


def note_metadata(store: WorkStore, path: Path, progress: Progress) -> None:
    """Notes the rows of a table, not yet matched; GalleryError when it cannot be read, or repeats an id."""
    store.add_metadata(
        (row, json.dumps(row.values, ensure_ascii=False)) for row in read_metadata(path, say=progress.say)
    )


def match_metadata(store: WorkStore, path: Path) -> None:
    """Gives each row of a table to its photo; the folder has been scanned, and nothing is embedded yet.

    Raises:
        GalleryError: photos were found, and the table is about none of them, or twice about one.
    """
    store.match_paths()
    db = store.database
    photo = db.execute("SELECT photo_id FROM photos ORDER BY photo_id LIMIT 1").fetchone()
    if photo is None:
        return  # said as such by whoever scanned
    first = db.execute("SELECT photo_id FROM metadata ORDER BY line LIMIT 1").fetchone()
    if first is None:
        raise GalleryError(f"The metadata file {path} has no rows; add some, or give --no-metadata instead.")
    if db.execute("SELECT 1 FROM metadata JOIN photos USING (photo_id) LIMIT 1").fetchone() is None:
        raise GalleryError(
            f"No photo_id in the metadata file {path} is that of a photo: it has {first[0]!r}, and a photo here is "
            f"{photo[0]!r}; correct the ids, or give --no-metadata instead."
        )


def say_metadata(store: WorkStore, path: Path, progress: Progress) -> None:
    """Says how many photos of the gallery a table describes, and which of its rows describe none."""
    rows, used = store.database.execute(
        "SELECT count(*), count(i.photo_id) FROM metadata AS m LEFT JOIN indexed AS i ON i.photo_id = m.photo_id"
    ).fetchone()
    progress.say(f"Metadata for {used:,} photos from {path}")
    if rows > used:
        unknown = store.database.execute(
            "SELECT photo_id FROM metadata WHERE photo_id NOT IN (SELECT photo_id FROM indexed) ORDER BY line LIMIT ?",
            (_NUM_EXAMPLES,),
        )
        names = ", ".join(photo_id for (photo_id,) in unknown) + (", …" if rows - used > _NUM_EXAMPLES else "")
        (example,) = store.database.execute("SELECT photo_id FROM indexed ORDER BY photo_id LIMIT 1").fetchone()
        progress.say(
            f"{rows - used:,} metadata rows name no photo of the gallery: {names} (an id here looks like {example!r})"
        )
    for odd in _odd_values(store):
        progress.say(odd.sentence())


def _odd_values(store: WorkStore) -> Iterator[OddCells]:
    """Finds odd values in JSONL columns, whose type comes from the values; a CSV column holds values of one type."""
    rows = store.database.execute(
        "SELECT j.key, sum(j.type IN ('integer', 'real')), sum(j.type NOT IN ('integer', 'real')),"
        " min(iif(j.type IN ('integer', 'real'), NULL, m.line)), j.value, j.type"  # value and type of that line
        " FROM metadata AS m JOIN indexed USING (photo_id), json_each(m.json) AS j"
        " WHERE j.type != 'null' GROUP BY j.key"
    )
    for column, numbers, num_odd, line, value, kind in rows:
        odd = OddCells(column, numbers, num_odd, repr(value) if kind == "text" else kind, line)
        if odd.are_few:
            yield odd


def _previous_manifest(out: Path, progress: Progress) -> Manifest | None:
    if not (out / CURRENT).exists():
        return None
    try:
        return read_manifest(generation_folder(out, current_generation(out)))
    except GalleryError:
        progress.say(
            "Whether the present generation has metadata cannot be read; if it has, build again with --metadata FILE."
        )
        return None
