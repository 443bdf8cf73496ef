"""The page in a real Chromium against the real service: drawing, pictures, results, errors, keyboard and small screens.

Skipped where Playwright or a Chromium is missing. How the page looks is not tested here. Longer than other files: the
tests share one browser and the few lines that draw, paste and wait.
"""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path: apt-get install chromium"),
]
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET_TOO = ("--disable-component-update", "--disable-sync")
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
MIN_TARGET_PX = 44

Points = list[tuple[float, float]]
SQUARE: Points = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)]
CROSSING: Points = [(0.1, 0.5), (0.9, 0.5)]
LOWER: Points = [(0.25, 0.75), (0.6, 0.8)]
UPRIGHT: Points = [(0.5, 0.1), (0.5, 0.9)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *QUIET_TOO])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, live_service: str) -> Iterator[Callable[..., Page]]:
    """Opens the page in a fresh context; afterwards nothing may have gone wrong or outside, whatever the test did."""
    troubles: list[str] = []
    pages = []

    def open_page(*, path: str = "/", **options: Any) -> Page:
        # Without movement nothing has to be waited for; one test turns it on.
        defaults = {"viewport": {"width": 1000, "height": 700}, "reduced_motion": "reduce"}
        page = browser.new_page(**{**defaults, **options})
        page.set_default_timeout(5000)
        pages.append(page)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if _is_trouble(message) else None)
        page.on(
            "request", lambda request: None if _is_inside(request.url, live_service) else troubles.append(request.url)
        )
        page.goto(live_service + path)
        expect(page.get_by_test_id("example").first).to_be_visible()
        return page

    yield open_page
    for page in pages:
        page.close()
    assert troubles == []


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    return visit()


def _is_trouble(message: Any) -> bool:
    # Chromium reports every answer of 400 and above itself; those are the subject of some tests.
    return message.type in ("error", "warning") and not message.text.startswith("Failed to load resource")


def _is_inside(url: str, live_service: str) -> bool:
    return url.startswith((live_service + "/", "blob:" + live_service, "data:image/"))


def on_canvas(page: Page, points: Points) -> Points:
    """Points in 0..1 of the canvas as pixels of the window."""
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]


def draw(page: Page, points: Points) -> None:
    """One stroke with the mouse; points in 0..1 of the canvas."""
    at = on_canvas(page, points)
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def shown(page: Page) -> list[str]:
    """The photo ids on the page, best first, once the search has come to rest."""
    expect(page.get_by_test_id("results")).to_have_attribute("aria-busy", "false")
    ids: list[str] = page.get_by_test_id("result").evaluate_all("cards => cards.map(card => card.dataset.photoId)")
    return ids


def answer(*photo_ids: str) -> str:
    """What the service could have said, for tests that answer in its place."""
    keys = ("rank", "photo_id", "score", "photo_url", "thumbnail_url", "metadata")
    results = [
        dict(zip(keys, (rank, photo_id, 0.5, "/page/icon.svg", "/page/icon.svg", {}), strict=True))
        for rank, photo_id in enumerate(photo_ids, start=1)
    ]
    return json.dumps({"results": results})


def give_picture(page: Page, png: bytes, *, event: str) -> None:
    """Pastes or drops a PNG the way a browser tells the page of it."""
    page.evaluate(
        """([bytes, event]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "sketch.png", {type: "image/png"}));
            const init = {bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data};
            document.dispatchEvent(event === "paste" ? new ClipboardEvent(event, init) : new DragEvent(event, init));
        }""",
        [list(png), event],
    )


