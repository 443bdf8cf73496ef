"""Takes the pictures of docs/images from a running demo, in a real Chromium. Start `make demo` first.

python -m benchmarks.screenshots --url http://127.0.0.1:8000 --out docs/images
"""

import argparse
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.pen_drawings import DRAWINGS, draw

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
PICTURES: dict[str, tuple[dict[str, Any], str]] = {
    "desktop": (DESKTOP, "chairs/chair-00003"),
    "dark": (DESKTOP | {"color_scheme": "dark"}, "lamps/lamp-00000"),
    "phone": (PHONE, "mugs/mug-00003"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    strokes = {drawing["photo_id"]: drawing["strokes"] for drawing in json.loads(DRAWINGS.read_text())}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for name, (device, photo_id) in PICTURES.items():
            page = browser.new_context(**device).new_page()
            page.goto(arguments.url)
            draw(page, strokes[photo_id])
            page.wait_for_timeout(1500)
            page.screenshot(path=str(arguments.out / f"{name}.jpg"), type="jpeg", quality=85)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
