"""People sign in with a provider, stay signed in while they work, and are out for good: over HTTP, on real stores."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from catalogue.adapters.sql import audit_log
from catalogue.domain.people import person_id
from shared.audit import first_broken
from shared.auth.principal import Principal
from shared.auth.sessions import RENEW_AFTER_S, SESSION_TYPE, issue_cookie
from shared.auth.signatures import LEEWAY_S
from shared.auth.tokens import issue
from shared.http.browsers import own_path
from shared.instants import epoch_s
from shared.scope import Scope
from shared.sql.engine import read_transaction
from tests.support.openid import FINANCE, OPERATOR
from tests.support.signing_in import AUDIENCE, KEY, LIMITS, Installation, installation

COOKIE = "__Host-tallystick-session"
MAPPING = "adur-finance: council-finance adur"


@pytest.fixture
def site(tmp_path: Path, database_of: Callable[[str], str]) -> Iterator[Installation]:
    with installation(tmp_path, database_of("catalogue"), mapping=MAPPING) as made:
        yield made


@pytest.fixture
def browser(site: Installation) -> TestClient:
    """A browser at which the finance officer of Adur has signed in."""
    found = site.browser()
    assert site.sign_in(found, FINANCE).status_code == 303
    return found


def csrf(browser: TestClient) -> str:
    page = browser.get("/sign-out").text
    return page.partition('name="csrf" value="')[2].partition('"')[0]


def is_signed_in(browser: TestClient) -> bool:
    return browser.get("/figures").status_code == 200


def other_browser(site: Installation, cookie: str) -> TestClient:
    """A browser to which somebody has copied the cookie."""
    found = site.browser()
    found.headers["Cookie"] = f"{COOKIE}={cookie}"
    return found


def test_whoever_opens_a_page_signs_in_and_comes_back_to_it(site: Installation) -> None:
    browser = site.browser()

    asked = browser.get("/figures?council=adur")
    assert asked.headers["Location"] == "/sign-in?next=%2Ffigures%3Fcouncil%3Dadur"
    page = browser.get(asked.headers["Location"])
    assert 'href="/sign-in/start?next=%2Ffigures%3Fcouncil%3Dadur"' in page.text
    back = site.sign_in(browser, FINANCE, "/figures?council=adur")

    assert (back.status_code, back.headers["Location"]) == (303, "/figures?council=adur")
    assert browser.get("/figures?council=adur").json() == {
        "caller": person_id(site.provider.issuer, "finance-adur"),
        "councils": ["adur"],
        "council": "adur",
    }


def test_the_cookie_is_for_this_host_over_https_and_for_no_script(site: Installation) -> None:
    browser = site.browser()
    cookies = site.sign_in(browser, FINANCE).headers.get_list("Set-Cookie")

    (kept,) = (each for each in cookies if each.startswith(COOKIE))
    attributes = {part.strip().lower() for part in kept.split(";")[1:]}
    assert attributes == {"httponly", "secure", "path=/", "samesite=lax"}
    assert [each for each in cookies if "sign-in-" in each and "Max-Age=0" in each]


def test_a_program_is_refused_and_not_sent_to_a_page(site: Installation) -> None:
    refused = site.browser().get("/figures", headers={"Accept": "application/json"})

    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_whoever_nobody_knows_is_told_whom_to_ask_and_what_they_need(site: Installation) -> None:
    browser = site.browser()

    refused = site.sign_in(browser, OPERATOR)

    assert refused.status_code == 403
    assert "access@provider.example" in refused.text
    assert '<code class="tally-code">operator</code>' in refused.text
    assert not is_signed_in(browser)


def test_what_an_operator_gave_holds_and_the_claim_does_not(site: Installation) -> None:
    site.give(FINANCE, "council-viewer", councils=("worthing",))
    browser = site.browser()
    site.sign_in(browser, FINANCE)

    assert browser.get("/figures").json()["councils"] == ["worthing"]


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/a\nSet-Cookie: x=y",
        "/sign-out",
        "/sign-in/start?next=/",
        "/session/renew?next=/",
        "/" + "a" * 1_001,
    ],
)
def test_nobody_is_sent_to_another_site(site: Installation, path: str) -> None:
    assert own_path(path) == "/"
    if len(path) <= 1_000:
        browser = site.browser()
        assert site.sign_in(browser, FINANCE, path).headers["Location"] == "/"
        renewed = browser.get("/session/renew", params={"next": path})
        assert renewed.headers["Location"] == "/"


def test_a_sign_in_is_completed_once_and_only_in_the_browser_that_began_it(site: Installation) -> None:
    first, second = site.browser(), site.browser()
    address = site.return_address(first, FINANCE)

    assert second.get(address).status_code == 400
    kept = dict(first.cookies)
    assert first.get(address).status_code == 303
    replay = site.browser()
    replay.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
    refused = replay.get(address)

    assert refused.status_code == 400
    assert "This sign-in cannot be completed" in refused.text
    assert COOKIE not in refused.headers.get("Set-Cookie", "")


def test_a_sign_in_that_took_too_long_is_not_completed(site: Installation) -> None:
    browser = site.browser()
    address = site.return_address(browser, FINANCE)
    site.clock.advance(600 + LEEWAY_S + 1)

    assert browser.get(address).status_code == 400


def test_two_tabs_sign_in_beside_each_other(site: Installation) -> None:
    browser = site.browser()
    first, second = site.return_address(browser, FINANCE, "/figures"), site.return_address(browser, FINANCE, "/me")

    assert browser.get(second).headers["Location"] == "/me"
    assert browser.get(first).headers["Location"] == "/figures"
    assert is_signed_in(browser)


def test_signing_in_gives_another_session_and_ends_the_one_before(site: Installation, browser: TestClient) -> None:
    planted = browser.cookies[COOKIE]
    site.clock.advance(60)

    site.sign_in(browser, FINANCE)
    site.settle()

    assert browser.cookies[COOKIE] != planted
    assert is_signed_in(browser)
    assert not is_signed_in(other_browser(site, planted))


def test_a_page_renews_the_cookie_and_a_copy_of_the_old_one_is_void(site: Installation, browser: TestClient) -> None:
    old = browser.cookies[COOKIE]
    site.clock.advance(RENEW_AFTER_S)

    way = browser.get("/figures?council=adur")
    assert way.headers["Location"] == "/session/renew?next=%2Ffigures%3Fcouncil%3Dadur"
    back = browser.get(way.headers["Location"])
    assert back.headers["Location"] == "/figures?council=adur"
    site.settle()

    assert browser.cookies[COOKIE] != old
    assert is_signed_in(browser)
    assert not is_signed_in(other_browser(site, old))


def test_a_program_with_a_due_cookie_is_answered(site: Installation, browser: TestClient) -> None:
    site.clock.advance(RENEW_AFTER_S)

    for headers in ({"Accept": "application/json"}, {"Sec-Fetch-Mode": "cors"}):
        assert browser.get("/figures", headers=headers).status_code == 200


def test_tabs_that_were_opened_together_share_the_renewed_cookie(site: Installation, browser: TestClient) -> None:
    old = browser.cookies[COOKIE]
    site.clock.advance(RENEW_AFTER_S)
    browser.get("/session/renew", params={"next": "/figures"})

    other_tab = other_browser(site, old).get("/session/renew", params={"next": "/me"})

    assert other_tab.headers["Location"] == "/me"
    assert COOKIE not in other_tab.headers.get("Set-Cookie", "")
    site.settle()
    assert is_signed_in(browser)


def test_a_replaced_cookie_that_comes_later_ends_the_session(site: Installation, browser: TestClient) -> None:
    old = browser.cookies[COOKIE]
    site.clock.advance(RENEW_AFTER_S)
    browser.get("/session/renew", params={"next": "/figures"})
    site.clock.advance(60)

    thief = other_browser(site, old).get("/session/renew", params={"next": "/figures"})
    site.settle()

    assert thief.headers["Location"].startswith("/sign-in?")
    assert not is_signed_in(browser)
    assert browser.get("/session/renew").headers["Location"].startswith("/sign-in?")


def test_whoever_does_nothing_for_half_an_hour_signs_in_again(site: Installation, browser: TestClient) -> None:
    site.clock.advance(LIMITS.idle_s + LEEWAY_S + 1)

    way = browser.get("/figures")

    assert way.headers["Location"].startswith("/session/renew?")
    again = browser.get(way.headers["Location"])
    assert again.headers["Location"] == "/sign-in?next=%2Ffigures"
    assert COOKIE not in browser.cookies


def test_nobody_stays_signed_in_for_longer_than_twelve_hours(site: Installation, browser: TestClient) -> None:
    for _ in range(LIMITS.absolute_s // 1_500):
        site.clock.advance(1_500)
        browser.get("/session/renew", params={"next": "/figures"})
    assert is_signed_in(browser)

    site.clock.advance(1_500)

    assert browser.get("/session/renew").headers["Location"].startswith("/sign-in?")


def test_a_clock_that_is_set_back_asks_to_sign_in_again_and_no_more(site: Installation, browser: TestClient) -> None:
    site.clock.advance(-3600)

    refused = browser.get("/figures")
    assert refused.headers["Location"].startswith("/sign-in?")
    site.sign_in(browser, FINANCE)

    assert is_signed_in(browser)


def test_signing_out_ends_the_session_everywhere_and_no_other(site: Installation, browser: TestClient) -> None:
    elsewhere = site.browser()
    site.sign_in(elsewhere, FINANCE)
    copied = browser.cookies[COOKIE]

    done = browser.post("/sign-out", data={"csrf": csrf(browser)})
    site.settle()

    assert done.headers["Location"] == "/signed-out"
    assert COOKIE not in browser.cookies
    assert not is_signed_in(other_browser(site, copied))
    assert is_signed_in(elsewhere)
    assert site.provider.issuer + "/sign-out" in browser.get("/signed-out").text


def test_signing_out_everywhere_ends_every_session_of_the_person(site: Installation, browser: TestClient) -> None:
    elsewhere = site.browser()
    site.sign_in(elsewhere, FINANCE)

    browser.post("/sign-out", data={"csrf": csrf(browser), "everywhere": "yes"})
    site.settle()

    assert not is_signed_in(elsewhere)
    assert elsewhere.get("/session/renew").headers["Location"].startswith("/sign-in?")
    site.sign_in(elsewhere, FINANCE)
    assert is_signed_in(elsewhere)


def test_another_role_holds_for_sessions_that_are_under_way(site: Installation) -> None:
    id_ = site.give(FINANCE, "council-finance", councils=("adur",))
    browser = site.browser()
    site.sign_in(browser, FINANCE)

    site.give(FINANCE, "council-viewer", councils=("worthing",))
    site.settle()

    way = browser.get("/figures")
    assert way.headers["Location"].startswith("/session/renew?")
    browser.get(way.headers["Location"])
    assert browser.get("/figures").json() == {"caller": id_, "councils": ["worthing"], "council": None}


def test_whoever_is_removed_is_out_and_stays_out(site: Installation, browser: TestClient) -> None:
    id_ = person_id(site.provider.issuer, "finance-adur")
    operator = Principal.of("tsp_first", "person", ["operator"], Scope.all())

    site.people.remove(id_, by=operator)
    site.settle()

    assert not is_signed_in(browser)
    assert browser.get("/session/renew").headers["Location"].startswith("/sign-in?")
    assert site.sign_in(browser, FINANCE).status_code == 403


@pytest.mark.parametrize("sent", ["", "another", None])
def test_a_form_without_the_sessions_token_changes_nothing(
    site: Installation, browser: TestClient, sent: str | None
) -> None:
    form = {} if sent is None else {"csrf": sent}

    for path in ("/sign-out", "/v1/figures"):
        refused = browser.post(path, data={**form, "everywhere": ""})
        assert refused.status_code == 403
        assert refused.json()["title"] == "Form not confirmed"
    site.settle()
    assert is_signed_in(browser)


def test_a_token_of_another_session_or_another_site_confirms_nothing(site: Installation, browser: TestClient) -> None:
    elsewhere = site.browser()
    site.sign_in(elsewhere, FINANCE)
    right = csrf(browser)

    assert browser.post("/v1/figures", headers={"X-CSRF-Token": csrf(elsewhere)}).status_code == 403
    cross_site = {"X-CSRF-Token": right, "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/v1/figures", headers=cross_site).status_code == 403
    assert browser.post("/v1/figures", headers={"X-CSRF-Token": right}).status_code == 200
    assert browser.post("/v1/figures", data={"csrf": right}).status_code == 200


def test_whoever_sends_an_access_token_needs_no_form(site: Installation) -> None:
    machine = Principal.of("tsc_1", "machine", ["finance"], Scope.all())
    token = issue(machine, KEY, audience=AUDIENCE, jti="1", now_s=epoch_s(site.clock.now()))

    sent = site.browser().post("/v1/figures", headers={"Authorization": f"Bearer {token}"})

    assert sent.json() == {"caller": "tsc_1"}


def test_an_access_token_in_the_cookie_and_a_cookie_as_a_token_are_refused(
    site: Installation, browser: TestClient
) -> None:
    cookie = browser.cookies[COOKIE]
    machine = Principal.of("tsc_1", "machine", ["finance"], Scope.all())
    token = issue(machine, KEY, audience=AUDIENCE, jti="1", now_s=epoch_s(site.clock.now()))

    assert not is_signed_in(other_browser(site, token))
    assert (
        site.browser().get("/figures", headers={"Authorization": f"Bearer {cookie}", "Accept": "*/*"}).status_code
        == 401
    )
    assert SESSION_TYPE == "session+jwt"


def test_a_cookie_of_another_installation_is_refused(site: Installation, browser: TestClient) -> None:
    session = site.pages.cookies._verifier.unless_expired(browser.cookies[COOKIE], now_s=epoch_s(site.clock.now()))

    assert not is_signed_in(other_browser(site, issue_cookie(session, KEY, audience="another")))
    assert is_signed_in(other_browser(site, issue_cookie(session, KEY, audience=AUDIENCE)))


def test_a_cookie_without_the_host_prefix_is_none(site: Installation, browser: TestClient) -> None:
    found = site.browser()
    found.headers["Cookie"] = f"tallystick-session={browser.cookies[COOKIE]}"

    assert not is_signed_in(found)


def test_who_i_am_is_said_in_words(site: Installation, browser: TestClient) -> None:
    page = browser.get("/me").text

    for words in ("Finance officer, Adur", "Council finance", "Adur District Council", "query statements"):
        assert words in page
    assert site.browser().get("/me").headers["Location"] == "/sign-in?next=%2Fme"


def test_pages_greet_whoever_is_signed_in_and_nobody_else(site: Installation, browser: TestClient) -> None:
    assert "Signed in: Finance officer, Adur" in browser.get("/sign-out").text
    assert "Signed in:" not in site.browser().get("/sign-in").text


def test_a_provider_that_is_away_is_said_so(site: Installation) -> None:
    provider: Any = site.sign_ins._provider
    provider._configuration = None
    provider._client = type(provider._client)("http://127.0.0.1:1/away", "id", "secret", "https://tallystick.test")

    away = site.browser().get("/sign-in/start")

    assert away.status_code == 503
    assert away.headers["Retry-After"] == "5"
    assert "Your organisation&#39;s sign-in does not answer" in away.text


def test_what_the_provider_refuses_is_said_so(site: Installation) -> None:
    browser = site.browser()
    state = site.return_address(browser, FINANCE).partition("state=")[2].partition("&")[0]

    refused = browser.get(f"/sign-in/return?state={state}&error=access_denied&error_description=No&later=5")

    assert refused.status_code == 400
    assert "was not accepted" in refused.text


def test_too_many_attempts_from_one_address_wait(tmp_path: Path, database_of: Callable[[str], str]) -> None:
    with installation(tmp_path, database_of("catalogue"), attempts=3) as site:
        browser = site.browser()
        answers = [browser.get("/sign-in/return?state=guess&code=guess").status_code for _ in range(4)]
        waiting = browser.get("/sign-in/start")

    assert answers == [400, 400, 400, 429]
    assert waiting.status_code == 429
    assert 1 <= int(waiting.headers["Retry-After"]) <= 600


def test_what_people_do_about_their_sessions_is_in_the_audit_log(site: Installation, browser: TestClient) -> None:
    id_ = person_id(site.provider.issuer, FINANCE.id)
    stranger = person_id(site.provider.issuer, OPERATOR.id)
    site.sign_in(site.browser(), OPERATOR)
    browser.post("/sign-out", data={"csrf": csrf(browser)})
    given = site.give(OPERATOR, "auditor")
    site.people.remove(given, by=Principal.of("tsp_first", "person", ["operator"], Scope.all()))

    entries = [each.record for each in site.audit.read(Scope.all(), after=0, limit=10)]
    assert [(each.actor, each.action, each.subject) for each in entries] == [
        (id_, "signed-in", f"person:{id_}"),
        (stranger, "sign-in-refused", f"person:{stranger}"),
        (id_, "signed-out", f"person:{id_}"),
        ("tsp_first", "access-given", f"person:{given}"),
        ("tsp_first", "access-removed", f"person:{given}"),
    ]
    assert entries[3].details == {"roles": "auditor", "councils": "every council"}
    with read_transaction(site.engine) as connection:
        assert first_broken(audit_log.read(connection, Scope.all())) is None


def test_a_copied_cookie_that_ends_a_session_is_in_the_audit_log(site: Installation, browser: TestClient) -> None:
    old = browser.cookies[COOKIE]
    site.clock.advance(RENEW_AFTER_S)
    browser.get("/session/renew", params={"next": "/figures"})
    site.clock.advance(60)
    other_browser(site, old).get("/session/renew")

    assert [each.record.action for each in site.audit.read(Scope.all(), after=0, limit=10)][-1] == "session-replayed"