def png_of(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("waited four seconds in vain")


def test_an_empty_page_invites_and_sends_nothing(visit: Callable[..., Page]) -> None:
    page = visit()
    searches: list[str] = []
    page.on("request", lambda request: searches.append(request.url) if "/search" in request.url else None)
    page.get_by_test_id("eraser").click()
    draw(page, SQUARE)
    page.wait_for_timeout(250)
    expect(page.get_by_test_id("empty-state")).to_be_visible()
    assert searches == []


def test_drawing_shows_photos_with_rank_score_and_timing(page: Page) -> None:
    draw(page, SQUARE)
    ids = shown(page)
    assert len(ids) == 12
    assert "square" in ids[0]
    expect(page.get_by_test_id("status")).to_have_text("12 of 24 photos")
    expect(page.get_by_test_id("timings")).to_contain_text("ms")
    expect(page.get_by_test_id("empty-state")).to_be_hidden()
    expect(page.locator("[data-testid=result] img.loaded")).to_have_count(12)


def test_photos_change_before_the_stroke_ends(page: Page) -> None:
    start, end = on_canvas(page, [(0.2, 0.2), (0.7, 0.7)])
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    expect(page.get_by_test_id("result").first).to_be_visible()
    page.mouse.up()


def test_undo_brings_the_previous_photos_back_and_redo_the_later_ones(page: Page) -> None:
    draw(page, CROSSING)
    first = shown(page)
    draw(page, SQUARE)
    second = shown(page)
    assert second != first
    page.get_by_test_id("undo").click()
    assert shown(page) == first
    page.get_by_test_id("redo").click()
    assert shown(page) == second


def test_the_eraser_removes_ink_and_is_undone_like_any_stroke(page: Page) -> None:
    draw(page, CROSSING)
    first = shown(page)
    draw(page, LOWER)
    second = shown(page)
    assert second != first
    page.get_by_test_id("eraser").click()
    draw(page, LOWER)
    assert shown(page) == first
    page.get_by_test_id("undo").click()
    assert shown(page) == second


def test_a_drawing_erased_by_hand_is_an_empty_page_again(page: Page) -> None:
    draw(page, CROSSING)
    shown(page)
    page.get_by_test_id("eraser").click()
    draw(page, CROSSING)
    expect(page.get_by_test_id("result")).to_have_count(0)
    expect(page.get_by_test_id("empty-state")).to_be_visible()


def test_clear_empties_the_page_and_can_be_undone(page: Page) -> None:
    draw(page, SQUARE)
    before = shown(page)
    page.get_by_test_id("clear").click()
    expect(page.get_by_test_id("result")).to_have_count(0)
    expect(page.get_by_test_id("empty-state")).to_be_visible()
    page.get_by_test_id("undo").click()
    assert shown(page) == before


@pytest.mark.parametrize("way", ["paste", "drop", "choose"])
def test_a_picture_is_searched(page: Page, sketch: Callable[[str], bytes], way: str) -> None:
    draw(page, CROSSING)
    before = shown(page)
    png = sketch("star-dotted")
    if way == "choose":
        page.get_by_test_id("file-input").set_input_files({"name": "s.png", "mimeType": "image/png", "buffer": png})
    else:
        give_picture(page, png, event=way)
    expect(page.get_by_test_id("result").first).to_have_attribute("data-photo-id", "shapes/star-dotted")
    page.get_by_test_id("undo").click()
    assert shown(page) == before


def test_a_file_that_is_no_picture_is_refused_in_a_sentence(page: Page) -> None:
    page.get_by_test_id("file-input").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no"})
    expect(page.get_by_test_id("status")).to_contain_text("a.png cannot be read as a picture")


@pytest.mark.parametrize("paper", ["white", "grey", "black", "#00000000"])
def test_a_blank_picture_is_refused_in_a_sentence_and_the_drawing_stays(page: Page, paper: str) -> None:
    def choose(name: str, png: bytes) -> None:
        page.get_by_test_id("file-input").set_input_files({"name": name, "mimeType": "image/png", "buffer": png})

    draw(page, CROSSING)
    before = shown(page)
    choose("torn.png", b"no")
    choose("paper.png", png_of(Image.new("RGBA", (300, 200), paper)))
    expect(page.get_by_test_id("status")).to_contain_text("paper.png is blank")
    expect(page.locator("#spoken")).to_contain_text("paper.png is blank")
    assert shown(page) == before
    draw(page, SQUARE)
    expect(page.get_by_test_id("status")).to_contain_text("12 of 24 photos")


def test_a_pale_pencil_drawing_is_not_blank(page: Page) -> None:
    pale = Image.new("L", (300, 300), 255)
    pale.paste(215, (60, 60, 240, 240))
    give_picture(page, png_of(pale), event="paste")
    expect(page.get_by_test_id("result")).to_have_count(12)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_an_example_draws_itself_and_is_undone_stroke_by_stroke(visit: Callable[..., Page], motion: str) -> None:
    page = visit(reduced_motion=motion)
    page.get_by_test_id("example").first.click()
    expect(page.get_by_test_id("canvas")).to_have_attribute("aria-label", "Drawing sheet with 15 strokes")
    assert len(shown(page)) == 12
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("canvas")).to_have_attribute("aria-label", "Drawing sheet with 14 strokes")


