"""The oracle of the fault runs, by hand-worked examples; what judges others is tested first."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.chaos.oracle.announcements import Announcements
from tests.chaos.oracle.log import LoggedRecord
from tests.chaos.oracle.pence import Usage, graduated, pence
from tests.chaos.oracle.record_outcomes import RecordOutcomes
from tests.chaos.oracle.tickets import ExpectedVerdict, TargetKey, verdicts
from tests.chaos.oracle.working_hours import counted, used_up

LATER = "Fri 2026-11-27 12:00"


def second(text: str) -> int:
    """Epoch seconds of a London wall time such as `Mon 2026-03-02 09:00`."""
    naive = datetime.strptime(text, "%a %Y-%m-%d %H:%M")  # noqa: DTZ007 (the zone is given next)
    return int(naive.replace(tzinfo=ZoneInfo("Europe/London")).timestamp())


def ticket(*happened: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Events of one ticket: wall time, what happened, who is awaited or what service it becomes one of."""
    return [
        {
            "type": f"tallystick.ticket.{what}.v1",
            "time": datetime.fromtimestamp(second(at), UTC).isoformat(),
            "council": "c",
            "subject": "t",
            "source": "/desk",
            "id": f"e{number}",
            "data": {"service" if what == "reclassified" else "awaiting": given},
        }
        for number, (at, what, given) in enumerate(happened)
    ]


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("Mon 2026-03-02 09:00", 4, "Mon 2026-03-02 13:00"),
        ("Mon 2026-03-02 09:00", 8, "Mon 2026-03-02 17:00"),
        ("Mon 2026-03-02 13:00", 8, "Tue 2026-03-03 13:00"),
        ("Fri 2026-03-27 16:00", 2, "Mon 2026-03-30 10:00"),  # the clocks go forward on Sunday
        ("Sat 2026-10-24 12:00", 4, "Mon 2026-10-26 13:00"),  # the clocks go back on Sunday
    ],
)
def test_working_hours_are_used_up_when_the_days_say(start: str, hours: int, due: str) -> None:
    assert used_up(second(start), hours * 3600, []) == second(due)
    assert counted(second(start), second(due), []) == hours * 3600


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ([], None),
        ([("Tue 2026-11-10 17:00", "resolved", "")], ExpectedVerdict("met", "2026-11", second("Tue 2026-11-10 17:00"))),
        (
            [("Wed 2026-11-11 09:01", "resolved", "")],
            ExpectedVerdict("breached", "2026-11", second("Tue 2026-11-10 17:00")),
        ),
        (
            [("Tue 2026-11-10 12:00", "paused", "council"), ("Wed 2026-11-11 12:00", "resumed", "")],
            ExpectedVerdict("breached", "2026-11", second("Wed 2026-11-11 17:00")),
        ),
        ([("Tue 2026-11-10 12:00", "paused", "council")], None),
        (
            [("Tue 2026-11-10 12:00", "paused", "provider")],
            ExpectedVerdict("breached", "2026-11", second("Tue 2026-11-10 17:00")),
        ),
        (
            [("Tue 2026-11-10 16:00", "resolved", ""), ("Wed 2026-11-11 10:00", "reopened", "")],
            ExpectedVerdict("breached", "2026-11", second("Wed 2026-11-11 11:00")),
        ),
        (
            [
                ("Tue 2026-11-10 12:00", "paused", "council"),
                ("Wed 2026-11-11 12:00", "paused", "provider"),
                ("Wed 2026-11-11 12:00", "resumed", ""),
            ],
            ExpectedVerdict("breached", "2026-11", second("Wed 2026-11-11 17:00")),
        ),
        (
            [
                ("Tue 2026-11-10 16:00", "resolved", ""),
                ("Wed 2026-11-11 10:00", "resolved", ""),
                ("Wed 2026-11-11 10:00", "reopened", ""),
            ],
            ExpectedVerdict("met", "2026-11", second("Tue 2026-11-10 17:00")),
        ),
    ],
)
def test_a_resolution_has_16_working_hours_without_waits_for_the_council(
    happened: list[tuple[str, str, str]], expected: ExpectedVerdict | None
) -> None:
    as_of = second("Mon 2026-11-09 12:00") if not happened else second(LATER)
    events = ticket(("Mon 2026-11-09 09:00", "opened", ""), *happened)

    found = verdicts(events, as_of=as_of).get(TargetKey("c", "shared-c", "resolution", "ticket", "t"))

    assert (found and (found.outcome, found.month, found.due)) == (
        expected and (expected.outcome, expected.month, expected.due)
    )


def test_tiers_and_halves_of_a_penny() -> None:
    assert graduated(Decimal(500)) == Decimal("2210.00")
    assert graduated(Decimal(501)) == Decimal("2213.905")
    assert graduated(Decimal(2001)) == Decimal("2210.00") + Decimal("5857.50") + Decimal("3.3333")
    assert (pence(Decimal("2213.905")), pence(Decimal("0.004"))) == (221391, 0)


def test_a_council_pays_for_readings_and_first_resolutions_of_the_month() -> None:
    usage = Usage()
    reading = {"council": "c", "time": "2026-10-31T23:59:59Z", "data": {"service": "licences", "quantity": "2.5"}}
    usage.add_reading(reading)
    usage.add_tickets(
        ticket(
            ("Thu 2026-10-29 10:00", "opened", ""),
            ("Fri 2026-10-30 10:00", "resolved", ""),
            ("Mon 2026-11-02 10:00", "resolved", ""),
        )
    )

    assert usage.total_pence(("c", "2026-10")) == 25_000 + 4 + 1238
    assert usage.accounts == {("c", "2026-10")}


