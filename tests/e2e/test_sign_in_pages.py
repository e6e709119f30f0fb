"""People in a real browser without JavaScript: sign in, read a statement, make a key, approve, and sign out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html import unescape
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tallystick.demo.sign_in import demo_token
from tests.support.service_process import clean_environment

AXE = Path(__file__).parents[1] / "support" / "vendor" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW: ViewportSize = {"width": 320, "height": 800}  # 1,280 pixels zoomed to 400%: WCAG 1.4.10
WIDE: ViewportSize = {"width": 1280, "height": 800}
PATIENCE_S = 300  # a bound on waiting, and no claim about speed
OFFICER, OPERATOR = "Finance officer, Adur District Council", "Provider operator"


class RunningDemo(NamedTuple):
    """The demo of a folder, as its terminal shows it."""

    folder: Path
    log: Path

    def output(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8")

    @property
    def address(self) -> str:
        """Where it answers, without a slash at its end."""
        found = re.search(r"Open (http://\S+)/  ", self.output())
        assert found is not None
        return found[1]

    def link(self, title: str) -> str:
        """The newest link that signs the person in."""
        found: list[str] = re.findall(rf"{re.escape(title)}(?: +|: )(http\S+)", self.output())
        return found[-1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    folder = tmp_path_factory.mktemp("demo")
    running = RunningDemo(folder / "var", folder / "output.txt")
    environment = clean_environment() | {"TALLYSTICK_VAR": str(running.folder)}
    with running.log.open("wb") as output:
        command = [sys.executable, "-m", "tallystick", "demo", "--port", "8410"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until_ready(running, process)
        propose_exclusion(running)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


def wait_until_ready(demo: RunningDemo, process: subprocess.Popen[bytes]) -> None:
    """It has evaluated its year."""
    give_up_at = time.monotonic() + PATIENCE_S
    while "Ready" not in demo.output():
        assert process.poll() is None, demo.output()
        assert time.monotonic() < give_up_at, demo.output()
        time.sleep(0.2)


def propose_exclusion(demo: RunningDemo) -> None:
    """The provider has proposed that a night of Adur's does not count."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    exclusion = {
        "council": "adur",
        "service": "ict",
        "category": "planned-maintenance",
        "reason": "change-1432",
        "start_at": at.isoformat(),
        "end_at": (at + timedelta(hours=8)).isoformat(),
    }
    body = {"id": "X-1", "exclusion": exclusion}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {demo_token(demo.folder)}"}
    with urlopen(Request(f"{demo.address}/v1/exclusions", json.dumps(body).encode(), headers)) as answer:  # noqa: S310 (ours)
        assert answer.status == 201


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


@pytest.fixture
def without_script(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=False)
    yield context
    context.close()


def signed_in(context: BrowserContext, demo: RunningDemo, title: str) -> Page:
    """A page of a browser at which the person has signed in."""
    page = context.new_page()
    page.goto(demo.link(title), wait_until="domcontentloaded")
    assert f"Signed in: {title}" in page.inner_text("header")
    return page


def test_an_officer_signs_in_reads_a_statement_and_signs_out(demo: RunningDemo, without_script: BrowserContext) -> None:
    page = without_script.new_page()
    page.goto(f"{demo.address}/today", wait_until="domcontentloaded")
    assert page.inner_text("h1") == "Sign in"
    page.click("text=Sign in with your organisation")
    assert page.inner_text("h1") == "Use a sign-in link"

    page.goto(demo.link(OFFICER), wait_until="domcontentloaded")
    assert page.get_by_text("Worthing Borough Council").count() == 0
    page.click("td >> text=Page")
    assert "Recharge statement" in page.inner_text("main")
    statement = page.url
    page.click("header >> text=Sign out")
    page.click("text=Sign out here")
    assert page.inner_text("h1") == "You have signed out"

    page.goto(statement, wait_until="domcontentloaded")
    assert page.inner_text("h1") == "Sign in"
    page.go_back(wait_until="domcontentloaded")
    assert "Recharge statement" not in page.inner_text("main")


def test_after_a_detour_over_sign_in_people_are_where_they_wanted_to_be(
    demo: RunningDemo, without_script: BrowserContext
) -> None:
    page = signed_in(without_script, demo, OFFICER)
    without_script.clear_cookies(name="tallystick-session")

    page.goto(f"{demo.address}/attainment?council=adur", wait_until="domcontentloaded")
    page.click("text=Sign in with your organisation")

    assert page.url == f"{demo.address}/attainment?council=adur"
    assert f"Signed in: {OFFICER}" in page.inner_text("header")


