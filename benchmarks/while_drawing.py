"""How soon do results follow the pen? Drawn with the mouse on the page, in a real Chromium, against a running service.

For every stroke: the time from lifting the pen to the moment the page has shown the answer to the sheet as it then is
(cards in place, the next frame painted), and to the moment the pictures of the first row are there as well. Also how
many searches were sent, and whether two were ever under way at once. Prints one JSON object.

    python -m service --gallery GALLERY --bundle BUNDLE
    python -m benchmarks.while_drawing --url http://127.0.0.1:8000
"""

import argparse
import json
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.pen_drawings import DRAWINGS
from benchmarks.serving.figures import percentiles

# Watches the page from inside, where the clock of its events is. `fetch` is counted, not changed.
_WATCH = """() => {
  const seen = window.seen = {strokes: [], searches: 0, underWay: 0, mostUnderWay: 0, aborted: 0};
  const results = document.querySelector("[data-testid=results]");
  const status = document.querySelector("[data-testid=status]");
  let lifted = null;
  const original = window.fetch;
  window.fetch = async (url, options) => {
    if (!String(url).endsWith("/search")) return original(url, options);
    seen.searches += 1;
    seen.underWay += 1;
    seen.mostUnderWay = Math.max(seen.mostUnderWay, seen.underWay);
    try { return await original(url, options); }
    catch (error) { seen.aborted += 1; throw error; }
    finally { seen.underWay -= 1; }
  };
  window.addEventListener("pointerup", (event) => {
    // A click on a button, such as Clear, is no stroke.
    if (event.target.dataset.testid === "canvas") lifted = {at: event.timeStamp, searches: seen.searches};
  }, true);
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const firstRow = () => [...results.querySelectorAll("img")].slice(0, 4);
  new MutationObserver(async () => {
    // The answer that counts is to a search sent after the pen was lifted.
    if (lifted === null || seen.searches === lifted.searches) return;
    const {at} = lifted;
    lifted = null;
    const stroke = {answered: performance.now() - at};
    await frame();
    stroke.shown = performance.now() - at;
    while (!firstRow().every((image) => image.complete)) await new Promise((resolve) => setTimeout(resolve, 1));
    await frame();
    stroke.pictures = performance.now() - at;
    seen.strokes.push(stroke);
  }).observe(status, {childList: true, characterData: true, subtree: true});
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--drawings", type=int, default=10, help="how many of the ten")
    parser.add_argument("--pause-ms", type=int, default=250, help="between strokes, as a hand moves to the next")
    arguments = parser.parse_args()
    drawings = [drawing["strokes"] for drawing in json.loads(DRAWINGS.read_text())][: arguments.drawings]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 820})
        page.goto(arguments.url)
        page.wait_for_load_state("networkidle")
        page.evaluate(_WATCH)
        for strokes in drawings:
            for stroke in strokes:
                draw(page, stroke)
                page.wait_for_timeout(arguments.pause_ms)
            page.get_by_test_id("clear").click()
            page.wait_for_timeout(arguments.pause_ms)
        page.wait_for_timeout(500)
        seen = page.evaluate("window.seen")
        browser.close()
    print(json.dumps(summary(seen, sum(map(len, drawings))), indent=2))


def draw(page: Page, stroke: list[list[float]]) -> None:
    """One stroke, with moves about as often as a screen refreshes."""
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=3)
        page.wait_for_timeout(16)
    page.mouse.up()


def summary(seen: dict[str, Any], num_strokes: int) -> dict[str, Any]:
    """Percentiles over strokes, in milliseconds after the pen was lifted."""
    times = {
        name: percentiles([stroke[name] / 1000 for stroke in seen["strokes"]])
        for name in ("answered", "shown", "pictures")
    }
    within = sum(stroke["shown"] <= 100 for stroke in seen["strokes"])
    return {
        "strokes": num_strokes,
        "strokes_answered_while_current": len(seen["strokes"]),
        "shown_within_100_ms": within,
        **times,
        "searches": seen["searches"],
        "most_under_way_at_once": seen["mostUnderWay"],
    }


if __name__ == "__main__":
    main()
