"""Update clocks: the exchange that a verdict's figures are of, the one without an answer, and their warnings (R52)."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.verdicts import TargetBreached, VerdictEvent, WarningReached
from sla_monitor.domain.announcement_replay import AnnouncementReplay
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.stopwatch import Stopwatch
from sla_monitor.domain.clock.verdict import Outcome
from sla_monitor.domain.facts import AnyFact, Asked, Paused, Responded, Resumed
from sla_monitor.domain.item import LastPublished
from sla_monitor.domain.working_time.intervals import Interval
from tests.support.histories import agreement_index, at, evaluated, fact, judged, local_text

# Monday 2 March 2026 to Friday 27 March have no bank holiday; the office is open 09:00 to 17:00 (8 hours).
MON_9 = ("Mon 2026-03-02 09:00", "opened")
ANSWERS: dict[str, Any] = {"id": "answers", "measure": "update-interval", "within": "2 working hours"}
INFORMED: dict[str, Any] = {"id": "informed", "measure": "periodic-update", "within": "4 working hours"}
HOUR_S = 3600
# Three hours for an allowance of two; then the next question, and six hours.
LATE, LATER = (
    [("Mon 2026-03-02 09:00", "asked"), ("Mon 2026-03-02 12:00", "responded")],
    ("Tue 2026-03-03 09:00", "asked"),
)


class Announcing:
    """What is announced of one item under one target, instant by instant."""

    def __init__(self, lines: list[tuple[str, str]], target: dict[str, Any]) -> None:
        self._lines, self._index = lines, agreement_index(target | {"calendar": "office"})
        self.published: dict[str, LastPublished] = {}
        self.sent: list[VerdictEvent] = []

    def go_to(self, as_of: str) -> list[VerdictEvent]:
        """What is sent at that instant, of what has happened by then."""
        evaluation = evaluated(self._lines, self._index, as_of=as_of)
        events, self.published = announce(self.published, evaluation, Trigger("adur", "T1", "clock", at(as_of)))
        self.sent += events
        return events


def warnings_in(events: list[VerdictEvent]) -> list[tuple[int | None, str | None, str | None]]:
    """The percentage of each warning, when it was reached, and when what it warns of is due."""
    return [
        (each.data.percent, _local(each.time), _local(each.data.due_at))
        for each in events
        if isinstance(each, WarningReached)
    ]


def _local(when: Any) -> str | None:
    return None if when is None else local_text(int(when.timestamp()))


def test_r52_all_figures_of_a_verdict_are_of_the_first_exchange_that_was_missed() -> None:
    lines = [MON_9, *LATE, LATER, ("Tue 2026-03-03 15:00", "responded"), ("Wed 2026-03-04 09:00", "resolved")]

    verdict = judged(lines, as_of="Fri 2026-03-13 12:00", **ANSWERS)

    assert (verdict.outcome, local_text(verdict.due), local_text(verdict.missed_at)) == (
        Outcome.BREACHED,
        "Mon 2026-03-02 11:00",
        "Mon 2026-03-02 11:00",
    )
    assert (verdict.elapsed_s, verdict.margin_s, verdict.pending) == (3 * HOUR_S, -HOUR_S, None)


def test_r52_of_an_ended_cycle_without_a_miss_the_tightest_exchange_decides() -> None:
    lines = [
        MON_9,
        ("Mon 2026-03-02 10:00", "asked"),
        ("Mon 2026-03-02 11:30", "responded"),
        ("Tue 2026-03-03 09:00", "asked"),
        ("Tue 2026-03-03 09:10", "responded"),
        ("Wed 2026-03-04 09:00", "resolved"),
    ]

    verdict = judged(lines, as_of="Fri 2026-03-13 12:00", **ANSWERS)

    assert (verdict.outcome, local_text(verdict.due)) == (Outcome.MET, "Mon 2026-03-02 12:00")
    assert (verdict.elapsed_s, verdict.margin_s) == (HOUR_S * 3 // 2, HOUR_S // 2)


def test_r52_while_a_question_is_open_the_figures_are_its_own_and_not_those_of_a_longer_one_before() -> None:
    lines = [
        MON_9,
        ("Mon 2026-03-02 09:00", "asked"),
        ("Mon 2026-03-02 10:45", "responded"),
        ("Mon 2026-03-02 13:00", "asked"),
    ]

    verdict = judged(lines, as_of="Mon 2026-03-02 13:30", **ANSWERS)

    assert (verdict.elapsed_s, verdict.margin_s, local_text(verdict.due)) == (1800, 5400, "Mon 2026-03-02 15:00")


def test_r52_between_two_exchanges_no_answer_is_due_and_none_is_pending() -> None:
    verdict = judged([MON_9, *LATE[:1], ("Mon 2026-03-02 10:00", "responded")], as_of="Tue 2026-03-03 12:00", **ANSWERS)

    assert (verdict.outcome, verdict.reason) == (Outcome.RUNNING, "no answer is due")
    assert (verdict.due, verdict.margin_s, verdict.pending, verdict.wake) == (None, None, None, None)


def test_r52_after_a_miss_the_pending_exchange_has_its_own_due_instant_and_wakes_the_timers() -> None:
    verdict = judged([MON_9, *LATE, LATER], as_of="Tue 2026-03-03 09:30", **ANSWERS)

    assert (verdict.outcome, local_text(verdict.due)) == (Outcome.BREACHED, "Mon 2026-03-02 11:00")
    assert verdict.pending is not None
    assert (
        local_text(verdict.pending.start),
        local_text(verdict.pending.due),
        verdict.pending.margin_s,
        verdict.pending.missed,
    ) == (
        "Tue 2026-03-03 09:00",
        "Tue 2026-03-03 11:00",
        5400,
        False,
    )
    assert local_text(verdict.wake) == "Tue 2026-03-03 10:30"  # 75% of the second exchange


@pytest.mark.parametrize(
    ("as_of", "wake"),
    [
        ("Tue 2026-03-03 10:30", "Tue 2026-03-03 10:48"),  # 90%
        ("Tue 2026-03-03 10:48", "Tue 2026-03-03 11:00:01"),  # missed too
        ("Tue 2026-03-03 11:00:01", None),
    ],
)
def test_r52_the_timers_follow_the_second_exchange_to_its_end(as_of: str, wake: str | None) -> None:
    verdict = judged([MON_9, *LATE, LATER], as_of=as_of, **ANSWERS)

    assert local_text(verdict.wake) == wake
    assert verdict.pending is not None
    assert verdict.pending.missed is (wake is None)


def test_r52_each_exchange_is_warned_of_once_with_its_own_due_instant() -> None:
    item = Announcing([MON_9, *LATE, LATER], ANSWERS)

    sent = [item.go_to(when) for when in ("Mon 2026-03-02 16:00", "Tue 2026-03-03 10:30", "Wed 2026-03-04 12:00")]
    again = item.go_to("Thu 2026-03-05 12:00")

    first_due, second_due = "Mon 2026-03-02 11:00", "Tue 2026-03-03 11:00"
    assert [warnings_in(each) for each in sent] == [
        [(75, "Mon 2026-03-02 10:30", first_due), (90, "Mon 2026-03-02 10:48", first_due)],
        [(75, "Tue 2026-03-03 10:30", second_due)],
        [(90, "Tue 2026-03-03 10:48", second_due)],
    ]
    assert (again, [type(each) for each in item.sent].count(TargetBreached)) == ([], 1)
    assert len({each.id for each in item.sent}) == len(item.sent)


def test_r52_a_target_that_has_no_exchanges_is_warned_of_once_however_its_start_moves() -> None:
    item = Announcing([MON_9, ("Mon 2026-03-02 17:00", "paused council")], {"within": "8 working hours"})

    assert [warned[0] for warned in warnings_in(item.go_to("Mon 2026-03-02 17:00"))] == [75, 90]
    assert {each.data.exchange_started_at for each in item.sent if isinstance(each, WarningReached)} == {None}
    assert item.published["adur-2026/resolve/1"].warned == ("75", "90")


def test_r52_warnings_of_every_exchange_are_known_again_from_the_log_of_announcements() -> None:
    item = Announcing([MON_9, *LATE, LATER], ANSWERS)
    item.go_to("Mon 2026-03-02 16:00")
    item.go_to("Wed 2026-03-04 12:00")
    replay = AnnouncementReplay()
    for event in item.sent:
        replay.add(event)

    assert replay.announced("adur:T1", "ticket") == item.published


def test_a_periodic_update_is_warned_of_in_each_silence_and_pending_until_the_next_update() -> None:
    lines = [MON_9, ("Mon 2026-03-02 12:30", "responded"), ("Tue 2026-03-03 09:30", "responded")]
    item = Announcing(lines, INFORMED)

    for when in ("Mon 2026-03-02 16:00", "Tue 2026-03-03 13:30:01"):
        item.go_to(when)
    verdict = judged(lines, as_of="Tue 2026-03-03 13:30:01", **INFORMED)

    assert warnings_in(item.sent) == [
        (75, "Mon 2026-03-02 12:00", "Mon 2026-03-02 13:00"),
        (75, "Mon 2026-03-02 15:30", "Mon 2026-03-02 16:30"),
        (90, "Mon 2026-03-02 16:06", "Mon 2026-03-02 16:30"),
        (75, "Tue 2026-03-03 12:30", "Tue 2026-03-03 13:30"),
        (90, "Tue 2026-03-03 13:06", "Tue 2026-03-03 13:30"),
    ]
    assert (verdict.outcome, local_text(verdict.due), verdict.elapsed_s, verdict.margin_s) == (
        Outcome.BREACHED,
        "Mon 2026-03-02 16:30",
        5 * HOUR_S,
        -HOUR_S,
    )
    assert verdict.pending is not None
    assert (local_text(verdict.pending.due), verdict.pending.missed) == ("Tue 2026-03-03 13:30", True)


PENDING = [MON_9, ("Mon 2026-03-02 09:30", "asked")]
ANSWERED = ("Mon 2026-03-02 16:00", "responded")


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        pytest.param({"starts": "assigned"}, ("Mon 2026-03-02 12:00", "assigned"), id="assigned"),
        pytest.param(
            {"when": {"priority": ["high"]}, "on_change": "from-change"},
            ("Mon 2026-03-02 12:00", "priority high"),
            id="from the change",
        ),
    ],
)
def test_r52_a_question_that_is_pending_when_the_clock_begins_counts_from_there(
    fields: dict[str, Any], begins: tuple[str, str]
) -> None:
    verdict = judged([*PENDING, begins, ANSWERED], as_of="Mon 2026-03-02 17:00", **ANSWERS | fields)

    assert (verdict.outcome, local_text(verdict.due)) == (Outcome.BREACHED, "Mon 2026-03-02 14:00")
    assert (verdict.elapsed_s, verdict.margin_s) == (4 * HOUR_S, -2 * HOUR_S)


def test_r52_from_the_start_a_pending_question_counts_from_when_it_was_asked() -> None:
    urgent = ("Mon 2026-03-02 12:00", "priority high")

    verdict = judged(
        [*PENDING, urgent, ANSWERED], as_of="Mon 2026-03-02 17:00", **ANSWERS | {"when": {"priority": ["high"]}}
    )

    assert (local_text(verdict.due), verdict.elapsed_s) == ("Mon 2026-03-02 11:30", 6 * HOUR_S + 1800)


def test_r52_a_question_that_was_answered_before_the_clock_began_is_none_of_its_exchanges() -> None:
    lines = [*PENDING, ("Mon 2026-03-02 10:00", "responded"), ("Mon 2026-03-02 12:00", "assigned")]

    verdict = judged(lines, as_of="Mon 2026-03-02 17:00", **ANSWERS | {"starts": "assigned"})

    assert (verdict.outcome, verdict.reason) == (Outcome.OUT_OF_SCOPE, "the council asked nothing")


RESOLVED = ("Mon 2026-03-02 10:00", "resolved")
REOPENED = ("Wed 2026-03-04 10:00", "reopened")


def cycles_of(*lines: tuple[str, str], **fields: Any) -> list[tuple[Outcome, str | None, int]]:
    """Of each cycle the outcome, when the answer was due, and the seconds of the exchange that decided."""
    target = ANSWERS | {"calendar": "office", "reopen": "new-cycle"} | fields
    found = evaluated([MON_9, *lines], agreement_index(target), as_of="Fri 2026-03-13 12:00").verdicts
    return [(each.outcome, local_text(each.due), each.elapsed_s) for each in found]


NOTHING_ASKED = (Outcome.OUT_OF_SCOPE, None, 0)


def test_r52_the_question_that_had_an_item_reopened_counts_from_the_reopening() -> None:
    late = ("Wed 2026-03-04 15:00", "responded")

    assert cycles_of(RESOLVED, ("Wed 2026-03-04 09:00", "asked"), REOPENED, late) == [
        NOTHING_ASKED,
        (Outcome.BREACHED, "Wed 2026-03-04 12:00", 5 * HOUR_S),
    ]


def test_r52_who_answered_between_the_question_and_the_reopening_has_answered() -> None:
    asked, answered = ("Wed 2026-03-04 09:00", "asked"), ("Wed 2026-03-04 09:30", "responded")

    assert cycles_of(RESOLVED, asked, answered, REOPENED) == [NOTHING_ASKED, NOTHING_ASKED]


def test_r52_a_resolution_answers_what_was_asked_before_it_and_a_new_cycle_waits_for_the_next_question() -> None:
    asked, again = ("Mon 2026-03-02 09:30", "asked"), ("Wed 2026-03-04 14:00", "asked")
    first = (Outcome.MET, "Mon 2026-03-02 11:30", 1800)

    assert cycles_of(asked, RESOLVED, REOPENED) == [first, NOTHING_ASKED]
    assert cycles_of(asked, RESOLVED, REOPENED, again) == [
        first,
        (Outcome.BREACHED, "Wed 2026-03-04 16:00", 6 * 8 * HOUR_S + 6 * HOUR_S),
    ]


def test_r52_where_the_clock_goes_on_after_reopening_so_does_the_question() -> None:
    asked = ("Mon 2026-03-02 09:30", "asked")

    assert cycles_of(asked, RESOLVED, REOPENED, ("Wed 2026-03-04 11:00", "responded"), reopen="continue") == [
        (Outcome.RUNNING, None, HOUR_S + 1800)
    ]


def test_r52_a_question_asked_and_answered_at_one_second_is_an_exchange_that_took_no_time() -> None:
    asked, answered = ("Mon 2026-03-02 09:30", "asked"), ("Mon 2026-03-02 09:30", "responded")

    assert cycles_of(asked, answered, RESOLVED) == [(Outcome.MET, "Mon 2026-03-02 11:30", 0)]


def test_the_due_instants_of_many_exchanges_look_at_each_pause_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    pauses_from = Stopwatch.pauses_from

    def counted(stopwatch: Stopwatch, at: int) -> Iterator[Interval]:
        nonlocal seen
        for pause in pauses_from(stopwatch, at):
            seen += 1
            yield pause

    monkeypatch.setattr(Stopwatch, "pauses_from", counted)
    opened = at("Mon 2026-03-02 09:00")
    lines: list[AnyFact] = [fact("Mon 2026-03-02 09:00", "opened")]
    for number in range(300):
        start = (opened + 3600 * (number + 1)) * 1_000_000
        lines += [
            Asked(start, "/test", f"asked-{number}", ""),
            Paused(start + 60_000_000, "/test", f"paused-{number}", "", "waiting", "council"),
            Resumed(start + 120_000_000, "/test", f"resumed-{number}", ""),
            Responded(start + 180_000_000, "/test", f"responded-{number}", ""),
        ]

    judged(lines, as_of="Mon 2026-04-06 09:00", measure="update-interval", within="1 day", paused_by=["council"])

    assert 0 < seen < 300 * 40
