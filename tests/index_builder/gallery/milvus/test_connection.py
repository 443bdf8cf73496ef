"""How a client of Milvus is set up, without a Milvus."""

import pytest

from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.milvus.connection import MilvusConnection

LONGEST_PAUSE_MS = 5000


def test_a_client_tries_again_within_seconds_however_long_milvus_was_away(
    milvus_packages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, dict[str, int]] = {}

    def client(uri: str, **arguments: dict[str, int]) -> None:
        given.update(arguments)

    monkeypatch.setattr("pymilvus.MilvusClient", client)
    MilvusConnection(MilvusAddress.parse("milvus://127.0.0.1/shoes"))
    # gRPC's own longest pause is two minutes; a test that waits for it would take as long.
    assert given["grpc_options"]["grpc.max_reconnect_backoff_ms"] <= LONGEST_PAUSE_MS
