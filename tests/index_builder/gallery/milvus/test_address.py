import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.milvus.address import MilvusAddress


def test_an_address_names_host_port_gallery_and_perhaps_a_user() -> None:
    assert MilvusAddress.parse("milvus://db.example/shoes") == MilvusAddress("db.example", 19530, "shoes")
    address = MilvusAddress.parse("milvus://anna:p%40ss@[::1]:7/shoes_2")
    assert address == MilvusAddress("::1", 7, "shoes_2", "anna", "p@ss")
    assert address.uri == "http://[::1]:7"


def test_a_password_is_never_shown() -> None:
    address = MilvusAddress.parse("milvus://anna:secret@db/shoes")
    assert "secret" not in f"{address} {address!r}"
    assert str(address) == "milvus://db:19530/shoes"
    with pytest.raises(GalleryError) as caught:
        MilvusAddress.parse("milvus://anna:secret@db/no-such-name")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["milvus://", "milvus://db", "milvus://db/", "milvus://db/a/b", "milvus://db/ä", "milvus://db:x/a", "milvus:a"],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(GalleryError, match="give milvus://host:19530/name"):
        MilvusAddress.parse(text)


def test_a_collection_tells_its_generation_and_other_collections_are_left_alone() -> None:
    address = MilvusAddress("db", 1, "shoes")
    name = address.collection("20261121T151300Z-abcdef12-2")
    assert name == "shoes__20261121T151300Z_abcdef12_2"
    assert address.generation(name) == "20261121T151300Z-abcdef12-2"
    for other in ("shoes", "boots__20261121T151300Z_abcdef12", "shoes__a__20261121T151300Z_abcdef12", "shoes__notes"):
        assert address.generation(other) is None