def test_the_query_is_dark_on_white_even_on_a_dark_sharp_screen(visit: Callable[..., Page]) -> None:
    page = visit(color_scheme="dark", device_scale_factor=2)
    sharp = page.get_by_test_id("canvas").evaluate("canvas => canvas.width / canvas.clientWidth")
    assert sharp == pytest.approx(2, abs=0.01)
    page.evaluate(
        """() => {
            const send = window.fetch;
            window.fetch = (url, options) => {
                window.sent = options.body.get("sketch");
                return send(url, options);
            };
        }"""
    )
    draw(page, [(0.5, 0.2), (0.5, 0.201)])
    shown(page)
    png = page.evaluate("async () => [...new Uint8Array(await window.sent.arrayBuffer())]")
    image = Image.open(io.BytesIO(bytes(png))).convert("L")
    assert image.size == (384, 384)
    assert image.getpixel((0, 0)) == 255
    assert np.asarray(image)[77, 192] < 60


def test_one_search_is_under_way_at_a_time_and_an_old_answer_is_never_shown(page: Page) -> None:
    held: list[Route] = []
    page.route("**/search", lambda route: held.append(route))
    page.evaluate(
        """() => {
            window.seen = [];
            const look = () => document.querySelectorAll("[data-testid=result]")
                .forEach((card) => window.seen.push(card.dataset.photoId));
            new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
        }"""
    )
    for points in (CROSSING, UPRIGHT, SQUARE):
        draw(page, points)
        page.wait_for_timeout(200)
    assert len(held) == 1
    held[0].fulfill(body=answer("old"), content_type="application/json")
    wait_until(page, lambda: len(held) == 2)
    held[1].fulfill(body=answer("new"), content_type="application/json")
    assert shown(page) == ["new"]
    draw(page, CROSSING)
    wait_until(page, lambda: len(held) == 3)
    page.get_by_test_id("clear").click()
    held[2].fulfill(body=answer("cleared"), content_type="application/json")
    assert shown(page) == []
    assert set(page.evaluate("window.seen")) == {"new"}


def test_a_refusal_is_shown_as_the_services_sentence(page: Page) -> None:
    error = {"error": {"code": "too_large", "message": "The sketch is too large; send a smaller one."}}
    page.route("**/search", lambda route: route.fulfill(status=413, json=error))
    draw(page, SQUARE)
    expect(page.get_by_test_id("status")).to_have_text(error["error"]["message"])
    page.unroute("**/search")
    draw(page, CROSSING)
    expect(page.get_by_test_id("status")).to_contain_text("12 of 24 photos")


def test_an_unreachable_service_is_told_and_tried_again_with_the_next_stroke(page: Page) -> None:
    page.route("**/search", lambda route: route.abort())
    draw(page, SQUARE)
    expect(page.get_by_test_id("status")).to_contain_text("cannot be reached")
    page.unroute("**/search")
    draw(page, CROSSING)
    assert len(shown(page)) == 12


