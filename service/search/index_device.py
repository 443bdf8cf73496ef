"""Where the gallery is searched: on the GPU when there is one and the index fits, on the CPU when that is allowed."""

import logging
from typing import Protocol, TypeVar

import faiss

from index_builder.gallery.errors import GpuError
from index_builder.gallery.indexes.gpu import Gpu, GpuLibrary
from service.settings import Settings

logger = logging.getLogger(__name__)


class MovableGallery(Protocol):
    """A gallery that can be searched on a GPU."""

    def search_on(self, gpu: Gpu, /) -> None:
        """Searches on the GPU from now on; GpuError when that cannot be."""

    def close(self) -> None:
        """Releases the files."""


G = TypeVar("G", bound=MovableGallery)


class IndexDevice:
    """Puts each generation of the gallery where it is to be searched."""

    def __init__(self, gpu: Gpu | None) -> None:
        self._gpu = gpu

    def adopt(self, gallery: G) -> G:
        """Takes a generation that was just opened.

        Returns:
            The same gallery, searched on the GPU, or on the CPU where there is no GPU or the index does not fit.

        Raises:
            GpuError: a GPU is required and the gallery cannot be searched on it; the gallery is closed.
        """
        if self._gpu is None:
            return gallery
        try:
            gallery.search_on(self._gpu)
        except GpuError as error:
            if self._gpu.required:
                gallery.close()
                raise
            logger.warning("the gallery is searched on the CPU: %s", error)
        return gallery


def open_index_device(settings: Settings, *, library: GpuLibrary | None = None) -> IndexDevice:
    """Opens what the setting `index_device` names.

    Args:
        settings: of the service.
        library: stands in for FAISS in tests.

    Raises:
        GpuError: cuda was asked for and there is no usable GPU.
    """
    required = settings.index_device == "cuda"
    if settings.index_device == "cpu":
        return IndexDevice(None)
    try:
        gpu = Gpu(limit_bytes=settings.index_device_memory_mb * 10**6, required=required, library=library)
    except GpuError as error:
        if required:
            raise
        if library is not None or hasattr(faiss, "StandardGpuResources"):  # the CPU build is not expected to find one
            logger.warning("the gallery is searched on the CPU: %s", error)
        return IndexDevice(None)
    return IndexDevice(gpu)
