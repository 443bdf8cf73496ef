"""Sketch Search in Python: load an encoder, embed photos and sketches, build a gallery, search it, train and evaluate.

    import sketch_search

    gallery = sketch_search.build_gallery("photos/", "gallery/")
    for hit in gallery.search("drawing.png", k=5):
        print(hit.photo_id, hit.score)

Each name is imported when it is first used. Only `train` needs torch.
"""

import importlib
from typing import TYPE_CHECKING

from model.version import __version__

if TYPE_CHECKING:
    from sketch_search.encoder import ImageEncoder, SketchSearchError, load_encoder
    from sketch_search.galleries import Gallery, Hit, build_gallery, open_gallery
    from sketch_search.remote import RemoteGallery
    from sketch_search.runs import evaluate, train

__all__ = [
    "Gallery",
    "Hit",
    "ImageEncoder",
    "RemoteGallery",
    "SketchSearchError",
    "__version__",
    "build_gallery",
    "evaluate",
    "load_encoder",
    "open_gallery",
    "train",
]
_MODULES = {
    "encoder": ("ImageEncoder", "SketchSearchError", "load_encoder"),
    "galleries": ("Gallery", "Hit", "build_gallery", "open_gallery"),
    "remote": ("RemoteGallery",),
    "runs": ("evaluate", "train"),
}


def __getattr__(name: str) -> object:
    """Imports a public name from the module that defines it."""
    for module, names in _MODULES.items():
        if name in names:
            value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
