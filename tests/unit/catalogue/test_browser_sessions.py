"""Of a session's cookies one counts: a renewal makes another, and what comes with a replaced one depends on when."""

import pytest

from catalogue.domain.browser_sessions import (
    TOGETHER_S,
    BrowserSession,
    JustRenewed,
    ReplayedCookie,
    SessionOver,
    ended,
    first_valid_s,
    renewed,
)
from shared.auth.sessions import SessionLimits

NOW_S = 1_780_000_000
LIMITS = SessionLimits(idle_s=1800, absolute_s=43_200)
SESSION = BrowserSession(id="1", person="tsp_1", started_s=NOW_S - 3600, issued_s=NOW_S - 600)


def renewal(
    session: BrowserSession = SESSION, *, issued_s: int = NOW_S - 600, void_s: int = 0, now_s: int = NOW_S
) -> BrowserSession | JustRenewed:
    return renewed(session, cookie_issued_s=issued_s, void_s=void_s, now_s=now_s, limits=LIMITS)


def test_a_renewed_session_has_another_cookie_and_the_same_beginning() -> None:
    found = renewal()

    assert isinstance(found, BrowserSession)
    assert (found.id, found.started_s, found.issued_s) == ("1", NOW_S - 3600, NOW_S)


@pytest.mark.parametrize("void_s", [NOW_S, NOW_S + 1])
def test_a_cookie_that_follows_a_revocation_is_issued_after_it(void_s: int) -> None:
    found = renewal(void_s=void_s)

    assert isinstance(found, BrowserSession)
    assert found.issued_s == void_s + 1


def test_two_renewals_within_a_second_make_cookies_that_differ() -> None:
    found = renewal(BrowserSession(id="1", person="p", started_s=NOW_S, issued_s=NOW_S), issued_s=NOW_S)

    assert isinstance(found, BrowserSession)
    assert found.issued_s == NOW_S + 1


@pytest.mark.parametrize(
    ("since_s", "together"), [(0, True), (TOGETHER_S, True), (TOGETHER_S + 1, False), (3600, False)]
)
def test_a_replaced_cookie_is_another_tabs_at_first_and_a_copy_later(since_s: int, together: bool) -> None:
    session = BrowserSession(id="1", person="p", started_s=NOW_S - 3600, issued_s=NOW_S - since_s)

    if together:
        assert renewal(session, issued_s=NOW_S - 3600) == JustRenewed()
    else:
        with pytest.raises(ReplayedCookie):
            renewal(session, issued_s=NOW_S - 3601)


def test_a_cookie_that_the_session_never_had_is_a_forgery_or_of_a_restored_database() -> None:
    with pytest.raises(ReplayedCookie):
        renewal(issued_s=NOW_S)


@pytest.mark.parametrize(
    "session",
    [
        ended(SESSION, "signed-out", now_s=NOW_S - 1),
        BrowserSession(id="1", person="p", started_s=NOW_S - 43_200, issued_s=NOW_S - 600),
        BrowserSession(id="1", person="p", started_s=NOW_S - 3600, issued_s=NOW_S - 1801),
    ],
    ids=["signed out", "absolute limit", "idle limit"],
)
def test_a_session_that_is_over_is_not_renewed(session: BrowserSession) -> None:
    with pytest.raises(SessionOver):
        renewal(session, issued_s=session.issued_s)


def test_a_session_within_its_limits_is_renewed_at_their_last_second() -> None:
    last = BrowserSession(id="1", person="p", started_s=NOW_S - 43_199, issued_s=NOW_S - 1800)

    assert isinstance(renewal(last, issued_s=last.issued_s), BrowserSession)


def test_why_a_session_ended_first_is_kept() -> None:
    over = ended(SESSION, "replayed", now_s=NOW_S)

    assert ended(over, "signed-out", now_s=NOW_S + 5) == over
    assert first_valid_s(NOW_S, NOW_S - 9, NOW_S + 2) == NOW_S + 3