def test_a_busy_service_is_asked_again_without_a_word(page: Page) -> None:
    calls: list[Route] = []

    def busy_once(route: Route) -> None:
        calls.append(route)
        if len(calls) == 1:
            error = {"error": {"code": "busy", "message": "Too many searches."}}
            route.fulfill(status=503, headers={"Retry-After": "0"}, json=error)
        else:
            route.continue_()

    page.route("**/search", busy_once)
    draw(page, [(0.5, 0.5)])
    expect(page.get_by_test_id("result")).to_have_count(12)
    assert len(calls) == 2


def test_more_like_this_shows_neighbours_and_back_returns_to_the_drawing(page: Page) -> None:
    draw(page, SQUARE)
    drawing = shown(page)
    for go_back in (lambda: page.get_by_test_id("back-to-drawing").click(), page.go_back):
        page.get_by_test_id("result").nth(1).click()
        page.get_by_test_id("more-like-this").click()
        expect(page.get_by_role("heading", name=f"More like {drawing[1].split('/')[-1]}")).to_be_focused()
        expect(page.locator(f"[data-testid=result][data-photo-id='{drawing[1]}']")).to_have_count(0)
        go_back()
        expect(page.get_by_role("heading", name="Closest to your drawing")).to_be_visible()
        assert shown(page) == drawing
    page.get_by_test_id("result").nth(1).click()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("result").nth(1)).to_be_focused()


def test_a_link_to_the_neighbours_of_a_photo_with_any_name_works(visit: Callable[..., Page]) -> None:
    page = visit(path="/#like=M%C3%B6bel%20%26%20S%C3%B6hne%2F100%20%25%20%E4%B8%B8%3F%23%3B%2B")
    expect(page.get_by_role("heading", name="More like 100 % 丸?#;+")).to_be_visible()
    expect(page.get_by_test_id("result")).to_have_count(12)


def test_the_viewer_opens_steps_and_closes_by_keyboard(page: Page) -> None:
    draw(page, SQUARE)
    ids = shown(page)
    page.get_by_test_id("result").first.press("Enter")
    viewer = page.get_by_test_id("viewer")
    expect(viewer).to_contain_text("1 of 12")
    page.keyboard.press("ArrowRight")
    expect(viewer).to_contain_text(ids[1])
    expect(viewer).to_contain_text("480 × 480 px")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(viewer).to_contain_text("12 of 12")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(page.get_by_test_id("result").last).to_be_focused()


def test_the_viewers_table_holds_the_metadata_and_nothing_twice(page: Page) -> None:
    draw(page, SQUARE)
    shown(page)
    found = json.loads(answer("mugs/mug-1"))
    found["results"][0]["metadata"] = {"size": "tall", "score": "3 of 5", "made_in": "Höhr"}
    page.route("**/search", lambda route: route.fulfill(json=found))
    draw(page, CROSSING)
    expect(page.get_by_test_id("result")).to_have_count(1)
    page.get_by_test_id("result").click()
    viewer = page.get_by_test_id("viewer")
    expect(viewer.locator("[data-part=facts]")).to_contain_text("mugs/mug-1 · score 0.50 ·")
    expect(viewer.locator("[data-part=facts]")).to_contain_text(" px")
    assert viewer.locator("th").all_inner_texts() == ["Size", "Score", "Made in"]


