"""Of what is done over and over: the first in a minute, and how often it was done again."""

import pytest

from shared.audit import AuditRecord
from shared.http.rates import trusted_networks
from shared.http.repeated import MOST_IN_A_MINUTE, RepeatedActs, network_of, repeated

MINUTE_US = 60_000_000
BEGIN = 100 * MINUTE_US


def refused(at_us: int, network: str = "203.0.113.0/24") -> AuditRecord:
    return AuditRecord(at_us=at_us, actor="unknown", action="refused", subject=f"from:{network}")


def test_the_first_of_a_minute_is_recorded_and_the_others_are_counted() -> None:
    acts = RepeatedActs()

    assert acts.add(refused(BEGIN)) == [refused(BEGIN)]
    assert [acts.add(refused(BEGIN + second)) for second in range(999)] == [[]] * 999
    counted, first = acts.add(refused(BEGIN + MINUTE_US))
    assert (counted.details, counted.at_us, counted.subject) == ({"again": "999"}, BEGIN + MINUTE_US, first.subject)
    assert first == refused(BEGIN + MINUTE_US)


def test_what_was_done_once_is_not_counted_and_whatever_comes_next_brings_the_counts() -> None:
    acts = RepeatedActs()
    acts.add(refused(BEGIN))
    assert acts.due(BEGIN + MINUTE_US) == []

    acts.add(refused(BEGIN + MINUTE_US))
    acts.add(refused(BEGIN + MINUTE_US + 1))
    assert acts.due(BEGIN + MINUTE_US + 2) == []
    assert [each.details for each in acts.due(BEGIN + 9 * MINUTE_US)] == [{"again": "1"}]
    assert acts.due(BEGIN + 9 * MINUTE_US) == []


def test_a_flood_from_everywhere_fills_nothing() -> None:
    acts = RepeatedActs()

    recorded = [each for n in range(5_000) for each in acts.add(refused(BEGIN + n, f"net-{n}"))]
    counted = acts.due(BEGIN + MINUTE_US)

    assert len(recorded) == MOST_IN_A_MINUTE + 1
    assert recorded[-1].subject == "others"
    assert [each.details for each in counted] == [{"again": str(5_000 - MOST_IN_A_MINUTE - 1)}]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("", "nowhere"),
        ("unix:", "nowhere"),
    ],
)
def test_a_stranger_is_known_by_the_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("path", "status", "is_known", "action"),
    [
        ("/v1/token", 401, False, "token-refused"),
        ("/v1/token", 429, False, "token-refused"),
        ("/v1/token", 400, False, None),
        ("/sign-in/return", 400, False, "sign-in-failed"),
        ("/sign-in/return", 303, False, None),
        ("/v1/attainment", 401, False, "refused"),
        ("/v1/attainment", 401, True, None),
        ("/v1/attainment", 403, True, None),
        ("/v1/attainment", 200, True, None),
        ("/nothing", 404, False, None),
    ],
)
def test_which_answers_are_recorded(path: str, status: int, action: str | None, *, is_known: bool) -> None:
    forwarded = [(b"x-forwarded-for", b"203.0.113.77")]
    scope = {"type": "http", "path": path, "client": ("172.18.0.9", 1), "headers": forwarded}

    found = repeated(scope, {"status": status}, is_known=is_known, at_us=1, trusted=trusted_networks("172.16.0.0/12"))

    assert (found and found.action) == action
    assert found is None or found.subject == "from:203.0.113.0/24"
