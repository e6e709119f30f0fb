"""The pictures in docs/images, taken of the demo: `python -m tests.pictures LINK`, while `make demo` runs.

LINK is the sign-in link of the finance officer of Adur District Council, which the demo's terminal prints.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEAD_HEIGHT, SECTION_HEIGHT = 1000, 1150, 800


def take(page: Page, link: str) -> None:
    """The list of statements; of the last issued one its head, what is due, the comparison and a line."""
    address = urlsplit(link)
    site = f"{address.scheme}://{address.netloc}"
    page.goto(link)
    page.goto(f"{site}/statements/adur")
    _save(page, "statements", 0, 760)
    page.locator("tbody tr:nth-child(2) th a").click()
    _save(page, "statement-head", 0, HEAD_HEIGHT)
    _save_section(page, "statement-due", "#due", "#due ~ h2")
    _save_section(page, "statement-compared", "#compared", "#compared ~ h2")
    page.locator("td a, th a").filter(has_text=re.compile("Supplier invoices|Payslips|Tickets")).first.click()
    _save(page, "statement-line", 0, WIDTH)


def _save(page: Page, name: str, top: float, height: float) -> None:
    clip = {"x": 0.0, "y": top, "width": float(WIDTH), "height": height}
    page.screenshot(path=IMAGES / f"{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type] # a TypedDict


def _save_section(page: Page, name: str, first: str, after: str) -> None:
    """From one heading to the next."""
    top, end = (page.locator(each).first.bounding_box() for each in (first, after))
    assert top is not None
    assert end is not None
    _save(page, name, top["y"] - 20, min(end["y"] - top["y"], SECTION_HEIGHT))


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        take(browser.new_page(viewport={"width": WIDTH, "height": 900}), sys.argv[1])
        browser.close()
