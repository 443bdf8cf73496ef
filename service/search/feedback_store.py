"""Keeps confirmed searches on disk, if the operator wants it: bounded in size, each once, safe against a crash.

A drawing is written before the line that names it, both are flushed to the disk, and nothing is ever changed: what a
crash can leave behind is a drawing that no line names, or a last line cut short, which readers count as damaged.
"""

import errno
import hashlib
import io
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import SketchSearchError
from model.feedback import LOG_NAME, SKETCH_FOLDER, Confirmation, read_feedback
from model.preprocess import Preprocessing
from service.search.errors import FeedbackNotKeptError
from service.uploads.reader import SketchReader

_BLOCK_BYTES = 4096
# What is kept of a drawing: its lines alone, finer than any encoder sees them, whatever the file was.
KEPT = Preprocessing(image_size_px=448, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Confirmed:
    """One confirmed search, as the client and the service know it.

    Attributes:
        photo_id: of the gallery.
        photo_sha256: of its file.
        rank: in the answer; 0 when it was not told.
        generation: that answered; "" when it was not told.
        bundle: fingerprint of the serving bundle.
    """

    photo_id: str
    photo_sha256: str
    rank: int
    generation: str
    bundle: str


class FeedbackStore:
    """A folder of confirmed searches; safe to use from several threads.

    A second process on the same folder harms nothing, but each counts only its own bytes and knows only its own pairs.
    """

    def __init__(self, folder: Path, *, max_bytes: int, reader: SketchReader) -> None:
        """Opens the folder, which is made if need be.

        Args:
            folder: where everything is kept.
            max_bytes: nothing more is kept once all files together would be larger.
            reader: reads uploads by the preprocessing `KEPT`; closed with the store.

        Raises:
            SketchSearchError: the folder cannot be written to.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._reader = reader
        self._lock = threading.Lock()
        try:
            self._log = self._open_log()
        except OSError as error:
            raise SketchSearchError(
                f"Feedback cannot be kept in {folder} ({error.strerror}); give a folder the service may write to, or "
                "leave the setting out."
            ) from error
        self._end_last_line()
        self._take_stock()

    def keep(self, sketch: bytes, confirmed: Confirmed) -> bool:
        """Keeps one drawing and the photo that was meant.

        Args:
            sketch: a PNG, JPEG or WebP file; its lines are kept, black on white, and nothing else that it holds.
            confirmed: the rest.

        Returns:
            False when the same drawing was kept for the same photo before.

        Raises:
            BlankSketchError: nothing is drawn.
            FeedbackNotKeptError: the folder or the disk is full.
            UnreadableImageError: the bytes are not such a file, or too large.
        """
        data = _as_png(self._reader.read(sketch).pixels)
        name = f"{SKETCH_FOLDER}/{hashlib.sha256(data).hexdigest()}.png"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        confirmation = Confirmation(sketch=name, time=now, **vars(confirmed))
        line = confirmation.to_line().encode()
        with self._lock:
            self._follow_log()
            if confirmation.key in self._known:
                return False
            more_bytes = _on_disk(len(data)) + len(line)
            self._refuse_when_full(more_bytes)
            try:
                self._write_sketch(self._folder / name, data)
                self._append(line)
            except OSError as error:
                raise _not_written(error) from error
            self._bytes += more_bytes
            self._known.add(confirmation.key)
        return True

    def close(self) -> None:
        """Closes the log and the reader."""
        os.close(self._log)
        self._reader.close()

    def _open_log(self) -> int:
        (self._folder / SKETCH_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._folder / LOG_NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)

    def _take_stock(self) -> None:
        self._known = {confirmation.key for confirmation in read_feedback(self._folder).confirmations}
        self._bytes = sum(_on_disk(file.stat().st_size) for file in self._folder.rglob("*") if file.is_file())

    def _follow_log(self) -> None:
        """Opens the log again when it was moved away or removed, as a line written to the old one would be lost."""
        try:
            if (self._folder / SKETCH_FOLDER).is_dir():
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(self._log), (self._folder / LOG_NAME).stat()):
                        return
            fresh = self._open_log()
            os.close(self._log)
            self._log = fresh
            self._take_stock()
        except OSError as error:
            raise _not_written(error) from error

    def _end_last_line(self) -> None:
        size = os.fstat(self._log).st_size
        if size and os.pread(self._log, 1, size - 1) != b"\n":
            os.write(self._log, b"\n")

    def _append(self, line: bytes) -> None:
        self._end_last_line()  # a full disk may have cut the one before short
        written = os.write(self._log, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._log)

    def _refuse_when_full(self, more_bytes: int) -> None:
        if self._bytes + more_bytes > self._max_bytes:
            text = (
                f"Feedback has filled the {self._max_bytes / 2**20:,.0f} MB it may take; the operator can raise that."
            )
            raise FeedbackNotKeptError(text, reason="full")

    def _write_sketch(self, path: Path, data: bytes) -> None:
        if path.exists():
            return
        partial = path.with_suffix(f".{os.getpid()}.partial")
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise


def _on_disk(size_bytes: int) -> int:
    """Bytes that a file takes on a disk, which gives whole blocks and keeps a record of each file."""
    return (size_bytes // _BLOCK_BYTES + 1) * _BLOCK_BYTES


def _not_written(error: OSError) -> FeedbackNotKeptError:
    text = f"The drawing could not be kept ({error.strerror}); the operator has to look after the disk."
    return FeedbackNotKeptError(text, reason="not_written")


def _as_png(pixels: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray((pixels[0] * 255).round().astype(np.uint8), "L").save(stream, "PNG", optimize=True)
    return stream.getvalue()
