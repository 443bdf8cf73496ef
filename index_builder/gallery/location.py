"""Where a gallery is: a folder that the index builder wrote, or a gallery in Milvus."""

from pathlib import Path

from index_builder.gallery.milvus.address import SCHEME, MilvusAddress

Location = Path | MilvusAddress


def read_location(text: str) -> Location:
    """Reads a folder or `milvus://host:port/name`; GalleryError when it begins like the latter but is not one."""
    return MilvusAddress.parse(text) if text.startswith(SCHEME) else Path(text)
