"""Environment variables that look like settings and are none: a mistyped one must not pass in silence."""

import difflib
import re
from collections.abc import Iterable

from service.settings import ENVIRONMENT_PREFIX, Settings, environment_variable

# What others read: `python -m index_builder watch`, and what Kubernetes sets for a service named sketch-search.
_OF_OTHERS = re.compile(
    ENVIRONMENT_PREFIX + r"(WATCH_(SETTLE|POLL)_SECONDS|SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)"
)


def unknown_variables(names: Iterable[str]) -> dict[str, str]:
    """Looks for settings that there are not.

    Args:
        names: of all variables of the environment.

    Returns:
        Each that begins like one of the service's settings and is none -> the setting that is closest to it.
    """
    known = [environment_variable(name) for name in Settings.model_fields]
    found = [name for name in names if name.upper().startswith(ENVIRONMENT_PREFIX)]
    return {
        name: difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
        for name in sorted(found)
        if name.upper() not in known and not _OF_OTHERS.fullmatch(name.upper())
    }
