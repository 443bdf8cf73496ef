"""The page where the service asks for an API key, in a real Chromium: entered once, kept out of the page's reach."""

import shutil
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path: apt-get install chromium"),
]


@pytest.fixture
def page(keyed_service: tuple[str, str]) -> Iterator[Page]:
    """The page, freshly opened; nothing may break its policy or end in an error that nobody caught."""
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(reduced_motion="reduce")
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.goto(keyed_service[0])
        yield page
        browser.close()
    # Chromium itself reports the answers of 401 that are meant to be.
    assert [trouble for trouble in troubles if "status of 401" not in trouble] == []


def draw(page: Page) -> None:
    page.get_by_test_id("example").first.click()


def test_a_key_is_asked_for_once_kept_and_forgotten(page: Page, keyed_service: tuple[str, str]) -> None:
    dialog, field = page.get_by_test_id("access-dialog"), page.get_by_test_id("access-key")
    expect(dialog).to_be_visible()
    expect(page.get_by_test_id("access-note")).to_have_text("This service asks for an API key.")
    field.fill("wrong")
    page.get_by_test_id("access-submit").click()
    expect(page.get_by_test_id("access-note")).to_contain_text("does not know that key")
    field.fill(keyed_service[1])
    page.get_by_test_id("access-submit").click()
    expect(dialog).to_be_hidden()
    draw(page)
    expect(page.locator("[data-testid=result] img.loaded")).to_have_count(12)
    assert page.evaluate("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})").find("sketch_") == -1

    page.reload()
    draw(page)
    expect(page.get_by_test_id("result")).to_have_count(12)
    expect(dialog).to_be_hidden()
    expect(page.locator("#key-name")).to_have_text("visitors")

    page.get_by_test_id("forget-key").click()
    expect(dialog).to_be_visible()


def test_a_key_is_accepted_behind_a_proxy_that_asks_for_a_password(page: Page, keyed_service: tuple[str, str]) -> None:
    page.set_extra_http_headers(
        {"Authorization": "Basic dmlzaXRvcjpwYXNzd29yZA=="}
    )  # as a browser then sends everywhere
    page.reload()
    page.get_by_test_id("access-key").fill(keyed_service[1])
    page.get_by_test_id("access-submit").click()
    expect(page.get_by_test_id("access-dialog")).to_be_hidden()
    draw(page)
    expect(page.locator("[data-testid=result] img.loaded")).to_have_count(12)


def test_who_has_no_key_is_told_so_and_not_asked_with_every_stroke(page: Page) -> None:
    expect(page.get_by_test_id("access-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    draw(page)
    expect(page.get_by_test_id("status")).to_contain_text("asks for an API key. Reload the page to enter one.")
    expect(page.get_by_test_id("access-dialog")).to_be_hidden()
