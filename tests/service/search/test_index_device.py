import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import pytest
from fastapi.testclient import TestClient

from index_builder.gallery.errors import GpuError
from index_builder.gallery.folder_gallery import Gallery, current_generation, open_gallery
from service.app import create_app
from service.search.engine import SearchEngine
from service.search.index_device import IndexDevice, open_index_device
from service.search.live_gallery import LiveGallery
from service.settings import Settings

Opener = Callable[[], Gallery]


class FakeLibrary:
    """A GPU on which an index is a reference to the one on the CPU."""

    def __init__(self, *, gpus: int = 1, memory_bytes: int = 10**9) -> None:
        self.gpus, self.memory_bytes = gpus, memory_bytes

    def num_gpus(self) -> int:
        return self.gpus

    def resources(self) -> None:
        return None

    def place(self, _resources: None, index: Any) -> Any:
        if index.ntotal * index.d * 4 > self.memory_bytes:
            raise RuntimeError("out of memory")
        return index


@pytest.fixture
def open_current(gallery_folder: Path) -> Opener:
    return lambda: open_gallery(gallery_folder, bundle=None)


def device(setting: Any, library: FakeLibrary, *, memory_mb: int = 100) -> IndexDevice:
    return open_index_device(Settings(index_device=setting, index_device_memory_mb=memory_mb), library=library)


@pytest.mark.parametrize(("setting", "expected"), [("auto", "cuda"), ("cuda", "cuda"), ("cpu", "cpu")])
def test_the_gallery_is_searched_where_the_setting_says(setting: str, expected: str, open_current: Opener) -> None:
    with device(setting, FakeLibrary()).adopt(open_current()) as gallery:
        assert gallery.device == expected


def test_without_a_gpu_auto_warns_and_cuda_refuses(open_current: Opener, caplog: pytest.LogCaptureFixture) -> None:
    with device("auto", FakeLibrary(gpus=0)).adopt(open_current()) as gallery:
        assert gallery.device == "cpu"
    assert "the gallery is searched on the CPU: FAISS finds no usable GPU" in caplog.text
    with pytest.raises(GpuError, match="no usable GPU"):
        device("cuda", FakeLibrary(gpus=0))


@pytest.mark.skipif(hasattr(faiss, "StandardGpuResources"), reason="this is the GPU build of FAISS")
def test_the_cpu_build_of_faiss_is_silent_about_the_gpu_that_it_cannot_use(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        open_index_device(Settings())
    assert caplog.text == ""


def test_an_index_that_does_not_fit_falls_back_only_where_that_is_allowed(
    open_current: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    small = FakeLibrary(memory_bytes=10)
    with device("auto", small).adopt(open_current()) as gallery:
        assert gallery.device == "cpu"
    assert "could not be put on the GPU" in caplog.text
    refused = open_current()
    with pytest.raises(GpuError, match="could not be put on the GPU"):
        device("cuda", small).adopt(refused)
    with pytest.raises(Exception, match="closed"):
        refused.item("shapes/star-dotted")


def test_a_new_generation_that_does_not_fit_leaves_the_old_one_served(gallery_folder: Path) -> None:
    library = FakeLibrary()
    required = device("cuda", library)
    names = iter([current_generation(gallery_folder), "next"])
    name = [next(names)]
    live = LiveGallery(lambda: required.adopt(open_gallery(gallery_folder, bundle=None)), lambda: name[0])
    library.memory_bytes, name[0] = 10, next(names)
    assert not live.refresh()
    assert live.problem is not None
    assert "next cannot be served" in live.problem
    with live.lease() as gallery:
        assert gallery.device == "cuda"
    live.close()


def test_info_and_metrics_say_where_the_gallery_is_searched(
    gallery_folder: Path, encoder: Any, settings: Settings, sketch: Callable[[str], bytes]
) -> None:
    adopting = device("cuda", FakeLibrary())
    live = LiveGallery(
        lambda: adopting.adopt(open_gallery(gallery_folder, bundle=None)), lambda: current_generation(gallery_folder)
    )
    engine = SearchEngine(encoder, live, max_pixels=settings.max_pixels)
    with TestClient(create_app(settings, engine=engine)) as client:
        assert client.get("/info").json()["gallery"]["index_device"] == "cuda"
        assert 'sketch_search_index_device_info{device="cuda"} 1.0' in client.get("/metrics").text
        answer = client.post("/search", files={"sketch": sketch("star-dotted")}).json()
    assert answer["results"][0]["photo_id"] == "shapes/star-dotted"
    engine.close()
