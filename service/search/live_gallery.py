"""The gallery being served, replaced by its next generation without a restart and without a failed request."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from index_builder.gallery.interface import PhotoGallery

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 30.0  # opening a large generation only to refuse it again costs disk time


class _Generation:
    """An opened generation and how many readers are using it."""

    def __init__(self, gallery: PhotoGallery) -> None:
        self.gallery = gallery
        self.readers = 0
        self.retired = False


class LiveGallery:
    """Lends the current generation to readers; an old one is closed when its last reader has finished."""

    def __init__(
        self,
        open_current: Callable[[], PhotoGallery],
        current_generation: Callable[[], str],
        *,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Opens the first generation.

        Args:
            open_current: opens the generation that is current where the gallery is kept.
            current_generation: reads its name; cheap, as it is called about once a second.
            on_close: called when the last generation has been closed.

        Raises:
            SketchSearchError: whatever `open_current` raises: there is nothing to serve yet.
        """
        self._open_current = open_current
        self._on_close = on_close
        self._current_generation = current_generation
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._serving = _Generation(open_current())
        self._refused = ""
        self._retry_at = 0.0
        self._problem: str | None = None
        self._is_closed = False
        self.last_poll = time.monotonic()  # when `refresh` last ended

    @property
    def problem(self) -> str | None:
        """Why the generation that is current where galleries are kept is not being served; None when all is well."""
        return self._problem

    @contextmanager
    def lease(self) -> Iterator[PhotoGallery]:
        """Lends one generation; it stays open, and the same, until the block ends."""
        with self._lock:
            generation = self._serving
            generation.readers += 1
        try:
            yield generation.gallery
        finally:
            with self._lock:
                generation.readers -= 1
                done = generation.retired and generation.readers == 0
            if done:
                self._close(generation)

    def refresh(self) -> bool:
        """Takes over a new generation if there is one; a damaged one is reported and the old one stays.

        Returns:
            Whether a new generation is being served from now on.
        """
        try:
            return self._refresh()
        finally:
            self.last_poll = time.monotonic()

    def _refresh(self) -> bool:
        with self._refreshing:
            name = ""
            try:
                name = self._current_generation()
                if name == self._serving.gallery.generation:
                    self._problem = None
                    return False
                if name == self._refused and time.monotonic() < self._retry_at:
                    return False
                fresh = self._open_current()
            except Exception as error:  # whatever a damaged folder raises, the generation in hand must stay served
                self._refuse(name, error)
                return False
            self._problem, self._refused = None, ""
            logger.info("serving generation %s of the gallery: %d photos", fresh.generation, fresh.size)
            self._replace(fresh)
            return True

    def close(self) -> None:
        """Closes the gallery once its last reader has finished."""
        self._is_closed = True
        self._retire(self._serving)

    def _replace(self, fresh: PhotoGallery) -> None:
        with self._lock:
            old, self._serving = self._serving, _Generation(fresh)
        self._retire(old)

    def _retire(self, generation: _Generation) -> None:
        with self._lock:
            first_time, generation.retired = not generation.retired, True
            idle = first_time and generation.readers == 0
        if idle:
            self._close(generation)

    def _close(self, generation: _Generation) -> None:
        generation.gallery.close()
        if self._is_closed and generation is self._serving:
            self._on_close()

    def _refuse(self, name: str, error: Exception) -> None:
        # The error may name folders of this server: those belong into the log, not into a public answer.
        served = self._serving.gallery.generation
        problem = f"Generation {name or '(unreadable)'} cannot be served, the log says why; still serving {served}."
        if problem != self._problem:
            logger.error("generation %s cannot be served, still serving %s: %s", name, served, error)
        self._problem, self._refused = problem, name
        self._retry_at = time.monotonic() + _RETRY_SECONDS
