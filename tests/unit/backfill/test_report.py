"""What people read of a backfill, and what its digest stands for."""

from typing import Any

import msgspec
import pytest

from billing.dry_run import StatementDelta
from shared.contracts.codec import encode_event
from sla_monitor.domain.verdict_changes import VerdictChange, VerdictChanges
from tallystick.backfill.candidates import ROW, Candidate, FileLine, Refusal, in_sending_order, read_candidate
from tallystick.backfill.report import BackfillReport, Changes, changes, lines
from tests.support.instants import epoch
from tests.support.monitoring import ticket

EVENTS = ticket(("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 15:00", "resolved"))
MET = VerdictChange("adur", "adur-ict", "resolve", "ticket", "T1", 1, now="met", month="2026-03")
DELTA = StatementDelta("adur", "2026-03", 100_000, 99_950, 0, 50)


def candidates(*events: Any) -> list[Candidate]:
    read = [read_candidate(FileLine("line 1", encode_event(event)), now_ms=2**42) for event in events]
    return [each for each in read if isinstance(each, Candidate)]


def found(*, verdicts: tuple[VerdictChange, ...] = (MET,), deltas: tuple[StatementDelta, ...] = (DELTA,)) -> Changes:
    return changes(candidates(*EVENTS), parked=0, verdicts=VerdictChanges(verdicts, 3), statements=deltas)


def test_a_councils_verdicts_and_pounds_are_together_and_the_sums_below() -> None:
    shown = list(lines(BackfillReport(found(), 2, [])))

    assert shown == [
        "2 new events, 2 known already, 0 refused",
        "  tallystick.ticket.opened.v1: 1",
        "  tallystick.ticket.resolved.v1: 1",
        "adur",
        "  adur-ict, resolve: 1 met added",
        "  2026-03: £1,000.00 → £999.50 (−£0.50); service credits £0.00 → £0.50",
        "verdicts: 1 added, 0 removed, 0 changed; warnings: 3",
        "recharges: −£0.50",
    ]


def test_a_month_without_a_statement_is_named_as_such() -> None:
    shown = list(lines(BackfillReport(found(deltas=(StatementDelta("adur", "2026-03", None, 700, 0, 0),)), 0, [])))

    assert "  2026-03: no statement → £7.00 (+£7.00)" in shown


@pytest.mark.parametrize(("reason", "warned"), [("UNREADABLE", True), (ROW, False)])
def test_a_flood_of_refused_events_is_warned_about_and_of_rows_is_not(reason: str, warned: bool) -> None:
    ten, eleven = ([Refusal(f"line {number}", reason, "") for number in range(count)] for count in (10, 11))

    assert any("halted" in line for line in lines(BackfillReport(found(), 0, eleven))) is warned
    assert not any("halted" in line for line in lines(BackfillReport(found(), 0, ten)))


def test_only_the_first_refusals_are_printed() -> None:
    shown = list(lines(BackfillReport(found(), 0, [Refusal(f"line {number}", ROW, "") for number in range(25)])))

    assert len([line for line in shown if f": {ROW}: " in line]) == 20
    assert "  … and 5 more; --json lists them all" in shown


@pytest.mark.parametrize(
    "other",
    [
        found(verdicts=(msgspec.structs.replace(MET, now="breached"),)),
        found(verdicts=(msgspec.structs.replace(MET, month="2026-04"),)),
        found(deltas=(msgspec.structs.replace(DELTA, after_pence=99_949),)),
        changes(candidates(*EVENTS[:1]), parked=0, verdicts=VerdictChanges((MET,), 3), statements=(DELTA,)),
        changes(candidates(*EVENTS), parked=1, verdicts=VerdictChanges((MET,), 3), statements=(DELTA,)),
        changes(candidates(*EVENTS), parked=0, verdicts=VerdictChanges((MET,), 4), statements=(DELTA,)),
    ],
    ids=["outcome", "month", "penny", "event", "parked", "warning"],
)
def test_whatever_differs_has_another_digest(other: Changes) -> None:
    assert other.digest != found().digest


def test_the_order_of_the_file_is_not_part_of_the_digest() -> None:
    turned = changes(candidates(*reversed(EVENTS)), parked=0, verdicts=VerdictChanges((MET,), 3), statements=(DELTA,))

    assert turned.digest == found().digest


def test_events_are_sent_at_their_own_time_and_never_in_the_future() -> None:
    now_ms = epoch("Mon 2026-03-02 12:00") * 1000
    opened, resolved = EVENTS

    (sent,) = [read_candidate(FileLine("line 1", encode_event(opened)), now_ms=now_ms)]
    ahead = read_candidate(FileLine("line 2", encode_event(resolved)), now_ms=now_ms)

    assert isinstance(sent, Candidate)
    assert sent.message.timestamp_ms == int(opened.time.timestamp() * 1000)
    assert (isinstance(ahead, Refusal) and ahead.reason) == "FUTURE_TIME"
    assert [each.event for each in in_sending_order(candidates(*EVENTS))] == [resolved, opened]
