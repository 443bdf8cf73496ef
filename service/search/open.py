"""Opens the real encoder, gallery and feedback; apart from the rest so that tests and --help need not load them."""

import logging
from functools import cache

from index_builder.gallery.errors import GpuError
from index_builder.gallery.location import read_location
from index_builder.gallery.open import FolderSource, open_source
from model.bundle import Bundle, default_bundle_path, read_bundle
from model.cores import usable_cores
from model.encoder import Encoder, open_encoder
from model.errors import SketchSearchError
from model.preprocess import Preprocessing
from service.search.batching import BatchingEncoder
from service.search.engine import SearchEngine, SketchEncoder
from service.search.feedback_store import KEPT, FeedbackStore
from service.search.index_device import open_index_device
from service.search.live_gallery import LiveGallery
from service.search.threads import calibrate
from service.settings import Settings
from service.uploads.pool import DecoderPool
from service.uploads.reader import LocalReader, SketchReader

logger = logging.getLogger(__name__)


def open_engine(settings: Settings) -> SearchEngine:
    """Opens what the settings name.

    Raises:
        SketchSearchError: the bundle or gallery is missing, damaged or does not fit, or there is no such device.
    """
    bundle = read_bundle(settings.bundle or default_bundle_path())
    # The encoder first: a gallery that is open when this fails would stay open.
    encoder, concurrent_encodes = _open_sketch_encoder(bundle, settings)
    gallery = _open_gallery(bundle, settings)
    try:
        reader = open_reader(
            bundle.preprocessing, settings, at_once=settings.worker_threads or max(concurrent_encodes, 2)
        )
    except SketchSearchError:
        gallery.close()
        raise
    return SearchEngine(
        encoder, gallery, max_pixels=settings.max_pixels, concurrent_encodes=concurrent_encodes, reader=reader
    )


def _open_gallery(bundle: Bundle, settings: Settings) -> LiveGallery:
    location = read_location(str(settings.gallery))
    source = open_source(location, bundle=bundle)
    if isinstance(source, FolderSource):
        device = open_index_device(settings)
        return LiveGallery(lambda: device.adopt(source.open()), source.current)
    if settings.index_device == "cuda":
        source.close()
        raise GpuError(f"index_device is cuda, but {location} is searched by Milvus; leave it at auto.")
    try:
        return LiveGallery(source.open, source.current, on_close=source.close)
    except SketchSearchError:
        source.close()
        raise


def open_reader(preprocessing: Preprocessing, settings: Settings, *, at_once: int) -> SketchReader:
    """Starts what decodes uploads, as many as are read at once.

    Raises:
        SketchSearchError: its processes do not start.
    """
    wanted = settings.decoder_processes
    num_processes = min(at_once, max(2, usable_cores()) if wanted == "auto" else wanted)
    if num_processes == 0:
        return LocalReader(preprocessing, max_pixels=settings.max_pixels)
    return DecoderPool(
        preprocessing,
        max_pixels=settings.max_pixels,
        num_processes=num_processes,
        cpu_seconds=settings.decode_seconds,
    )


def open_feedback(settings: Settings) -> FeedbackStore | None:
    """Opens the folder of confirmed searches, if the settings name one.

    Raises:
        SketchSearchError: it cannot be written to, or what reads the drawings does not start.
    """
    if settings.feedback is None:
        return None
    reader = open_reader(KEPT, settings, at_once=1)
    try:
        return FeedbackStore(settings.feedback, max_bytes=settings.feedback_max_mb * 2**20, reader=reader)
    except SketchSearchError:
        reader.close()
        raise


def _open_sketch_encoder(bundle: Bundle, settings: Settings) -> tuple[SketchEncoder, int]:
    """The encoder, on a GPU with batching in front of it, and how many sketches it may be given at once."""

    @cache
    def with_threads(num_threads: int) -> Encoder:
        return open_encoder(
            bundle,
            "sketch",
            device=settings.device,
            precision=settings.precision,
            num_threads=num_threads,
            at_once=settings.concurrent_encodes or max(1, usable_cores() // num_threads),
            gpu_memory_mb=settings.encoder_memory_mb,
        )

    first = with_threads(settings.encoder_threads or 1)
    if first.provider == "CUDAExecutionProvider":
        largest = settings.max_encode_batch
        return BatchingEncoder(first, max_batch=largest), settings.concurrent_encodes or largest
    encoder, share = calibrate(
        with_threads, threads=settings.encoder_threads, encodes=settings.concurrent_encodes, cores=usable_cores()
    )
    logger.info("%d sketches are encoded at once, each on %d CPU threads", share.encodes, share.threads)
    return encoder, share.encodes
