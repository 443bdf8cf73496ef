"""The commands of `python -m index_builder`, and the one place where errors become a sentence and an exit status."""

import signal
import sqlite3
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console

from index_builder.build import BuildSettings, build_gallery, with_metadata
from index_builder.cli.output import READER_GONE, ReaderGoneError, discard_output, flush_lines, print_line
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.check import check_gallery
from index_builder.gallery.columns import Column, as_text
from index_builder.gallery.errors import GalleryError, TooManyUnreadableError
from index_builder.gallery.export import export_gallery
from index_builder.gallery.folder_gallery import Gallery, open_gallery
from index_builder.gallery.generation_files import verify_files
from index_builder.gallery.interface import PhotoGallery
from index_builder.gallery.location import read_place
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.open import opened
from index_builder.indexing.choose import describe
from index_builder.indexing.requirements import IndexWish, parse_bytes
from index_builder.indexing.sketch_queries import embed_sketches, find_sketches
from index_builder.progress import ConsoleProgress, Progress, one_line
from index_builder.publishing.generation import BuildReport
from index_builder.watching.changes import follow_folder
from index_builder.watching.watcher import Watcher, WatchSettings
from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.errors import SketchSearchError
from model.images import decode_image

if TYPE_CHECKING:
    from index_builder.publishing.milvus import MilvusPublisher

EXIT_CODES = """exit status:
  0    published, or nothing had changed; with --watch: stopped by a signal
  1    more unreadable photos than are accepted, or none readable: nothing was published
  2    something given is wrong (a path, an option, the metadata, another bundle, a damaged gallery)
  130  interrupted; the same command goes on where it stopped"""
_MAX_SKETCH_PIXELS = 50_000_000


def run(command: str, arguments: Namespace) -> int:
    """Runs a command and returns its exit status; never raises for what the person gave."""
    commands: dict[str, Callable[[Namespace], None]] = {
        "build": _build,
        "info": _info,
        "verify": _verify,
        "search": _search,
        "export": _export,
    }
    # A container is stopped by SIGTERM: treated like Ctrl-C, what was embedded is kept. SIGINT is set as well, because
    # a process that a script started in the background would ignore it.
    handlers_before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        commands[command](arguments)
        flush_lines()
    except ReaderGoneError:
        discard_output()
        return READER_GONE
    except TooManyUnreadableError as error:
        return _fail(str(error), 1)
    except SketchSearchError as error:
        return _fail(str(error), 2)
    except (OSError, sqlite3.Error) as error:
        return _fail(f"The files could not be read or written: {error}; check space and permissions.", 2)
    except KeyboardInterrupt:
        return _fail("Interrupted; what was embedded is kept, and the same command goes on from there.", 130)
    finally:
        for number, handler in handlers_before.items():
            signal.signal(number, handler)
    return 0


def _build(arguments: Namespace) -> None:
    progress = ConsoleProgress(Console(stderr=True))
    bundle = _read_bundle(arguments.bundle)
    if arguments.bundle is None:
        progress.say(f"No --bundle given: using the demo bundle {bundle.name}")
    settings = BuildSettings(
        photos=arguments.gallery,
        out=arguments.out,
        metadata=arguments.metadata,
        is_metadata_dropped=arguments.no_metadata,
        max_error_rate=arguments.max_error_rate,
        num_workers=arguments.workers,
        index=_index_wish(arguments, bundle),
        engine=arguments.engine,
        ray_address=arguments.ray_address,
        shards=arguments.shards,
    )
    model = PhotoModel.from_bundle(bundle, device=arguments.device, precision=arguments.precision)
    with _publisher(arguments.store, settings.index, progress) as publisher:
        build = partial(_build_and_publish, publisher, model, progress)
        if arguments.watch:
            how = WatchSettings(settle_seconds=arguments.settle_seconds, poll_seconds=arguments.poll_seconds)
            # Already now, so that the watch follows the table that the last generation was built with.
            _watch(with_metadata(settings, progress), how, build, progress)
        else:
            build(settings)


@contextmanager
def _publisher(store: str | None, wish: IndexWish, progress: Progress) -> Iterator["MilvusPublisher | None"]:
    """What publishes to --store; connects before anything is embedded, so that a wrong address is said at once."""
    if store is None:
        yield None
        return
    from index_builder.publishing.milvus import MilvusPublisher

    with closing(MilvusPublisher(MilvusAddress.parse(store), wish=wish, progress=progress)) as publisher:
        yield publisher


def _build_and_publish(
    publisher: "MilvusPublisher | None", model: PhotoModel, progress: Progress, settings: BuildSettings
) -> BuildReport:
    report = build_gallery(settings, model=model, progress=progress)
    if publisher is not None:
        with open_gallery(settings.out, bundle=None) as gallery:
            publisher.publish(gallery)
    return report


