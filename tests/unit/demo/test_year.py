"""The illustrative year: it repeats, it is in order, the contracts accept every event, and it looks like work."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from shared.contracts.codec import decode_event, encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import (
    OutageEnded,
    OutageStarted,
    TicketCancelled,
    TicketClosed,
    TicketOpened,
    TicketPaused,
    TicketReopened,
    TicketReprioritised,
    WorkCompleted,
    WorkReceived,
    WorkRejected,
)
from shared.contracts.usage import UsageRecorded, UsageReversed
from shared.period import LONDON, Month, month_of
from tallystick.demo.service_months import service_months
from tallystick.demo.year import months_of_events, year_of_events
from tests.support.examples import PARTNERSHIPS, definitions_of

UNTIL = date(2026, 11, 23)  # a Monday
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
SEED = 7

Year = list[tuple[str, ItemEvent]]


@cache
def year(name: str, until: date = UNTIL, seed: int = SEED) -> Year:
    return list(year_of_events(definitions_of(name), until=until, seed=seed))


@cache
def once(name: str) -> list[ItemEvent]:
    """Every event once, in the order of what happened."""
    distinct = {event.id: event for _, event in year(name)}
    return sorted(distinct.values(), key=lambda event: event.time)


def encoded(events: Year) -> list[tuple[str, bytes]]:
    return [(topic, encode_event(event)) for topic, event in events]


def events_of(name: str, kind: type[ItemEvent]) -> list[ItemEvent]:
    return [event for event in once(name) if isinstance(event, kind)]


def test_the_last_two_months_alone_are_those_of_the_year() -> None:
    recent = set(encoded(list(months_of_events(definitions_of("adur-worthing"), months=2, until=UNTIL, seed=SEED))))
    since = datetime(2026, 10, 1, tzinfo=LONDON)

    accepted = {
        (topic, encode_event(event))
        for topic, event in year("adur-worthing")
        if isinstance(event, TicketOpened | WorkReceived | UsageRecorded) and event.time >= since
    }
    assert accepted
    assert accepted <= recent < set(encoded(year("adur-worthing")))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    again = list(year_of_events(definitions_of("adur-worthing"), until=UNTIL, seed=SEED))

    assert encoded(again) == encoded(year("adur-worthing"))
    assert encoded(again) != encoded(year("adur-worthing", seed=SEED + 1))


def test_the_order_in_which_definitions_are_given_changes_nothing() -> None:
    backwards = definitions_of("adur-worthing")[::-1]

    assert encoded(list(year_of_events(backwards, until=UNTIL, seed=SEED))) == encoded(year("adur-worthing"))


def test_tomorrows_year_begins_with_todays() -> None:
    today, tomorrow = year("adur-worthing"), year("adur-worthing", until=UNTIL + timedelta(days=1))

    assert tomorrow[: len(today)] == today
    assert len(tomorrow) > len(today)


def test_what_next_months_year_shares_with_this_one_is_the_same() -> None:
    this, following = (
        {event.id: event for _, event in year("adur-worthing", until=until)} for until in (UNTIL, date(2026, 12, 15))
    )

    assert all(this[id_] == following[id_] for id_ in this.keys() & following.keys())
    assert len(this.keys() & following.keys()) > 0.9 * len(this)


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_every_event_survives_encoding(name: str) -> None:
    assert all(decode_event(encode_event(event)) == event for event in once(name))


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_all_is_within_twelve_full_months_and_the_current_one_to_date(name: str) -> None:
    months = Counter(month_of(event.time) for event in once(name))

    assert min(months) == Month(2025, 11)
    assert len(months) == 13
    assert max(event.time for event in once(name)) < MIDNIGHT
    assert min(event.time for event in once(name)) >= Month(2025, 11).start_at


def test_a_year_that_ends_with_a_month_has_none_of_the_next() -> None:
    months = {month_of(event.time) for _, event in year("adur-worthing", until=date(2026, 4, 1))}

    assert (min(months), max(months), len(months)) == (Month(2025, 4), Month(2026, 3), 12)


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_events_come_in_order_of_time_but_for_a_few_that_are_late(name: str) -> None:
    newest, late, delays = datetime.min.replace(tzinfo=UTC), 0, []
    for _, event in year(name):
        if event.time < newest:
            late += 1
            delays.append(newest - event.time)
        newest = max(newest, event.time)

    assert 0.001 < late / len(year(name)) < 0.02
    assert max(delays) < timedelta(hours=41)


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_what_is_sent_twice_has_the_same_content_and_the_same_topic(name: str) -> None:
    sent = defaultdict(list)
    for topic, event in year(name):
        sent[event.source, event.id].append((topic, event))

    twice = [copies for copies in sent.values() if len(copies) > 1]
    assert 0.001 < len(twice) / len(sent) < 0.01
    assert all(copy == copies[0] for copies in twice for copy in copies)


@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [
        ("adur-worthing", 15_000, 25_000),
        ("chesterfield-bolsover-north-east-derbyshire", 15_000, 25_000),
        ("leicestershire-nottingham", 15_000, 25_000),
        ("westminster-hammersmith-fulham", 12_000, 25_000),
    ],
)
def test_there_is_about_as_much_as_a_small_demo_needs(name: str, fewest: int, most: int) -> None:
    assert fewest <= len(year(name)) <= most


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_every_council_has_events_of_every_service_that_it_pays_for(name: str) -> None:
    promised = {(line.council, line.service.id) for line in service_months(definitions_of(name), Month(2026, 1))}

    found = {
        (event.council, event.data.service)
        for event in once(name)
        if isinstance(event, TicketOpened | WorkReceived | UsageRecorded)
    }
    assert found == promised


def test_a_larger_council_asks_for_more() -> None:
    asked = Counter[str](event.council for event in events_of("adur-worthing", TicketOpened))

    assert 1.5 < asked["worthing"] / asked["adur"] < 2.2  # weights 11 and 6


@pytest.mark.parametrize(
    ("claims", "fewest", "most"),
    [
        (lambda at: at.weekday() < 5, 0.96, 0.995),  # Monday to Friday
        (lambda at: 8 <= at.hour < 18, 0.90, 0.98),
        (lambda at: at.weekday() == 0, 0.20, 0.30),  # Monday
        (lambda at: at.weekday() == 4, 0.10, 0.20),  # Friday
        (lambda at: at.month == 8, 0.03, 0.08),
    ],
    ids=["on weekdays", "in the daytime", "more on Mondays", "fewer on Fridays", "fewer in August"],
)
def test_tickets_are_opened_when_people_work(claims: Callable[[datetime], bool], fewest: float, most: float) -> None:
    opened = [event.time.astimezone(LONDON) for event in events_of("adur-worthing", TicketOpened)]

    assert fewest < sum(map(claims, opened)) / len(opened) < most


def test_nobody_works_on_christmas_day() -> None:
    christmas = [event for event in once("adur-worthing") if event.time.astimezone(LONDON).date() == date(2025, 12, 25)]

    assert {type(event) for event in christmas} <= {
        TicketOpened,
        WorkReceived,
        UsageRecorded,
        OutageStarted,
        OutageEnded,
    }


def test_ict_has_a_bad_fortnight_in_february() -> None:
    opened = Counter(
        event.time.astimezone(LONDON).date()
        for event in events_of("adur-worthing", TicketOpened)
        if isinstance(event, TicketOpened) and event.data.service == "ict"
    )
    bad, ordinary = (sum(opened[date(2026, 2, day)] for day in days) for days in (range(2, 16), range(16, 29)))

    assert bad > 1.5 * ordinary


@pytest.mark.parametrize("name", PARTNERSHIPS[:3])
@pytest.mark.parametrize(
    "kind", [TicketPaused, TicketReopened, TicketReprioritised, TicketCancelled, WorkRejected, OutageStarted]
)
def test_what_goes_otherwise_than_planned_happens_too(name: str, kind: type[ItemEvent]) -> None:
    assert events_of(name, kind)


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_items_are_left_open_at_the_end(name: str) -> None:
    begun = {event.key for event in once(name) if isinstance(event, TicketOpened | WorkReceived)}
    ended = {
        event.key
        for event in once(name)
        if isinstance(event, TicketClosed | TicketCancelled | WorkCompleted | WorkRejected)
    }

    assert ended < begun
    assert 0.005 < len(begun - ended) / len(begun) < 0.1


def test_a_wrong_reading_is_reversed_by_its_id_and_sent_again() -> None:
    recorded = {event.id: event for event in events_of("adur-worthing", UsageRecorded)}
    subjects = {event.subject for event in recorded.values()}

    reversed_ = [event for event in events_of("adur-worthing", UsageReversed) if isinstance(event, UsageReversed)]
    assert reversed_
    for event in reversed_:
        assert recorded[event.data.reversed_id].subject == event.subject
        assert f"{event.subject}-2" in subjects