def test_shortcuts_choose_tools_widths_and_history(page: Page) -> None:
    page.keyboard.press("e")
    expect(page.get_by_test_id("eraser")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    expect(page.get_by_test_id("pen")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("]")
    expect(page.get_by_test_id("width")).to_have_attribute("aria-label", "Line width 3 of 5")
    page.keyboard.press("[")
    expect(page.get_by_test_id("width")).to_have_attribute("aria-label", "Line width 2 of 5")
    draw(page, SQUARE)
    canvas = page.get_by_test_id("canvas")
    redos = ("Control+Shift+z", "Control+y")
    for redo in redos:
        page.keyboard.press("Control+z")
        expect(canvas).to_have_attribute("aria-label", "Drawing sheet, blank")
        page.keyboard.press(redo)
        expect(canvas).to_have_attribute("aria-label", "Drawing sheet with 1 strokes")
    page.keyboard.press("Delete")
    expect(canvas).to_have_attribute("aria-label", "Drawing sheet, blank")
    page.keyboard.press("?")
    expect(page.get_by_test_id("help-dialog")).to_be_visible()


def test_the_theme_is_remembered(page: Page) -> None:
    desk = "getComputedStyle(document.documentElement).colorScheme"
    assert page.evaluate(desk) == "light"
    page.get_by_test_id("theme-toggle").click()
    page.reload()
    assert page.evaluate(desk) == "dark"


def test_a_phone_of_360_pixels_draws_by_touch_and_never_scrolls_sideways(visit: Callable[..., Page]) -> None:
    page = visit(**PHONE)
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 360
    touch = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(on_canvas(page, [(0.1 * step, 0.1 * step) for step in range(2, 9)])):
        kind = "touchMove" if number else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_test_id("result")).to_have_count(12)
    assert page.evaluate(width) == 360
    small = page.locator("button:visible, label.tool:visible").evaluate_all(
        "(all, min) => all.filter((e) => Math.min(e.offsetWidth, e.offsetHeight) < min).map((e) => e.outerHTML)",
        MIN_TARGET_PX,
    )
    assert small == []
    page.get_by_test_id("result").first.tap()
    viewer = page.get_by_test_id("viewer")
    expect(viewer).to_be_visible()
    assert viewer.evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")


@pytest.mark.parametrize("height", [640, 844, 915])
def test_on_a_phone_the_tools_stay_in_reach_and_never_cover_the_footer(visit: Callable[..., Page], height: int) -> None:
    page = visit(**{**PHONE, "viewport": {"width": 390, "height": height}})
    edges = """() => {
        const box = (name) => document.querySelector(name).getBoundingClientRect();
        return [box(".toolbar").bottom, box("footer").top, innerHeight];
    }"""

    def assert_in_reach_above_the_footer() -> None:
        tools, footer, screen = page.evaluate(edges)
        assert tools <= footer + 0.5
        assert tools <= screen + 0.5

    assert_in_reach_above_the_footer()
    page.get_by_test_id("example").first.click()
    expect(page.get_by_test_id("result")).to_have_count(12)
    assert_in_reach_above_the_footer()
    page.evaluate("scrollTo(0, 1e6)")
    assert_in_reach_above_the_footer()
    expect(page.locator("footer")).to_be_in_viewport(ratio=0.99)


@pytest.mark.parametrize(("width", "height"), [(360, 560), (390, 664)])
def test_on_a_phone_the_closest_photos_are_in_sight_while_one_draws(
    visit: Callable[..., Page], width: int, height: int
) -> None:
    page = visit(**{**PHONE, "viewport": {"width": width, "height": height}})
    expect(page.get_by_test_id("strip")).to_be_hidden()
    draw(page, SQUARE)
    ids = shown(page)
    strip = page.get_by_test_id("strip-photo")
    assert strip.evaluate_all("all => all.map((each) => each.dataset.photoId)") == ids[:5]
    for seen in (strip.first, strip.last, page.get_by_test_id("canvas")):
        expect(seen).to_be_in_viewport(ratio=0.99)
    tools, row = page.locator(".toolbar").bounding_box(), page.get_by_test_id("strip").bounding_box()
    sheet = page.get_by_test_id("canvas").bounding_box()
    assert tools is not None
    assert row is not None
    assert sheet is not None
    assert sheet["y"] + sheet["height"] <= row["y"]
    assert row["y"] + row["height"] <= tools["y"] + 0.5
    strip.nth(1).tap()
    expect(page.locator("#viewer [data-part=position]")).to_have_text("2 of 12")


def test_strokes_are_there_again_after_a_reload_and_gone_once_the_sheet_is_cleared(page: Page) -> None:
    draw(page, SQUARE)
    ids = shown(page)
    page.reload()
    expect(page.get_by_test_id("canvas")).to_have_attribute("aria-label", "Drawing sheet with 1 strokes")
    expect(page.get_by_test_id("result")).to_have_count(12)
    assert shown(page) == ids
    page.get_by_test_id("clear").click()
    page.reload()
    expect(page.get_by_test_id("canvas")).to_have_attribute("aria-label", "Drawing sheet, blank")


def test_a_kept_drawing_that_is_none_is_left_alone(page: Page) -> None:
    page.evaluate("localStorage.setItem('drawing', JSON.stringify([{kind: 'stroke', points: 'x'}]))")
    page.reload()
    expect(page.get_by_test_id("canvas")).to_have_attribute("aria-label", "Drawing sheet, blank")


# Holds the page's requests back: /info until a search has begun, and searches for a while.
SLOW = """() => {
    const real = window.fetch;
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    let begin;
    const begun = new Promise((resolve) => { begin = resolve; });
    window.fetch = async (url, options) => {
        if (String(url).startsWith("/info")) await begun;
        if (String(url).startsWith("/search")) { begin(); await pause(window.holdMs); }
        return real(url, options);
    };
}"""


def slowly(page: Page, hold_ms: int) -> None:
    page.add_init_script(f"window.holdMs = {hold_ms}; ({SLOW})()")
    page.reload()
    expect(page.get_by_test_id("example").first).to_be_visible()


def test_an_answer_counts_though_the_service_describes_itself_while_it_is_awaited(page: Page) -> None:
    slowly(page, 500)
    page.get_by_test_id("example").first.click()  # one question, and no later stroke that would ask again
    expect(page.get_by_test_id("result")).to_have_count(12)


def test_a_slow_search_is_told_and_timings_are_in_the_help(page: Page) -> None:
    slowly(page, 2500)
    draw(page, SQUARE)
    expect(page.get_by_test_id("waiting")).to_have_text("Searching…")
    expect(page.get_by_test_id("waiting")).to_contain_text("still searching")
    expect(page.get_by_test_id("result")).to_have_count(12)
    expect(page.get_by_test_id("waiting")).to_be_hidden()
    page.get_by_test_id("help").click()
    expect(page.get_by_test_id("timings")).to_contain_text("encode")


def test_a_product_is_linked_only_to_an_address_of_the_web(page: Page) -> None:
    found = json.loads(answer("a", "b"))
    found["results"][0]["metadata"] = {"title": "Red shoe", "price": "49 €", "url": "https://shop.example/red"}
    found["results"][1]["metadata"] = {"url": "javascript:alert(1)"}
    page.route("**/search", lambda route: route.fulfill(body=json.dumps(found), content_type="application/json"))
    draw(page, SQUARE)
    card = page.get_by_test_id("result").first
    expect(card).to_contain_text("Red shoe")
    expect(card).to_contain_text("49 €")
    card.click()
    expect(page.get_by_test_id("product")).to_have_attribute("href", "https://shop.example/red")
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("product")).to_be_hidden()