def test_every_page_names_its_own_reader_and_leads_to_pages_that_they_may_read(
    demo: RunningDemo, browser: Browser
) -> None:
    """One after the other, so that a page that was kept for the first would be shown to the second."""
    for title in (OPERATOR, "Provider finance officer", OFFICER):
        with closing(browser.new_context()) as context:
            signed_in(context, demo, title)
            pages = pages_from(context, demo.address)

        assert len(pages) > 30
        assert [address for address, page in pages.items() if page.status >= HTTPStatus.BAD_REQUEST] == []
        readers = {name for page in pages.values() for name in re.findall("Signed in: ([^<]+)<", page.text)}
        assert readers == {title}


class ReadPage(NamedTuple):
    """What answered: its status and, of a page, its text."""

    status: int
    text: str


def pages_from(context: BrowserContext, address: str) -> dict[str, ReadPage]:
    """What can be reached by links from the home page; of what has one form, the first."""
    found: dict[str, ReadPage] = {}
    forms: set[str] = set()
    waiting = ["/", "/events"]
    while waiting:
        path = waiting.pop(0)
        answer = context.request.get(f"{address}{path}")
        is_page = answer.headers["content-type"].startswith("text/html")
        found[path] = ReadPage(answer.status, answer.text() if is_page else "")
        for link in re.findall(r'href="(/[^"#]*)', found[path].text):
            to = unescape(link)
            form = form_of(to)
            if to not in found and to not in waiting and form not in forms:
                forms.add(form)
                waiting.append(to)
    return found


def form_of(path: str) -> str:
    """The first two parts of a path, how it ends, and the names of what it asks for."""
    before, _, query = path.partition("?")
    parts, names = Path(before).parts, re.findall("([^=&]+)=", query)
    return f"{parts[1:3]} {len(parts)} {Path(before).suffix} {names}"


def test_a_board_that_is_watched_is_use_of_the_session(demo: RunningDemo, browser: Browser) -> None:
    with closing(browser.new_context()) as context:
        context.set_default_timeout(90_000)
        page = signed_in(context, demo, OPERATOR)
        page.clock.install()
        page.goto(f"{demo.address}/today", wait_until="domcontentloaded")
        page.get_by_role("button", name="Pause").wait_for()
        before = context.cookies()

        with page.expect_response(lambda answer: "/session/renew" in answer.url):
            page.clock.fast_forward("05:01")
        with page.expect_response(lambda answer: "/today/stream" in answer.url) as stream:
            page.clock.fast_forward("00:30")

        assert stream.value.status == 200
        assert context.cookies() != before


def test_a_key_is_made_shown_once_changed_and_revoked(demo: RunningDemo, without_script: BrowserContext) -> None:
    page = signed_in(without_script, demo, OFFICER)
    page.goto(f"{demo.address}/keys", wait_until="domcontentloaded")
    page.click("text=Make a key")
    page.click("button:has-text('Make the key')")
    assert "Say what the key is for" in page.inner_text("[role=alert]")

    page.fill("#title", "Nightly export")
    page.check("label:has-text('Council viewer')")
    page.check("label:has-text('Adur District Council')")
    page.click("button:has-text('Make the key')")
    secret = page.inner_text(".tally-secret code >> nth=1")
    client = page.inner_text(".tally-secret code >> nth=0")
    assert token_status(demo, client, secret) == 200
    page.goto(f"{demo.address}/keys/{client}", wait_until="domcontentloaded")
    assert secret not in page.content()

    page.click("button:has-text('Make a second secret')")
    second = page.inner_text(".tally-secret code >> nth=1")
    page.click("button:has-text('Take the older one back')")
    assert [token_status(demo, client, each) for each in (secret, second)] == [401, 200]
    page.click("button:has-text('Revoke the key')")
    assert "Revoked on" in page.inner_text("main")
    assert token_status(demo, client, second) == 401


def token_status(demo: RunningDemo, client: str, secret: str) -> int:
    """How a program with the key is answered."""
    form = urlencode({"grant_type": "client_credentials", "client_id": client, "client_secret": secret}).encode()
    try:
        with urlopen(Request(f"{demo.address}/v1/token", form)) as answer:  # noqa: S310 (ours)
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def test_an_officer_sees_what_waits_and_decides(demo: RunningDemo, without_script: BrowserContext) -> None:
    page = signed_in(without_script, demo, OPERATOR)
    page.goto(f"{demo.address}/approvals", wait_until="domcontentloaded")
    assert page.get_by_role("button", name="Approve").count() == 0
    assert page.get_by_role("button", name="Withdraw").count() == 1
    without_script.clear_cookies()

    page = signed_in(without_script, demo, OFFICER)
    page.click("header >> text=Approvals waiting")
    words = page.inner_text("main")
    for each in ("Adur District Council", "Planned maintenance", "change-1432", "For the provider", "counted again"):
        assert each in words
    page.get_by_role("button", name="Approve").click()

    assert "Nothing waits for a decision." in page.inner_text("main")
    assert "Approved by tsp_" in page.inner_text("main")


