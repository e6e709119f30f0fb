"""Every page in a real browser: it reflows, screen readers find its structure, and axe-core finds no fault."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, ViewportSize, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.support.pages import ADDRESSES, application

HOST = "http://localhost"  # as trustworthy to browsers as HTTPS is
AXE = Path(__file__).parents[1] / "support" / "vendor" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW: ViewportSize = {"width": 320, "height": 800}  # 1,280 pixels zoomed to 400%: WCAG 1.4.10
WIDE: ViewportSize = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A tab whose requests are answered by the application, without a port; what it asks of other hosts fails."""
    with TestClient(application(), base_url=HOST) as site:

        def answer(route: Route) -> None:
            asked = route.request
            answered = site.get(asked.url.removeprefix(HOST), headers={"Accept": asked.headers.get("accept", "*/*")})
            route.fulfill(status=answered.status_code, headers=dict(answered.headers), body=answered.content)

        page = browser.new_page()
        page.route("**/*", lambda route: route.abort())
        page.route(f"{HOST}/**", answer)
        yield page
        page.close()


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_scrolls_sideways_at_320_pixels(tab: Page, address: str) -> None:
    tab.set_viewport_size(NARROW)
    tab.goto(HOST + address)

    assert tab.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_no_fault(tab: Page, address: str, size: ViewportSize) -> None:
    tab.set_viewport_size(size)
    tab.goto(HOST + address)
    tab.evaluate(AXE.read_text(encoding="utf-8"))  # as a tag of the page, its policy would refuse it

    found = tab.evaluate("tags => axe.run({runOnly: tags})", WCAG)

    faults = [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]]
    assert faults == []


@pytest.mark.parametrize("address", [*ADDRESSES, "/nowhere"])
def test_the_policy_of_a_page_lets_it_be_whole_and_runs_nothing_that_was_put_into_it(tab: Page, address: str) -> None:
    shown: list[str] = []

    def note(message: ConsoleMessage) -> None:
        shown.append(message.text)

    tab.on("console", note)
    tab.goto(HOST + address)
    refused = [words for words in shown if "Content Security Policy" in words]
    is_styled = tab.evaluate("getComputedStyle(document.querySelector('h1')).fontFamily").startswith(("Arial", "arial"))
    with suppress(PlaywrightError):  # it says that the tag was refused
        tab.add_script_tag(content="document.title = 'run'")
    tab.remove_listener("console", note)

    assert refused == []
    assert is_styled
    assert tab.title() != "run"


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_has_one_h1_its_landmarks_and_a_name_for_every_table(tab: Page, address: str) -> None:
    tab.goto(HOST + address)

    landmarks = [tab.get_by_role(role).count() for role in ("banner", "main", "contentinfo")]
    names = tab.locator("table > caption").all_inner_texts()

    assert tab.locator("h1").count() == 1
    assert landmarks == [1, 1, 1]
    assert len(names) == tab.locator("table").count()
    assert all(names)


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_first_tab_stop_skips_to_the_main_content(tab: Page, address: str) -> None:
    tab.goto(HOST + address)

    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")

    assert tab.evaluate("document.activeElement.id") == "main-content"


def test_pages_ask_nothing_of_other_hosts_and_cause_no_browser_warning(tab: Page) -> None:
    asked: list[str] = []
    warnings: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: warnings.append(message.text))

    for address in ADDRESSES:
        tab.goto(HOST + address)

    assert [url for url in asked if not url.startswith(HOST)] == []
    assert warnings == []