def test_dropping_and_pasting_are_offered_only_where_there_is_a_mouse(visit: Callable[..., Page]) -> None:
    hint = "#draw-hint small"
    assert visit().locator(hint).inner_text() == "or drop, paste or choose a picture"
    assert visit(**PHONE).locator(hint).inner_text() == "or choose a picture"


def test_every_button_link_and_field_has_a_name(page: Page) -> None:
    draw(page, SQUARE)
    shown(page)
    accessibility = page.context.new_cdp_session(page)

    def nameless() -> tuple[int, list[str]]:
        nodes = accessibility.send("Accessibility.getFullAXTree")["nodes"]
        controls = [
            node for node in nodes if node.get("role", {}).get("value") in ("button", "link", "dialog", "image")
        ]
        return len(controls), [str(node) for node in controls if not node.get("name", {}).get("value", "").strip()]

    count, missing = nameless()
    assert count > 28
    assert missing == []
    page.get_by_test_id("result").first.click()
    expect(page.get_by_test_id("viewer")).to_be_visible()
    assert nameless()[1] == []
    page.keyboard.press("Escape")
    page.get_by_test_id("help").click()
    assert nameless()[1] == []


def keeping_feedback(page: Page, *, status: int = 200) -> list[str]:
    """Reloads the page as that of a service that keeps feedback; the list fills with what is sent to be kept."""
    sent: list[str] = []

    def keep(route: Route) -> None:
        sent.append((route.request.post_data_buffer or b"").decode("latin-1"))
        body = {"kept": True} if status == 200 else {"error": {"code": "feedback_full", "message": "It is full."}}
        route.fulfill(status=status, content_type="application/json", body=json.dumps(body))

    page.route("**/info", lambda route: route.fulfill(json={"feedback": True, "gallery": {"size": 24}}))
    page.route("**/feedback", keep)
    page.reload()
    expect(page.get_by_test_id("privacy")).to_contain_text("keeps it when you press")
    return sent