def test_a_correction_run_waits_for_somebody_else_at_the_provider(
    demo: RunningDemo, without_script: BrowserContext
) -> None:
    body = {"id": "run-1", "scope": {"from_date": "2026-01-05", "to_date": "2026-01-06", "council": "adur"}}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {demo_token(demo.folder)}"}
    with urlopen(Request(f"{demo.address}/v1/correction-runs", json.dumps(body).encode(), headers)) as answer:  # noqa: S310 (ours)
        assert answer.status == 202
    page = signed_in(without_script, demo, OFFICER)
    page.goto(f"{demo.address}/approvals", wait_until="domcontentloaded")
    assert "Correction run run-1" in page.inner_text("main")
    assert page.get_by_role("button", name="Approve run-1").count() == 0
    without_script.clear_cookies()

    page = signed_in(without_script, demo, "Provider approver")
    page.goto(f"{demo.address}/approvals", wait_until="domcontentloaded")
    page.get_by_role("button", name="Approve run-1").click()

    assert "Correction run run-1" not in page.inner_text("main")


PAGES = ["/me", "/sign-out", "/keys", "/keys/new", "/approvals", "/"]


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_axe_finds_no_fault_and_nothing_scrolls_sideways(
    demo: RunningDemo, browser: Browser, size: ViewportSize
) -> None:
    context = browser.new_context(viewport=size, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{demo.address}/sign-in", wait_until="domcontentloaded")
    assert faults(page) == []
    for path in ("/sign-in/return?state=1&code=1", "/signed-out", "/demo-provider/authorize", "/demo-provider/link"):
        page.goto(f"{demo.address}{path}", wait_until="domcontentloaded")
        assert (path, faults(page)) == (path, [])

    page = signed_in(context, demo, OFFICER)
    for path in PAGES:
        page.goto(f"{demo.address}{path}", wait_until="domcontentloaded")
        assert (path, faults(page)) == (path, [])
    page.goto(f"{demo.address}/keys/new", wait_until="domcontentloaded")
    page.fill("#title", "x")
    page.click("button:has-text('Make the key')")
    assert faults(page) == []
    page.check("label:has-text('Council viewer')")
    page.check("label:has-text('Adur District Council')")
    page.click("button:has-text('Make the key')")
    page.locator(".tally-secret").wait_for()
    assert faults(page) == []
    context.close()


def propose_price(demo: RunningDemo) -> None:
    """The provider has proposed another price of a tariff that both councils pay."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {demo_token(demo.folder)}"}
    with urlopen(Request(f"{demo.address}/v1/tariffs/absence-recording", headers=headers)) as answer:  # noqa: S310 (ours)
        version = json.load(answer)
    body = json.dumps(version["definition"]).replace("1.40", "1.45").encode()
    headers["If-Match"] = f'"{version["version"]}"'
    address = f"{demo.address}/v1/tariffs/absence-recording?reason=Board+minute+12"
    with urlopen(Request(address, body, headers, method="PUT")) as answer:  # noqa: S310 (ours)
        assert answer.status == 202


def test_a_price_changes_by_two_peoples_word(demo: RunningDemo, browser: Browser) -> None:
    propose_price(demo)
    with closing(browser.new_context(viewport=NARROW, bypass_csp=True)) as context:
        context.set_default_timeout(90_000)
        page = signed_in(context, demo, "Provider approver")
        page.click("header >> text=Approvals waiting")
        words = page.inner_text("main")
        for each in ("Board minute 12", "1.40", "1.45", "Adur District Council", "Worthing Borough Council"):
            assert each in words
        assert faults(page) == []

        page.locator("form:has(textarea) textarea").fill("As the board agreed")
        page.locator("form:has(textarea)").get_by_role("button", name="Approve").click()

        assert "The change is recorded" in page.inner_text("main")
        assert faults(page) == []
        page.click("text=See what else waits")
        assert "As the board agreed" in page.inner_text("main")
        assert faults(page) == []


def faults(page: Page) -> list[object]:
    """What axe-core finds, and whether the page is wider than its window."""
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = page.evaluate("tags => axe.run({runOnly: tags})", WCAG)
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] + [wide] * wide
