"""Where a gallery is in Milvus: `milvus://host:port/name`, an alias for the collection of its present generation."""

import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from index_builder.gallery.errors import GalleryError

SCHEME = "milvus://"
_PORT = 19530
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_EXPECTED = "milvus://host:19530/name, the name of letters, digits and _"


@dataclass(frozen=True)
class MilvusAddress:
    """A gallery in Milvus.

    Attributes:
        host: of Milvus.
        port: of its gRPC interface.
        gallery: its name, which is the alias that every reader follows.
        user: empty where Milvus asks for none.
        password: of the user; never shown.
    """

    host: str
    port: int
    gallery: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `milvus://[user:password@]host[:port]/name`; GalleryError, without the password, otherwise."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port or _PORT
        except ValueError as error:
            raise GalleryError(f"The address of the gallery in Milvus is not readable; give {_EXPECTED}.") from error
        shown = f"{SCHEME}{host}:{port}{parts.path}"
        name = parts.path.removeprefix("/")
        if f"{parts.scheme}://" != SCHEME or not host or not _NAME.fullmatch(name) or parts.query or parts.fragment:
            raise GalleryError(f"{shown} is no gallery in Milvus; give {_EXPECTED}.")
        return cls(host, port, name, unquote(parts.username or ""), unquote(parts.password or ""))

    @property
    def uri(self) -> str:
        """The address that the client connects to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def collection(self, generation: str) -> str:
        """The collection that holds a generation; Milvus takes letters, digits and _ in a name."""
        return f"{self.gallery}__{generation.replace('-', '_')}"

    def generation(self, collection: str) -> str | None:
        """The generation that a collection holds; None for a collection of something else."""
        found = re.fullmatch(re.escape(self.gallery) + r"__(\d{8}T\d{6}Z_[0-9a-f]{8}(?:_\d+)?)", collection)
        return found[1].replace("_", "-") if found else None

    def __str__(self) -> str:
        return f"{SCHEME}{self.host}:{self.port}/{self.gallery}"
