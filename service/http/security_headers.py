"""The headers by which browsers are told what pages of this service may do, and what other sites may do with them."""

from collections.abc import Sequence


def security_headers(allowed_origins: Sequence[str]) -> dict[str, str]:
    """The headers of every answer.

    Args:
        allowed_origins: other sites that may embed the page and show its photos.

    Returns:
        Name -> value.
    """
    ancestors = " ".join(["'self'", *allowed_origins])
    policy = (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        f"frame-ancestors {ancestors}; require-trusted-types-for 'script'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "cross-origin" if allowed_origins else "same-origin",
    }
