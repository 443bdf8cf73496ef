"""The commands that look into a gallery: info, verify, search and export."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from index_builder.cli.bundle import add_encoder, chosen_bundle
from index_builder.cli.output import print_line
from index_builder.gallery.check import check_gallery
from index_builder.gallery.columns import Column, as_text
from index_builder.gallery.errors import GalleryError
from index_builder.gallery.export import export_gallery
from index_builder.gallery.folder_gallery import Gallery, open_gallery
from index_builder.gallery.generation_files import verify_files
from index_builder.gallery.interface import PhotoGallery
from index_builder.gallery.location import read_location
from index_builder.gallery.open import opened
from index_builder.indexing.choose import describe
from model.encoder import open_encoder
from model.errors import SketchSearchError
from model.images import decode_image

_MAX_SKETCH_PIXELS = 50_000_000


def add_inspect_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """Adds the options of one of these commands."""
    parser.add_argument(
        "gallery",
        metavar="GALLERY",
        nargs="?",
        default="gallery",
        help="the gallery's folder, or milvus://host:port/name (gallery/)",
    )
    if command == "search":
        parser.add_argument("--sketch", type=Path, metavar="IMAGE", required=True, help="an image of the drawing")
        parser.add_argument("-k", type=int, default=10, help="how many photos to show (10)")
        parser.add_argument("--filter", action="append", default=[], help="such as price>=10; may be repeated")
        add_encoder(parser)
    if command == "export":
        parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="a .npy or .parquet file")
        parser.add_argument("--force", action="store_true", help="replace the files where they exist")


def _info(arguments: Namespace) -> None:
    with opened(read_location(arguments.gallery), bundle=None) as gallery:
        manifest = gallery.manifest
    counts, stamp = manifest.counts, manifest.bundle
    print_line(f"generation  {manifest.generation}, created {manifest.created}")
    print_line(f"photos      {manifest.count:,} of {manifest.photos_root}")
    print_line(f"counts      found {counts.found:,} = indexed {counts.indexed:,} + skipped {counts.skipped:,}")
    print_line(f"duplicates  {manifest.duplicates.photos:,}")
    print_line(f"near-dupl.  {manifest.near_duplicates.photos:,} photos look like another; manifest.json names them")
    for column in manifest.columns:
        print_line(f"column      {_describe(column)}")
    print_line(f"index       {manifest.index_type}, dimension {manifest.dimension}")
    tuning = manifest.tuning
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
    with opened(read_location(arguments.gallery), bundle=None) as gallery:
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
    bundle = chosen_bundle(arguments.bundle)
    with opened(read_location(arguments.gallery), bundle=bundle) as gallery:
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
    location = read_location(arguments.gallery)
    if not isinstance(location, Path):
        raise GalleryError(f"{location} is not a folder; export the gallery on disk that was published there.")
    with open_gallery(location, bundle=None) as gallery:
        written = export_gallery(gallery, arguments.out, replaces=arguments.force)
        what = f"{gallery.size:,} embeddings of dimension {gallery.dimension} of generation {gallery.generation}"
    print_line(f"Exported {what} to {' and '.join(map(str, written))}")


INSPECT_COMMANDS: dict[str, tuple[Callable[[Namespace], None], str]] = {
    "info": (_info, "Says what is in a gallery."),
    "verify": (_verify, "Hashes and compares every file of a gallery."),
    "search": (_search, "Searches a gallery with a drawing."),
    "export": (_export, "Writes a gallery's embeddings and photo ids for other programs."),
}
