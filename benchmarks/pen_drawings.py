"""Ten objects of the demo gallery drawn by hand on the page, in a real Chromium: how many come up in the first row?

The pen paths in pen_drawings.json were authored while looking at the photos; they are not by the catalogue's sketch
generator. Start `make demo` first. Prints one JSON object and saves a screenshot of each drawing with its results.

    python -m benchmarks.pen_drawings --url http://127.0.0.1:8000 --out runs/pen
"""

import argparse
import json
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Response, sync_playwright

FIRST_ROW = 4  # on a desktop: one large card and three beside it
DRAWINGS = Path(__file__).with_suffix(".json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    ranks: dict[str, int | None] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for drawing in json.loads(DRAWINGS.read_text()):
            page = browser.new_page(viewport={"width": 1280, "height": 820})
            page.goto(arguments.url)
            found = draw(page, drawing["strokes"])
            ranks[drawing["photo_id"]] = found.index(drawing["photo_id"]) + 1 if drawing["photo_id"] in found else None
            page.screenshot(path=str(arguments.out / (drawing["photo_id"].replace("/", "_") + ".png")))
            page.close()
        browser.close()
    contact_sheet([arguments.out / f"{photo_id.replace('/', '_')}.png" for photo_id in ranks]).save(
        arguments.out / "pen.jpg", quality=80
    )
    known = [rank for rank in ranks.values() if rank is not None]
    print(
        json.dumps(
            {
                "ranks": ranks,
                "first": sum(rank == 1 for rank in known),
                "first_row": sum(rank <= FIRST_ROW for rank in known),
                "first_12": len(known),
            },
            indent=2,
        )
    )


def contact_sheet(screenshots: list[Path]) -> Image.Image:
    """All screenshots at half size, two beside each other."""
    width, height = 640, 410
    sheet = Image.new("RGB", (2 * width, (len(screenshots) + 1) // 2 * height), "white")
    for i, screenshot in enumerate(screenshots):
        with Image.open(screenshot) as image:
            sheet.paste(image.convert("RGB").resize((width, height)), (i % 2 * width, i // 2 * height))
    return sheet


def draw(page: Page, strokes: list[list[list[float]]]) -> list[str]:
    """Draws with the mouse, waits for the results to settle, and returns the photo ids that the page shows."""
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response) if response.url.endswith("/search") else None)
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=6)
        page.mouse.up()
    page.wait_for_timeout(1500)
    page.wait_for_load_state("networkidle")
    return [result["photo_id"] for result in answers[-1].json()["results"]]


if __name__ == "__main__":
    main()
