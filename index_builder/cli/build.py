"""`python -m index_builder --gallery PHOTOS`: builds a gallery, and follows the folder with --watch."""

import argparse
import os
import signal
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from index_builder.build import build_gallery, with_metadata
from index_builder.cli.bundle import add_encoder, chosen_bundle
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.folder_gallery import open_gallery
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.indexing.requirements import DEFAULT_MEMORY_BYTES, DEFAULT_RECALL, IndexRequirements, parse_bytes
from index_builder.indexing.sketch_queries import embed_sketches, find_sketches
from index_builder.photos.exclusions import Exclusions
from index_builder.progress import ConsoleProgress, Progress
from index_builder.publishing.generation import BuildReport
from index_builder.settings import DEFAULT_ERROR_RATE, FEW_ERRORS, BuildSettings
from index_builder.watching.changes import follow_folder
from index_builder.watching.watcher import Watcher, WatchSettings
from model.bundle import Bundle

if TYPE_CHECKING:
    from index_builder.publishing.milvus import MilvusPublisher

SETTLE_VARIABLE = "SKETCH_SEARCH_WATCH_SETTLE_SECONDS"
POLL_VARIABLE = "SKETCH_SEARCH_WATCH_POLL_SECONDS"


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a build."""
    parser.add_argument("--gallery", type=Path, metavar="PHOTOS", required=True, help="the folder of photos: photos/")
    parser.add_argument("--out", type=Path, metavar="GALLERY", default="gallery", help="what to build (gallery/)")
    parser.add_argument(
        "--store", metavar="PLACE", help="milvus://host:port/name: publish there what is in --out, to be searched there"
    )
    parser.add_argument(
        "--metadata",
        type=Path,
        metavar="TABLE",
        help="a CSV or JSONL file with a photo_id per row; builds that follow read it again by themselves",
    )
    parser.add_argument("--no-metadata", action="store_true", help="drop the metadata that the gallery has")
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out files and folders, by the rules of .gitignore, such as drafts/ or *.tmp.jpg; may be repeated",
    )
    parser.add_argument(
        "--max-error-rate",
        type=float,
        metavar="SHARE",
        help=f"share of unreadable photos above which nothing is published; unless given, {DEFAULT_ERROR_RATE:g}, "
        f"judged only when more than {FEW_ERRORS} photos, or half of them, cannot be read",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="THREADS",
        default=0,
        help="threads that decode photos and, without a GPU, embed them (0: one per core)",
    )
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="what embeds: this process, or Ray (local)"
    )
    parser.add_argument("--ray-address", metavar="ADDRESS", help="with --engine ray: a running cluster, such as auto")
    parser.add_argument(
        "--shards", metavar="URL", help="with --engine ray: where workers keep what is not committed (s3://…, file://…)"
    )
    parser.add_argument("--precision", default="default", help="of the photo encoder: fp32, int8, bf16 (OpenVINO)")
    add_encoder(parser)
    _add_index(parser)
    _add_watch(parser)


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recall", type=float, default=DEFAULT_RECALL, help=f"recall@10 that searches must reach ({DEFAULT_RECALL:g})"
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        default=DEFAULT_MEMORY_BYTES,
        help="what searches may keep in memory, such as 300MB (1GB); embeddings stay on disk",
    )
    parser.add_argument(
        "--sketches", type=Path, metavar="DRAWINGS", help="a folder or manifest.json of drawings to measure recall with"
    )


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="build, then follow the folder until stopped")
    parser.add_argument(
        "--settle-seconds",
        type=float,
        default=os.environ.get(SETTLE_VARIABLE) or 2.0,
        help=f"with --watch: a file that stays the same for so long is complete (2; env {SETTLE_VARIABLE})",
    )
    parser.add_argument(
        "--poll-seconds",
        type=float,
        default=os.environ.get(POLL_VARIABLE) or 0.0,
        help=f"with --watch: look every so many seconds, where no events arrive (0: events; env {POLL_VARIABLE})",
    )


def build(arguments: Namespace) -> None:
    """Builds, publishes and, with --watch, follows the folder."""
    progress = ConsoleProgress(Console(stderr=True))
    bundle = chosen_bundle(arguments.bundle)
    if arguments.bundle is None:
        progress.say(f"No --bundle given: using the demo bundle {bundle.name}")
    settings = BuildSettings(
        photos=arguments.gallery,
        out=arguments.out,
        metadata=arguments.metadata,
        is_metadata_dropped=arguments.no_metadata,
        exclude=tuple(arguments.exclude),
        max_error_rate=arguments.max_error_rate,
        num_workers=arguments.workers,
        index=_index_requirements(arguments, bundle),
        engine=arguments.engine,
        ray_address=arguments.ray_address,
        shards=arguments.shards,
    )
    model = PhotoModel.from_bundle(bundle, device=arguments.device, precision=arguments.precision)
    with _publisher(arguments.store, settings.index, progress) as publisher:
        builder = Builder(model, publisher, progress)
        if arguments.watch:
            how = WatchSettings(settle_seconds=arguments.settle_seconds, poll_seconds=arguments.poll_seconds)
            # Already now, so that the watch follows the table that the last generation was built with.
            _watch(with_metadata(settings, progress), how, builder, progress)
        else:
            builder(settings)


@dataclass(frozen=True)
class Builder:
    """Builds a gallery and, with --store, publishes it to Milvus."""

    model: PhotoModel
    publisher: "MilvusPublisher | None"
    progress: Progress

    def __call__(self, settings: BuildSettings) -> BuildReport:
        """Runs one build; raises as `build_gallery` and `MilvusPublisher.publish` do."""
        report = build_gallery(settings, model=self.model, progress=self.progress)
        if self.publisher is not None:
            with open_gallery(settings.out, bundle=None) as gallery:
                self.publisher.publish(gallery)
        return report


@contextmanager
def _publisher(
    store: str | None, requirements: IndexRequirements, progress: Progress
) -> Iterator["MilvusPublisher | None"]:
    """Connects to --store before anything is embedded, so that a wrong address is said at once."""
    if store is None:
        yield None
        return
    from index_builder.publishing.milvus import MilvusPublisher

    with closing(
        MilvusPublisher(MilvusAddress.parse(store), requirements=requirements, progress=progress)
    ) as publisher:
        yield publisher


def _index_requirements(arguments: Namespace, bundle: Bundle) -> IndexRequirements:
    paths = [] if arguments.sketches is None else find_sketches(arguments.sketches)
    # Cached: whoever follows a folder builds again and again.
    embed = cache(partial(embed_sketches, paths, bundle, device=arguments.device)) if paths else None
    return IndexRequirements(
        recall=arguments.recall,
        memory_bytes=parse_bytes(arguments.memory),
        sketches=embed,
        is_searched_here=arguments.store is None,
    )


def _watch(settings: BuildSettings, how: WatchSettings, builder: Builder, progress: Progress) -> None:
    watcher = Watcher(settings, how, builder, progress)
    changes = follow_folder(
        settings.photos.absolute(),
        exclude=settings.out.resolve(),
        exclusions=Exclusions(settings.exclude),
        poll_seconds=how.poll_seconds,
        say=progress.say,
    )
    try:
        watcher.run(changes)
    except KeyboardInterrupt:
        # A generation is published as a whole or not at all, and what was embedded is kept: any moment will do.
        for number in (signal.SIGTERM, signal.SIGINT):  # an impatient second one changes nothing
            signal.signal(number, signal.SIG_IGN)
        progress.say("Stopped watching; the gallery stays as it was published last.")
