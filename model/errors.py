"""The errors that the light part of the package raises: each is one sentence for the person who gave the input."""


class SketchSearchError(ValueError):
    """Input of the user cannot be used; the message says what it was, what was expected and what to do."""


class UnreadableImageError(SketchSearchError):
    """The bytes are not an image that can be used.

    Attributes:
        reason: a short, stable slug: "empty", "not_an_image", "unsupported_format", "truncated" or "too_large"; the
            service, which reads what strangers send, has more (service/http/errors.py).
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class BlankSketchError(SketchSearchError):
    """The sketch holds no ink."""


class BundleError(SketchSearchError):
    """An encoder bundle is missing, damaged, or of a version this release does not read."""


class ProviderError(SketchSearchError):
    """The device that was asked for is not the one the encoder would run on."""
