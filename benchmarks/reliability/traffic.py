"""What visitors of the service send: drawings of all kinds, photos, thumbnails, the page, and things that are wrong."""

import io
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
from PIL import Image, ImageDraw

ACCEPTED = frozenset({200, 304})
REFUSED = frozenset({400, 404, 413, 415, 422})


@dataclass(frozen=True)
class Answer:
    """One answered, or failed, request: what was asked, the status (0: no answer), seconds, and the expected status."""

    kind: str
    status: int
    seconds: float
    as_expected: bool


def drawing(seed: int, *, size_px: int = 256, file_format: str = "PNG") -> bytes:
    """A few strokes that no other seed gives."""
    dice = random.Random(seed)
    paper = Image.new("L", (size_px, size_px), 255)
    pen = ImageDraw.Draw(paper)
    for _ in range(dice.randint(3, 8)):
        points = [(dice.randint(0, size_px), dice.randint(0, size_px)) for _ in range(dice.randint(2, 6))]
        pen.line(points, fill=0, width=max(2, size_px // 64))
    stream = io.BytesIO()
    paper.save(stream, file_format)
    return stream.getvalue()


def search(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    sketch = drawing(dice.randrange(1000), size_px=dice.choice((128, 256, 512)))
    return client.post("/search", files={"sketch": ("sketch.png", sketch)}, data={"k": "12"})


def filtered_search(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    files = {"sketch": ("sketch.webp", drawing(dice.randrange(1000), file_format="WEBP"))}
    return client.post("/search", files=files, data={"k": "30", "filter": "mark>=0"})


def batch(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    files = [("sketches", ("sketch.png", drawing(dice.randrange(1000)))) for _ in range(3)]
    return client.post("/search/batch", files=files, data={"k": "5"})


def similar(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    return client.get(f"/similar/{dice.randrange(100):06}")


def photo(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    return client.get(f"/photos/{dice.randrange(100):06}")


def thumbnail(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    return client.get(f"/thumbnails/{dice.randrange(100):06}")


def look_around(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    return client.get(dice.choice(("/", "/page/main.js", "/info", "/metrics", "/readyz", "/healthz", "/openapi.json")))


def nonsense(client: httpx2.Client, dice: random.Random) -> httpx2.Response:
    """What has to be refused."""
    whole = drawing(dice.randrange(1000))
    bad = dice.choice((b"", b"not an image", whole[: len(whole) // 2], b"GIF89a" + whole, bytes(1000)))
    if dice.random() < 0.3:
        return client.get(f"/photos/../{dice.randrange(1000)}")
    if dice.random() < 0.3:
        return client.post("/search", files={"sketch": ("a", whole)}, data={"filter": "nothing=1"})
    return client.post("/search", files={"sketch": ("a", bad)}, data={"k": dice.choice(("3", "0", "x"))})


KINDS: dict[Callable[[httpx2.Client, random.Random], httpx2.Response], int] = {
    search: 40,
    filtered_search: 10,
    batch: 5,
    similar: 10,
    photo: 5,
    thumbnail: 15,
    look_around: 10,
    nonsense: 5,
}


@dataclass
class Visitors:
    """Threads that send a mix of requests at a steady rate, and keep what was answered."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def visit(self, *, per_second: float, seed: int) -> None:
        """Sends until `stop` is set; a late answer delays the next request of this visitor only."""
        dice = random.Random(seed)
        with httpx2.Client(base_url=self.url, timeout=60) as client:
            due = time.monotonic()
            while not self.stop.wait(max(0.0, due - time.monotonic())):
                due = max(due, time.monotonic() - 1) + dice.expovariate(per_second)
                (ask,) = dice.choices(list(KINDS), list(KINDS.values()))
                self.answers.append(timed(ask, client, dice))

    def start(self, num_visitors: int, *, per_second: float, seed: int = 0) -> list[threading.Thread]:
        """Starts so many visitors, who together send `per_second` requests a second."""
        rate = per_second / num_visitors
        threads = [
            threading.Thread(target=self.visit, kwargs={"per_second": rate, "seed": seed + number}, daemon=True)
            for number in range(num_visitors)
        ]
        for thread in threads:
            thread.start()
        return threads


def timed(
    ask: Callable[[httpx2.Client, random.Random], httpx2.Response], client: httpx2.Client, dice: random.Random
) -> Answer:
    """Sends one request; a transport error is status 0."""
    started = time.perf_counter()
    try:
        status = ask(client, dice).status_code
    except httpx2.HTTPError:
        status = 0
    expected = REFUSED if ask is nonsense else ACCEPTED
    return Answer(ask.__name__, status, time.perf_counter() - started, status in expected)
