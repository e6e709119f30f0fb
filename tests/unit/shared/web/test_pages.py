"""What the pages show, and that each has the one layout."""

import re

import pytest
from fastapi.testclient import TestClient
from jinja2 import UndefinedError
from markupsafe import Markup

from shared.period import Month
from shared.web.assets import asset_url
from shared.web.pages import environment
from sla_monitor.pages import CouncilAttainment
from tallystick.demo.home_page import HomePage
from tests.support.pages import (
    ADDRESSES,
    ADUR,
    EMPTY_HOME,
    PAUSED_AND_MISSED,
    STILL_OPEN,
    application,
    attainment_page,
    item_page,
)

SITE = TestClient(application())


def text_of(html: str) -> str:
    """The words of a page's main part, single-spaced."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(Markup(main).striptags().split())  # noqa: S704 (only read, never shown)


def shown(address: str) -> str:
    answered = SITE.get(address)
    assert answered.status_code == 200
    return answered.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_html_in_english_and_links_to_the_accessibility_statement(address: str) -> None:
    html = shown(address)

    assert html.startswith("<!DOCTYPE html>")
    assert '<html lang="en"' in html
    assert 'href="/accessibility"' in html
    # Only the live board has a script, of ours and no other, and is whole without it.
    scripts = re.findall(r"<script.*?</script>", html, re.DOTALL)
    live = f'<script src="{asset_url("live.js")}" defer></script>'
    assert scripts == ([live] if address.startswith("/today") else [])
    assert not re.search(r"\son[a-z]+=|javascript:", html)
    assert 'style="' not in html


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_but_the_home_page_leads_back_to_it_by_breadcrumbs(address: str) -> None:
    html = shown(address)

    assert ('aria-label="Breadcrumb"' in html) is (address != "/")
    assert address == "/" or '<a class="govuk-breadcrumbs__link" href="/">Home</a>' in html


@pytest.mark.parametrize("address", ["/", "/attainment", "/item"])
def test_illustrative_figures_are_labelled_so(address: str) -> None:
    assert "Illustrative figures." in text_of(shown(address))


def test_a_page_without_illustrative_figures_does_not_say_so() -> None:
    assert "Illustrative" not in text_of(shown("/accessibility"))


def test_the_home_page_links_to_every_form_of_a_statement() -> None:
    html = shown("/")

    for suffix in ("html", "pdf", "csv"):
        assert f'href="/v1/statements/adur/2026-10.{suffix}"' in html
    assert "£12,345.67" in html
    assert "−£12.30 credit" in html
    assert 'href="/attainment?month=2026-10"' in html


def test_the_home_page_before_the_first_month_says_that_nothing_was_decided() -> None:
    html = TestClient(application(EMPTY_HOME)).get("/").text

    assert "Nothing has been decided yet." in text_of(html)
    assert "<table" not in html


@pytest.mark.parametrize("month", [None, Month(2026, 10)])
def test_the_home_page_says_that_it_is_being_evaluated_and_reloads_only_while_it_is(month: Month | None) -> None:
    html = TestClient(application(HomePage("Adur and Worthing", month, evaluating=True))).get("/").text

    assert "Still being evaluated: reload this page in a minute." in text_of(html)
    assert '<meta http-equiv="refresh" content="5">' in html
    assert "Nothing has been decided yet." not in html
    assert "Recharge statements for" not in html
    assert "Still being evaluated" not in shown("/")
    assert 'http-equiv="refresh"' not in shown("/")


def test_attainment_shows_good_of_total_and_what_the_objective_makes_of_it() -> None:
    text = text_of(shown("/attainment"))

    assert "1 of 2 targets met." in text
    assert re.search(r"Accounts payable .* 2,999 of 3,000 1 99\.9% 95% 149 met", text)
    assert re.search(r"ICT .* 94 of 100 6 94\.0% 95% −1 missed", text)
    assert re.search(r"Recruitment and advertising .* 0 of 0 0 – 95% 0 no volume", text)
    assert re.search(r"Payroll .* 9 of 10 1 90\.0% – – no objective", text)


def test_a_month_in_which_nothing_was_decided_says_so() -> None:
    html = attainment_page()

    assert "Nothing was decided in October 2026." in text_of(html)


def test_only_targets_with_a_judgement_count_as_met_of_judged() -> None:
    assert (ADUR.met, ADUR.judged) == (1, 2)


def test_an_items_page_shows_every_segment_with_its_reason() -> None:
    text = text_of(shown("/item"))

    assert (
        "6 November 2026 at 11:10am 6 November 2026 at 2:02pm paused 2 hours 52 minutes paused, awaiting council"
        in text
    )
    assert "closed day (Saturday)" in text
    assert "3 working hours 38 minutes 1 second over" in text
    assert text.count("missed") == 1


def test_an_open_items_page_says_how_much_is_left() -> None:
    text = text_of(shown("/item/open"))

    assert "6 working hours 30 minutes left" in text
    assert "running" in text


def test_an_item_that_is_not_judged_has_no_timeline() -> None:
    html = item_page(("Thu 2026-11-05 14:00", "assigned"), as_of="Thu 2026-11-05 15:30")

    assert "<section" not in html
    assert "<svg" not in html


def test_the_chart_of_a_verdict_marks_when_it_was_due_and_when_it_stopped() -> None:
    (missed, running) = (html.partition("<svg")[2].partition("</svg>")[0] for html in (PAUSED_AND_MISSED, STILL_OPEN))

    assert "Due 6 Nov 4:52pm" in missed
    assert "Stopped 9 Nov 12:30:01pm" in missed
    assert "Due" in running
    assert "Stopped" not in running


def test_names_are_escaped() -> None:
    council = CouncilAttainment("adur", "<b>Adur</b>", ())

    html = attainment_page(council)

    assert "&lt;b&gt;Adur" in html
    assert "<b>" not in html


def test_a_name_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ unknown }}").render()
