"""Calls to Milvus, each with a time limit, and its errors as ours: one sentence, and another class when it is away."""

import logging
from typing import Any

from index_builder.gallery.errors import GalleryError, GalleryUnavailableError
from index_builder.gallery.milvus.address import MilvusAddress

READ_SECONDS = 4.0  # less than a service waits before it calls itself not ready
WRITE_SECONDS = 3600.0  # loading and indexing a large collection
_CHANNEL = {
    # After minutes of silence gRPC would otherwise wait up to two minutes before it tries again.
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 2000,
    # The client's own ten seconds are too often for gRPC's default servers, of which milvus-lite is one: the third ping
    # without a call ends the connection ("too many pings"), and with it the call that comes then.
    "grpc.keepalive_time_ms": 330_000,
}
_NOT_LOADED = 101
_NO_SUCH_ALIAS = (1600, 100)  # of Milvus, of milvus-lite


class MilvusConnection:
    """A client of one Milvus. Safe to use from several threads; reconnects by itself."""

    def __init__(self, address: MilvusAddress) -> None:
        """Connects; GalleryUnavailableError when Milvus does not answer, GalleryError without its client."""
        try:
            from pymilvus import MilvusClient  # only where it is needed: it is an extra, and takes a second to load
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise GalleryError(
                f"The gallery {address} needs the client of Milvus; install it with the extra milvus."
            ) from error
        # Every failed call would be logged with its stack, and again by whoever handles the error.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self.address = address
        self._error: type[Exception] = MilvusException
        try:
            self.client = MilvusClient(
                address.uri,
                user=address.user,
                password=address.password,
                timeout=READ_SECONDS,
                grpc_options=_CHANNEL,
            )
        except MilvusException as error:
            raise self._away(error) from error

    def read(self, method: str, collection: str, **arguments: object) -> Any:  # noqa: ANN401  the client has no types
        """Calls a method that reads from a loaded collection; GalleryUnavailableError when Milvus refuses."""
        call = getattr(self.client, method)
        # Generations never change once they are published, so a reader need not wait for the newest state.
        given = {"collection_name": collection, "timeout": READ_SECONDS, "consistency_level": "Eventually", **arguments}
        try:
            try:
                return call(**given)
            except self._error as error:
                if getattr(error, "code", None) != _NOT_LOADED:
                    raise
                # A Milvus that was started again may have forgotten what was loaded.
                self.client.load_collection(collection, timeout=READ_SECONDS)
                return call(**given)
        except self._error as error:
            raise self._away(error) from error

    def call(self, method: str, *arguments: object, seconds: float, **named: object) -> Any:  # noqa: ANN401  no types
        """Calls any other method; GalleryUnavailableError when Milvus does not answer in time, or refuses."""
        try:
            return getattr(self.client, method)(*arguments, timeout=seconds, **named)
        except self._error as error:
            raise self._away(error) from error

    def collection(self) -> str | None:
        """The collection that the gallery's alias names now; None when there is none."""
        try:
            found = self.client.describe_alias(self.address.gallery, timeout=READ_SECONDS)
        except self._error as error:
            if getattr(error, "code", None) in _NO_SUCH_ALIAS:
                return None
            raise self._away(error) from error
        return str(found["collection_name"])

    def close(self) -> None:
        """Disconnects."""
        self.client.close()

    def _away(self, error: Exception) -> GalleryUnavailableError:
        reason = str(getattr(error, "message", error)).rstrip(". ")
        return GalleryUnavailableError(
            f"Milvus at {self.address.host}:{self.address.port} cannot answer for the gallery "
            f"{self.address.gallery} ({reason}); check that it runs and can be reached."
        )
