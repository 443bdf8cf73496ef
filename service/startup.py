"""Opens the real encoder and the real gallery; apart from the rest so that tests and --help need not load them."""

from index_builder.gallery import current_generation, open_gallery
from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder
from service.engine import SearchEngine
from service.index_device import open_index_device
from service.live_gallery import LiveGallery
from service.settings import Settings


def open_engine(settings: Settings) -> SearchEngine:
    """Opens what the settings name.

    Raises:
        SketchSearchError: the bundle or gallery is missing, damaged or does not fit, or there is no such device.
    """
    bundle = read_bundle(settings.bundle or default_bundle_path())
    # The encoder first: a gallery that is open when this fails would stay open.
    encoder = open_encoder(
        bundle,
        "sketch",
        device=settings.device,
        precision=settings.precision,
        num_threads=settings.encoder_threads,
    )
    device = open_index_device(settings)
    gallery = LiveGallery(
        lambda: device.adopt(open_gallery(settings.gallery, bundle=bundle)),
        lambda: current_generation(settings.gallery),
    )
    return SearchEngine(
        encoder, gallery, max_pixels=settings.max_pixels, concurrent_encodes=settings.concurrent_encodes
    )
