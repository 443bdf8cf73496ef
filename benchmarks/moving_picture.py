"""Makes the moving picture of README.md: a drawing on the real page, and the photos that it finds while it grows.

Start `make demo` first.

    python -m benchmarks.moving_picture --url http://127.0.0.1:8000 --out docs/images/drawing.webp
"""

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks.pen_drawings import DRAWINGS

VIEWPORT: ViewportSize = {"width": 1080, "height": 720}
WIDTH_PX = 810
ANSWER_MS = 500
FRAME_MS = 220
LAST_FRAME_MS = 2500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--photo-id", default="chairs/chair-00003", help="one of benchmarks/pen_drawings.json")
    parser.add_argument("--out", type=Path, required=True, help="a .webp or .gif file")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    strokes = {drawing["photo_id"]: drawing["strokes"] for drawing in json.loads(DRAWINGS.read_text())}
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=flags)
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(arguments.url)
        page.wait_for_timeout(ANSWER_MS)
        frames = [_frame(page), *_drawn(page, strokes[arguments.photo_id])]
        browser.close()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    frames[0].save(
        arguments.out, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=70, method=6
    )


def _drawn(page: Page, strokes: list[list[list[float]]]) -> Iterator[Image.Image]:
    """Draws stroke by stroke with the mouse; yields a frame within each stroke and one with the answer to it."""
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for number, point in enumerate(points[1:], start=1):
            page.mouse.move(*point, steps=6)
            if number == len(points) // 2:
                yield _frame(page)
        page.mouse.up()
        page.wait_for_timeout(ANSWER_MS)
        page.wait_for_load_state("networkidle")
        yield _frame(page)


def _frame(page: Page) -> Image.Image:
    """One picture of the page, scaled down."""
    with Image.open(io.BytesIO(page.screenshot())) as image:
        height = image.height * WIDTH_PX // image.width
        return image.convert("RGB").resize((WIDTH_PX, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
