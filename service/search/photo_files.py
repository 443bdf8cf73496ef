"""Opens photo files without trusting them or their disk: a changed file is found, and a hung disk waits alone."""

import asyncio
import errno
import hashlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from service.search.errors import PhotoChangedError, PhotoFileMissingError, PhotoUnavailableError

T = TypeVar("T")
_NUM_THREADS = 8
_MOST_PENDING = 128
_DEADLINE_SECONDS = 5.0
_MOST_KNOWN = 20_000
_CHUNK_BYTES = 256 * 1024
_OUR_TROUBLE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT})


class OpenPhoto:
    """An open file that holds what was indexed.

    Attributes:
        size: in bytes.
    """

    def __init__(self, photo_id: str, descriptor: int, size: int) -> None:
        self.photo_id = photo_id
        self.size = size
        self._descriptor = descriptor

    def read(self, start: int, length: int) -> bytes:
        """Reads `length` bytes.

        Raises:
            PhotoUnavailableError: the file ends before, or the disk fails.
        """
        try:
            data = os.pread(self._descriptor, length, start)
        except OSError as error:
            raise PhotoUnavailableError(self.photo_id) from error
        if len(data) != length:
            raise PhotoUnavailableError(self.photo_id)
        return data

    def close(self) -> None:
        """Closes the file."""
        with suppress(OSError):
            os.close(self._descriptor)


class PhotoFiles:
    """A few threads for photo files alone, each step with a deadline: a disk that hangs takes nothing else with it."""

    def __init__(self, *, num_threads: int = _NUM_THREADS, deadline_seconds: float = _DEADLINE_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="photo")
        self._deadline_seconds = deadline_seconds
        self._lock = threading.Lock()
        self._pending = 0
        self._known: OrderedDict[str, tuple[int, ...]] = OrderedDict()  # content hash -> the file that has it

    async def open(self, photo_id: str, path: Path, content_sha256: str) -> OpenPhoto:
        """Opens a photo's file, if it still is what was indexed.

        Raises:
            PhotoFileMissingError: there is no such file, or it may not be read.
            PhotoChangedError: it is not a regular file, or holds something else than when it was indexed.
            PhotoUnavailableError: the disk does not answer.
        """
        return await self._run(photo_id, lambda: self._open(photo_id, path, content_sha256), late=OpenPhoto.close)

    async def read(self, photo: OpenPhoto, start: int, stop: int) -> bytes:
        """Reads a part of a photo, at most 256 kB; raises PhotoUnavailableError when the disk does not answer."""
        return await self._run(photo.photo_id, lambda: photo.read(start, min(stop - start, _CHUNK_BYTES)))

    def release(self, photo: OpenPhoto) -> None:
        """Closes a photo without waiting for its disk."""
        self._pool.submit(photo.close)

    def close(self) -> None:
        """Ends the threads that have nothing to do."""
        self._pool.shutdown(wait=False)

    async def _run(self, photo_id: str, work: Callable[[], T], *, late: Callable[[T], None] | None = None) -> T:
        with self._lock:
            if self._pending >= _MOST_PENDING:
                raise PhotoUnavailableError(photo_id)
            self._pending += 1
        running = self._pool.submit(work)
        running.add_done_callback(self._count_down)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await asyncio.wrap_future(running)
        except BaseException as error:
            if late:
                running.add_done_callback(lambda done: _hand_over(done, late))
            if isinstance(error, TimeoutError):
                raise PhotoUnavailableError(photo_id) from error
            raise

    def _count_down(self, _: "Future[T]") -> None:
        with self._lock:
            self._pending -= 1

    def _open(self, photo_id: str, path: Path, content_sha256: str) -> OpenPhoto:
        try:
            # Without blocking: a pipe in place of a photo would wait for its other end.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            is_ours = error.errno in _OUR_TROUBLE
            raise (PhotoUnavailableError if is_ours else PhotoFileMissingError)(photo_id) from error
        photo = OpenPhoto(photo_id, descriptor, os.fstat(descriptor).st_size)
        try:
            if not self._is_as_indexed(descriptor, content_sha256):
                raise PhotoChangedError(photo_id)
        except OSError as error:
            photo.close()
            raise PhotoUnavailableError(photo_id) from error
        except PhotoChangedError:
            photo.close()
            raise
        return photo

    def _is_as_indexed(self, descriptor: int, content_sha256: str) -> bool:
        """Compares the content once, and from then on the file's identity, size and times."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return False
        version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        with self._lock:
            if self._known.get(content_sha256) == version:
                self._known.move_to_end(content_sha256)
                return True
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != content_sha256:
                return False
        with self._lock:
            self._known[content_sha256] = version
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return True


def _hand_over(done: "Future[T]", late: Callable[[T], None]) -> None:
    if not done.cancelled() and done.exception() is None:
        late(done.result())