def _index_wish(arguments: Namespace, bundle: Bundle) -> IndexWish:
    paths = [] if arguments.sketches is None else find_sketches(arguments.sketches)
    # Cached: whoever follows a folder builds again and again.
    embed = cache(partial(embed_sketches, paths, bundle, device=arguments.device)) if paths else None
    return IndexWish(
        recall=arguments.recall,
        memory_bytes=parse_bytes(arguments.memory),
        sketches=embed,
        is_searched_here=arguments.store is None,
    )


def _watch(
    settings: BuildSettings, how: WatchSettings, build: Callable[[BuildSettings], BuildReport], progress: Progress
) -> None:
    watcher = Watcher(settings, how, build, progress)
    changes = follow_folder(settings.photos.resolve(), exclude=settings.out.resolve(), poll_seconds=how.poll_seconds)
    try:
        watcher.run(changes)
    except KeyboardInterrupt:
        # A generation is published as a whole or not at all, and what was embedded is kept: any moment will do.
        for number in (signal.SIGTERM, signal.SIGINT):  # an impatient second one changes nothing
            signal.signal(number, signal.SIG_IGN)
        progress.say("Stopped watching; the gallery stays as it was published last.")


def _info(arguments: Namespace) -> None:
    with opened(read_place(arguments.gallery), bundle=None) as gallery:
        manifest = gallery.manifest
    counts, stamp = manifest.counts, manifest.bundle
    print_line(f"generation  {manifest.generation}, created {manifest.created}")
    print_line(f"photos      {manifest.count:,} of {manifest.photos_root}")
    print_line(f"counts      found {counts.found:,} = indexed {counts.indexed:,} + skipped {counts.skipped:,}")
    print_line(f"duplicates  {manifest.duplicates.photos:,}")
    if manifest.near_duplicates is not None:
        print_line(
            f"near-dupl.  {manifest.near_duplicates.photos:,} photos look like another; manifest.json names them"
        )
    for column in manifest.columns:
        print_line(f"column      {_describe(column)}")
    print_line(f"index       {manifest.index_type}, dimension {manifest.dimension}")
    if (tuning := manifest.tuning) is not None:
        print_line(f"            {describe(tuning)}")
        print_line(
            f"            {tuning.bytes_per_vector:g} bytes a photo in memory; asked: recall {tuning.recall_target:g}"
        )
    print_line(f"bundle      {stamp.name} ({stamp.fingerprint[:12]}), {stamp.precision}")
    print_line(f"size        {sum(manifest.file_sizes.values()):,} bytes")


def _describe(column: Column) -> str:
    text = f"{column.name}: {column.type}, {column.photos:,} photos"
    if column.minimum is not None and column.maximum is not None:
        text += f", from {as_text(column.minimum)} to {as_text(column.maximum)}"
    if column.values is not None and column.type != "number":
        text += ", " + ", ".join(f"{value} {photos:,}" for value, photos in column.values.items())
    return text


def _verify(arguments: Namespace) -> None:
    with opened(read_place(arguments.gallery), bundle=None) as gallery:
        if isinstance(gallery, Gallery):
            verify_files(gallery.folder, gallery.manifest)
            check_gallery(gallery)
            what = f"{len(gallery.manifest.files)} files"
        else:
            gallery.check()
            what = "in Milvus"
        print_line(f"Generation {gallery.generation} is intact: {gallery.size:,} photos, {what}.")


def _search(arguments: Namespace) -> None:
    image = decode_image(_read_sketch(arguments.sketch), max_pixels=_MAX_SKETCH_PIXELS)
    bundle = _read_bundle(arguments.bundle)
    with opened(read_place(arguments.gallery), bundle=bundle) as gallery:
        searched: PhotoGallery = gallery
        rows = searched.select(arguments.filter)
        encoder = open_encoder(bundle, "sketch", device=arguments.device)
        embedding = encoder.embed(image)
        for rank, hit in enumerate(searched.search(embedding, k=arguments.k, rows=rows), start=1):
            print_line(f"{rank:>3}  {hit.score:.4f}  {hit.photo_id}")


def _read_sketch(path: Path) -> bytes:
    if not path.exists():
        raise SketchSearchError(f"There is no file {path}; give the image of a drawing, such as --sketch drawing.png.")
    if not path.is_file():
        raise SketchSearchError(f"{path} is not a file; give the image of a drawing, such as --sketch drawing.png.")
    return path.read_bytes()


def _export(arguments: Namespace) -> None:
    place = read_place(arguments.gallery)
    if not isinstance(place, Path):
        raise GalleryError(f"{place} is not a folder; export the gallery on disk that was published there.")
    with open_gallery(place, bundle=None) as gallery:
        written = export_gallery(gallery, arguments.out, replaces=arguments.force)
        what = f"{gallery.size:,} embeddings of dimension {gallery.dimension} of generation {gallery.generation}"
    print_line(f"Exported {what} to {' and '.join(map(str, written))}")


def _read_bundle(path: Path | None) -> Bundle:
    return read_bundle(default_bundle_path() if path is None else path)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(one_line(sentence) + "\n")
    return status
