"""In which order a backfill is sent: whatever batches it is read in, each new item is judged once."""

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import encode_event
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent, WarningReached
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.facts import fact_of
from sla_monitor.domain.item import Item, insert_fact
from tallystick.backfill.candidates import Candidate, FileLine, in_sending_order, read_candidate
from tests.support.histories import agreement_index, at
from tests.support.laws import law
from tests.support.monitoring import TicketEvent, ticket

NOW = at("Mon 2026-06-01 09:00")
TARGETS = agreement_index(
    {"id": "resolve", "within": "12 working hours", "calendar": "office"}, {"id": "again", "within": "2 days"}
)
TIMELINE = (
    ("Mon 2026-03-23 09:00", "opened"),
    ("Mon 2026-03-23 12:00", "paused"),
    ("Tue 2026-03-24 10:00", "resumed"),
    ("Wed 2026-03-25 16:00", "resolved"),
    ("Thu 2026-03-26 09:00", "reopened"),
)
timelines = st.lists(st.sampled_from(TIMELINE[1:]), unique=True).map(lambda rest: [TIMELINE[0], *rest])
splits = st.sets(st.integers(0, 15))


def candidates(events: Sequence[TicketEvent]) -> list[Candidate]:
    lines = [FileLine(f"line {number}", encode_event(event)) for number, event in enumerate(events, start=1)]
    return [each for line in lines if isinstance(each := read_candidate(line, now_ms=NOW * 1000), Candidate)]


def verdicts(sent: Sequence[Candidate], splits: set[int]) -> list[VerdictEvent]:
    """What is announced, the items of each batch judged at its end by a clock that has long reached the present."""
    items: dict[str, Item] = {}
    announced: list[VerdictEvent] = []
    touched: set[str] = set()
    for number, each in enumerate(sent):
        assert not isinstance(each.event, UsageEvent)
        insert_fact(items.setdefault(each.event.subject, Item()), fact_of(each.event))
        touched.add(each.event.subject)
        if number in splits or number == len(sent) - 1:
            for name in sorted(touched):
                evaluation = evaluate(
                    items[name].facts, council="adur", stream="ticket", item=name, agreement_index=TARGETS, as_of=NOW
                )
                news, items[name].announced = announce(
                    items[name].announced, evaluation, Trigger("adur", name, "clock", NOW)
                )
                announced += [event for event in news if not isinstance(event, WarningReached)]
            touched.clear()
    return announced


@law
@given(st.lists(timelines, min_size=1, max_size=4), splits, st.randoms(use_true_random=False))
def test_however_it_is_read_each_target_of_a_new_item_is_judged_once(
    timelines: list[list[tuple[str, str]]], splits: set[int], chance: random.Random
) -> None:
    events = [event for number, timeline in enumerate(timelines) for event in ticket(*timeline, item=f"T{number}")]
    chance.shuffle(events)
    sent = in_sending_order(candidates(events))

    announced = verdicts(sent, splits)

    promises = [(event.subject, event.data.target, event.data.cycle) for event in announced]
    assert len(promises) == len(set(promises))
    assert sorted(event.id for event in announced) == sorted(event.id for event in verdicts(sent, set()))


def test_in_the_order_of_happening_what_was_in_time_would_first_be_announced_as_missed() -> None:
    happened = candidates(ticket(TIMELINE[0], ("Tue 2026-03-24 10:00", "resolved")))

    assert {event.id for event in verdicts(in_sending_order(happened), {0})} == {
        event.id for event in verdicts(happened, set())
    }
    assert [type(event).__name__ for event in verdicts(happened, {0})] == ["TargetBreached"] * 2 + [
        "VerdictCorrected"
    ] * 2