def test_this_is_it_keeps_the_drawing_only_when_pressed_and_says_so_before(page: Page) -> None:
    sent = keeping_feedback(page)
    draw(page, SQUARE)
    ids = shown(page)
    page.get_by_test_id("result").nth(1).click()
    expect(page.get_by_test_id("kept")).to_contain_text("Your drawing is kept with this photo")
    assert sent == []
    page.get_by_test_id("this-is-it").click()
    expect(page.get_by_test_id("kept")).to_contain_text("Thank you")
    assert len(sent) == 1
    assert f'name="photo_id"\r\n\r\n{ids[1]}' in sent[0]
    assert 'name="rank"\r\n\r\n2' in sent[0]
    assert "\x89PNG" in sent[0]
    page.get_by_test_id("this-is-it").click(force=True)
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("kept")).to_contain_text("Your drawing is kept with this photo")
    assert len(sent) == 1


def test_a_drawing_that_cannot_be_kept_is_told(page: Page) -> None:
    keeping_feedback(page, status=507)
    draw(page, SQUARE)
    shown(page)
    page.get_by_test_id("result").first.click()
    page.get_by_test_id("this-is-it").click()
    expect(page.get_by_test_id("kept")).to_contain_text("Not kept: It is full.")


def test_nothing_is_offered_where_no_feedback_is_kept_or_no_drawing_asked(page: Page) -> None:
    draw(page, SQUARE)
    shown(page)
    page.get_by_test_id("result").first.click()
    expect(page.get_by_test_id("viewer")).to_be_visible()
    expect(page.get_by_test_id("this-is-it")).to_be_hidden()
    expect(page.get_by_test_id("privacy")).to_have_text(
        "Your drawing is sent to this service only, and only to search. "
        "This browser keeps your strokes until you clear the sheet."
    )
    page.keyboard.press("Escape")
    keeping_feedback(page)
    draw(page, SQUARE)
    shown(page)
    page.get_by_test_id("result").first.click()
    page.get_by_test_id("more-like-this").click()
    expect(page.get_by_test_id("back-to-drawing")).to_be_visible()
    page.get_by_test_id("result").first.click()
    expect(page.get_by_test_id("this-is-it")).to_be_hidden()


def alter_info(page: Page, alter: Callable[[dict[str, Any]], None]) -> list[str]:
    """Changes what /info says of the gallery from the next load on; returns a list that grows with every request."""
    asked: list[str] = []

    def changed(route: Route) -> None:
        asked.append(route.request.url)
        info = route.fetch().json()
        alter(info["gallery"])
        route.fulfill(json=info)

    page.route("**/info", changed)
    page.reload()
    expect(page.get_by_test_id("facts")).to_contain_text("gallery")
    return asked


def test_a_chosen_facet_filters_the_search_until_it_is_cleared(page: Page) -> None:
    draw(page, SQUARE)
    expect(page.get_by_test_id("result")).to_have_count(12)
    page.get_by_test_id("facets").locator("summary").click()
    page.get_by_role("checkbox", name="house").check()
    expect(page.get_by_test_id("result")).to_have_count(1)
    assert shown(page) == ["shapes/house-plain"]
    expect(page.get_by_test_id("facets-chosen")).to_have_text("shape: house")
    page.get_by_test_id("facets-clear").click()
    expect(page.get_by_test_id("result")).to_have_count(12)
    expect(page.get_by_role("checkbox", name="house")).not_to_be_checked()
    expect(page.get_by_test_id("facets-chosen")).to_have_text("")


