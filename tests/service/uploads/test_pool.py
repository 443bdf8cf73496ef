"""Real decoder processes: what they return, what survives a crash and a hang. One pool serves most tests."""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from model.errors import BlankSketchError, SketchSearchError, UnreadableImageError
from model.preprocess import Preprocessing
from service.uploads import worker
from service.uploads.pool import DecoderPool
from service.uploads.reader import LocalReader

MAX_PIXELS = 2_000_000


def drawing(file_format: str = "PNG", offset: int = 0) -> bytes:
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).line([(20, 20), (180, 100 + offset), (60, 170)], fill=0, width=4)
    stream = io.BytesIO()
    image.save(stream, file_format)
    return stream.getvalue()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(Preprocessing(), max_pixels=MAX_PIXELS, num_processes=2, cpu_seconds=5)
    yield pool
    pool.close()


@pytest.fixture
def local() -> LocalReader:
    return LocalReader(Preprocessing(), max_pixels=MAX_PIXELS)


def pids(pool: DecoderPool) -> list[int]:
    """Of the decoders that are running."""
    running = [decoder._process for decoder in pool._decoders if decoder._process and decoder._process.is_alive()]
    return [process.pid for process in running if process.pid]


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_a_sketch_comes_back_as_if_it_had_been_decoded_here(
    pool: DecoderPool, local: LocalReader, file_format: str
) -> None:
    there, here = pool.read(drawing(file_format)), local.read(drawing(file_format))
    assert np.array_equal(there.pixels, here.pixels)
    assert there.decode_ms > 0
    assert there.prepare_ms > 0


@pytest.mark.parametrize("data", [b"", b"no image", drawing()[:-40], drawing("GIF")])
def test_a_refusal_comes_back_with_its_reason_and_sentence(pool: DecoderPool, local: LocalReader, data: bytes) -> None:
    with pytest.raises(UnreadableImageError) as there:
        pool.read(data)
    with pytest.raises(UnreadableImageError) as here:
        local.read(data)
    assert (there.value.reason, str(there.value)) == (here.value.reason, str(here.value))


def test_a_blank_sheet_comes_back_as_such(pool: DecoderPool) -> None:
    stream = io.BytesIO()
    Image.new("L", (50, 50), 255).save(stream, "PNG")
    with pytest.raises(BlankSketchError):
        pool.read(stream.getvalue())


def test_concurrent_uploads_do_not_mix(pool: DecoderPool, local: LocalReader) -> None:
    drawings = [drawing(offset=offset) for offset in range(0, 80, 10)]
    with ThreadPoolExecutor(8) as threads:
        for data, sketch in zip(drawings, threads.map(pool.read, drawings), strict=True):
            assert np.array_equal(sketch.pixels, local.read(data).pixels)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_decoders_that_died_while_they_were_idle_cost_no_request(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = dict(pool.lost)
    killed = pids(pool)
    for decoder in pool._decoders:  # its end is known a moment after that of its pipe
        monkeypatch.setattr(decoder._process, "is_alive", lambda: True)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    while any(is_running(pid) for pid in killed):  # it takes a moment
        time.sleep(0.01)
    assert pool.read(drawing()).pixels.shape == (3, 224, 224)
    assert dict(pool.lost) == lost


def test_a_signal_to_the_whole_group_does_not_stop_them(pool: DecoderPool) -> None:
    pool.read(drawing())
    before = pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
    pool.read(drawing())
    assert pids(pool) == before


def test_a_decoder_lost_over_an_upload_costs_that_request_alone(pool: DecoderPool, local: LocalReader) -> None:
    before = pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGSTOP)  # so that it dies with the upload in hand
    crashes = pool.lost["crashed"]
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(pool.read(drawing()))
        except UnreadableImageError as error:
            answers.append(error.reason)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    thread.join(30)
    assert answers == ["crashed"]
    assert pool.lost["crashed"] == crashes + 1
    assert np.array_equal(pool.read(drawing()).pixels, local.read(drawing()).pixels)


def test_an_upload_that_takes_too_long_is_refused_and_the_next_is_answered() -> None:
    slow = DecoderPool(Preprocessing(), max_pixels=16_000_000, num_processes=1, cpu_seconds=0.15, patience_seconds=120)
    stream = io.BytesIO()
    Image.new("RGBA", (4000, 4000), (255, 255, 255, 100)).save(stream, "PNG", compress_level=1)
    with pytest.raises(UnreadableImageError) as caught:
        slow.read(stream.getvalue())
    assert caught.value.reason == "too_slow"
    assert slow.lost == {"too_slow": 1}
    assert slow.read(drawing()).pixels.shape == (3, 224, 224)
    slow.close()


def test_a_decoder_that_does_not_even_wake_is_given_up() -> None:
    stopped = DecoderPool(Preprocessing(), max_pixels=MAX_PIXELS, num_processes=1, cpu_seconds=5, patience_seconds=0.1)
    os.kill(pids(stopped)[0], signal.SIGSTOP)
    with pytest.raises(UnreadableImageError) as caught:
        stopped.read(drawing())
    assert caught.value.reason == "too_slow"
    stopped.close()


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_the_memory_of_a_decoder_is_bounded(pool: DecoderPool) -> None:
    # What unpacks to the most is refused from its headers; the limit is for what the check does not know of.
    used = int(Path(f"/proc/{pids(pool)[0]}/statm").read_text().split()[0]) * 4096
    limits = Path(f"/proc/{pids(pool)[0]}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert used < int(line.split()[3]) < used + worker._BYTES_PER_PIXEL * MAX_PIXELS + 100_000_000


def test_a_picture_that_needs_more_memory_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("service.uploads.reader.decode_image", no_memory)
    with pytest.raises(UnreadableImageError, match="more memory than a drawing may") as caught:
        LocalReader(Preprocessing(), max_pixels=MAX_PIXELS).read(drawing())
    assert caught.value.reason == "too_large"


def test_after_the_end_no_process_is_left_and_none_is_started_again() -> None:
    pool = DecoderPool(Preprocessing(), max_pixels=MAX_PIXELS, num_processes=1, cpu_seconds=5)
    (pid,) = pids(pool)
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(OSError, match="closed"):
        pool.read(drawing())


def test_a_pool_that_cannot_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.uploads.pool.decode_uploads", os.abort)
    with pytest.raises(SketchSearchError, match=r"did not start .*--decoder-processes 0"):
        DecoderPool(Preprocessing(), max_pixels=MAX_PIXELS, num_processes=1, cpu_seconds=5)
