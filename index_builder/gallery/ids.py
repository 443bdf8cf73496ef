"""The one spelling of an id, so that ids typed on different systems are compared as equal."""

import unicodedata


def normalise_id(text: str) -> str:
    """Returns the form in which ids are compared: one byte sequence (NFC) for each visible text."""
    return unicodedata.normalize("NFC", text)