def test_facets_are_chosen_with_the_keyboard_alone_before_anything_is_drawn(page: Page) -> None:
    page.get_by_test_id("facets").locator("summary").focus()
    for key in ("Enter", "Tab", "Space"):
        page.keyboard.press(key)
    expect(page.get_by_role("checkbox", name="house")).to_be_checked()
    page.get_by_test_id("example").first.click()
    expect(page.get_by_test_id("result")).to_have_count(1)


def test_photos_like_one_are_filtered_too_and_so_is_the_drawing_left_behind(page: Page) -> None:
    draw(page, SQUARE)
    expect(page.get_by_test_id("result")).to_have_count(12)
    page.locator('[data-photo-id="shapes/square-plain"] button').click()
    page.get_by_test_id("more-like-this").click()
    expect(page.locator("#photos-title")).to_have_text("More like square-plain")
    page.get_by_test_id("facets").locator("summary").click()
    page.get_by_role("checkbox", name="house").check()
    expect(page.get_by_test_id("result")).to_have_count(1)
    page.get_by_test_id("back-to-drawing").click()
    expect(page.locator("#photos-title")).to_have_text("Closest to your drawing")
    assert shown(page) == ["shapes/house-plain"]


def test_numbers_are_filtered_by_range_and_no_match_is_said(page: Page) -> None:
    alter_info(page, lambda gallery: gallery["columns"][0].update(minimum=5, maximum=20))
    draw(page, SQUARE)
    page.get_by_test_id("facets").locator("summary").click()
    most = page.get_by_label("price, at most")
    most.fill("12.5")
    most.press("Enter")
    expect(page.get_by_test_id("result")).to_have_count(1)
    page.get_by_label("price, at least").fill("13")
    page.get_by_label("price, at least").press("Enter")
    expect(page.get_by_test_id("status")).to_have_text("No photo matches the filters.")
    expect(page.get_by_test_id("facets-chosen")).to_have_text("price: 13 to 12.5")


def test_a_value_with_a_comma_and_quotes_reaches_the_service_as_one(page: Page) -> None:
    alter_info(page, lambda gallery: gallery["columns"][1].update(values={'a, "b"': 1, "house": 1}))
    page.get_by_test_id("facets").locator("summary").click()
    page.get_by_role("checkbox", name='a, "b"').check()
    with page.expect_request("**/search") as sent:
        draw(page, SQUARE)
    assert 'shape="a, ""b"""' in (sent.value.post_data_buffer or b"").decode(errors="replace")
    expect(page.get_by_test_id("status")).to_have_text("No photo matches the filters.")


def test_there_are_no_facets_without_metadata(page: Page) -> None:
    alter_info(page, lambda gallery: gallery.update(columns=[]))
    expect(page.get_by_test_id("facets")).to_be_hidden()


def test_the_facets_of_a_new_generation_are_offered_and_choices_that_remain_are_kept(page: Page) -> None:
    def first_an_older_generation(gallery: dict[str, Any]) -> None:
        if len(asked) <= 1:
            gallery["generation"] = "older"
            gallery["columns"][1]["values"] = {"house": 1, "tent": 2}

    asked: list[str] = []
    asked = alter_info(page, first_an_older_generation)
    page.get_by_test_id("facets").locator("summary").click()
    page.get_by_role("checkbox", name="house").check()
    page.get_by_role("checkbox", name="tent").check()
    draw(page, SQUARE)
    expect(page.get_by_test_id("facets-chosen")).to_have_text("shape: house")
    expect(page.get_by_role("checkbox", name="tent")).to_have_count(0)
    expect(page.get_by_test_id("result")).to_have_count(1)