OPENED, RESOLVED = ("Mon 2026-11-09 09:00", "opened", ""), ("Tue 2026-11-10 12:00", "resolved", "")


def evening(when: str, *, service: str = "evening") -> tuple[str, str, str]:
    return when, "reclassified", service


@pytest.mark.parametrize(
    ("happened", "tickets"),
    [
        ([OPENED, RESOLVED], 1),
        ([OPENED, evening("Mon 2026-11-09 09:00"), RESOLVED], 0),
        ([OPENED, evening("Tue 2026-11-10 11:59"), RESOLVED], 0),
        ([OPENED, evening("Tue 2026-11-10 12:00"), RESOLVED], 1),
        ([OPENED, RESOLVED, evening("Tue 2026-11-10 12:01")], 1),
        ([OPENED, evening("Mon 2026-11-09 10:00"), evening("Mon 2026-11-09 11:00", service="ict"), RESOLVED], 1),
    ],
)
def test_a_ticket_has_the_price_of_what_it_was_when_it_was_resolved(
    happened: list[tuple[str, str, str]], tickets: int
) -> None:
    usage = Usage()

    usage.add_tickets(ticket(*happened))

    assert sum(usage.tickets.values()) == tickets


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        # In time for both: only the targets of the evening are left.
        (
            [OPENED, evening("Mon 2026-11-09 12:00"), ("Mon 2026-11-09 14:00", "responded", ""), RESOLVED],
            {("evenings-c", "response", "met"), ("evenings-c", "resolution", "met")},
        ),
        # No answer within the 4 hours: the miss stays, and nothing else of that agreement.
        (
            [OPENED, evening("Mon 2026-11-09 14:00"), ("Mon 2026-11-09 15:00", "responded", ""), RESOLVED],
            {
                ("shared-c", "response", "breached"),
                ("evenings-c", "response", "met"),
                ("evenings-c", "resolution", "met"),
            },
        ),
        # Exactly used up as it leaves is no miss.
        (
            [OPENED, evening("Mon 2026-11-09 13:00"), ("Mon 2026-11-09 15:00", "responded", ""), RESOLVED],
            {("evenings-c", "response", "met"), ("evenings-c", "resolution", "met")},
        ),
        # After the stop, or in its second, it changes nothing.
        (
            [OPENED, RESOLVED, evening("Tue 2026-11-10 12:00")],
            {
                ("shared-c", "response", "breached"),
                ("shared-c", "resolution", "met"),
                ("shared-c", "processing", "met"),
            },
        ),
        # Until it is reopened.
        (
            [OPENED, RESOLVED, evening("Tue 2026-11-10 13:00"), ("Tue 2026-11-10 14:00", "reopened", "")],
            {("shared-c", "response", "breached"), ("evenings-c", "response", "breached")},
        ),
    ],
)
def test_a_ticket_of_another_service_keeps_the_misses_of_the_one_before(
    happened: list[tuple[str, str, str]], expected: set[tuple[str, str, str]]
) -> None:
    found = verdicts(ticket(*happened), as_of=second("Tue 2026-11-10 16:00"))

    assert {(key.agreement, key.target, verdict.outcome) for key, verdict in found.items()} == expected


def test_a_ticket_and_work_of_one_id_have_verdicts_of_their_own() -> None:
    work = [
        event | {"type": event["type"].replace("ticket", "work").replace("opened", "received"), "source": "/work"}
        for event in ticket(OPENED)
    ]

    found = verdicts([*ticket(OPENED, RESOLVED), *work], as_of=second("Fri 2026-11-13 12:00"))

    assert {key.stream: verdict.outcome for key, verdict in found.items() if key.target == "processing"} == {
        "ticket": "met",
        "work": "breached",
    }


def raw(event: dict[str, Any], *, offset: int = 0) -> LoggedRecord:
    return LoggedRecord(0, offset, 0, {"source": "s", "id": "i", **event})


def test_the_first_of_an_identity_counts_in_whatever_layout_it_comes_again() -> None:
    outcomes_by_topic = RecordOutcomes()

    taken = [outcomes_by_topic.take(raw(event)) for event in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3})]

    assert taken == ["applied", "duplicate", "quarantined"]
    assert outcomes_by_topic.outcomes == {(0, "applied"): 1, (0, "duplicate"): 1, (0, "quarantined"): 1}


def announcement(kind: str, id_: str, **data: Any) -> LoggedRecord:
    about = {
        "agreement": "shared-c",
        "stream": "ticket",
        "target": "resolution",
        "month": "2026-11",
        "due_at": "2026-11-10T17:00:00Z",
        **data,
    }
    return raw({"type": f"tallystick.sla.{kind}.v1", "id": id_, "council": "c", "subject": "t", "data": about})


def test_announcements_fold_to_what_holds_and_repetitions_change_nothing() -> None:
    announced = Announcements()

    for message in (
        announcement("breached", "1", outcome="breached"),
        announcement("corrected", "2", outcome="met", cause="e1"),
        announcement("breached", "1", outcome="breached"),
        announcement("corrected", "2", outcome="met", cause="e2"),
    ):
        announced.take(message)

    assert [verdict.outcome for verdict in announced.verdicts.values()] == ["met"]
    assert (announced.ids, announced.repeated, announced.contradicted) == (2, 2, [])


def test_two_contents_under_one_id_are_a_contradiction() -> None:
    announced = Announcements()

    announced.take(announcement("breached", "1", outcome="breached"))
    announced.take(announcement("breached", "1", outcome="breached", month="2026-12"))

    assert announced.contradicted == ["1"]
