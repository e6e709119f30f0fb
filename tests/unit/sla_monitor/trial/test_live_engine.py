"""`try target` answers as the services would: a document's events, sent as events in any order, give its verdicts."""

import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import decode_event
from shared.instants import instant, maybe_instant
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import fact_of
from sla_monitor.domain.item import Item, insert_fact
from tests.support.histories import agreement_index, at
from tests.support.laws import law
from tests.support.trials import hours, tried

LONDON = ZoneInfo("Europe/London")
NINE = datetime(2026, 3, 2, 9, tzinfo=LONDON)
TARGETS: tuple[dict[str, Any], ...] = (
    {"id": "resolve", "measure": "resolution-time", "within": "4 working hours"},
    {
        "id": "paused",
        "measure": "resolution-time",
        "within": "4 working hours",
        "paused_by": ["council", "third-party"],
    },
    {"id": "again", "measure": "resolution-time", "within": "1 working hour", "reopen": "new-cycle"},
    {"id": "final", "measure": "processing-time", "within": "1 working hour", "reopen": "first-close-is-final"},
    {"id": "days", "measure": "resolution-time", "within": "1 working day"},
    {"id": "respond", "measure": "response-time", "within": "1 working hour"},
    {"id": "answer", "measure": "update-interval", "within": "1 working hour"},
    {"id": "inform", "measure": "periodic-update", "within": "2 working hours"},
    {"id": "assigned", "measure": "resolution-time", "within": "2 working hours", "starts": "assigned"},
    {"id": "active", "measure": "resolution-time", "within": "2 working hours", "starts": "first-active"},
    {"id": "high", "measure": "resolution-time", "within": "1 working hour", "when": {"priority": ["high"]}},
    {
        "id": "changed",
        "measure": "resolution-time",
        "within": "3 working hours",
        "when": {"priority": ["normal", "low"]},
        "on_change": "from-change",
    },
)
# Few instants, so that much happens at one: before, at and after the opening, in one second too.
SECONDS = st.sampled_from((-600.0, 0.0, 0.5, 3600.0, 3600.0, 3600.25, 3601.0, 7200.0, 7200.0, 90_000.0))
WHAT = st.sampled_from(
    (
        ("assigned", None),
        ("asked", None),
        ("responded", None),
        ("paused", "council"),
        ("paused", "third-party"),
        ("resumed", None),
        ("resolved", None),
        ("closed", None),
        ("cancelled", None),
        ("reopened", None),
        ("reprioritised", "high"),
        ("reprioritised", "normal"),
        ("reprioritised", "low"),
    )
)
happened = st.lists(st.tuples(SECONDS, WHAT, st.sampled_from((None, None, "1", "2", "10", "x"))), max_size=10)


@law
@given(
    st.lists(st.sampled_from(TARGETS), min_size=1, max_size=4, unique_by=lambda each: str(each["id"])),
    happened,
    st.sampled_from(("2026-03-02 11:00", "2026-03-02 15:00", "2026-03-05 12:00")),
    st.randoms(use_true_random=False),
)
def test_r23_a_document_has_the_verdicts_of_the_live_engine(
    targets: list[dict[str, Any]],
    rows: list[tuple[float, tuple[str, str | None], str | None]],
    as_of: str,
    chance: random.Random,
) -> None:
    events = [_event(*row) for row in [(0.0, ("opened", None), None), *rows]]
    chance.shuffle(events)

    answer = tried(calendars=[hours(id="office")], targets=targets, events=events, as_of=as_of)
    evaluation = _live(events, targets, as_of=as_of, chance=chance)

    assert [_shown(each) for each in answer["verdicts"]] == _expected(evaluation)
    assert answer["notes"] == list(evaluation.notes)


@law
@given(
    st.lists(st.sampled_from(TARGETS), min_size=1, max_size=4, unique_by=lambda each: str(each["id"])),
    happened,
    st.sampled_from((0, 1800, 3600, 5400)),
    st.randoms(use_true_random=False),
)
def test_a_change_to_the_same_targets_and_the_order_of_the_list_change_no_verdict(
    targets: list[dict[str, Any]],
    rows: list[tuple[float, tuple[str, str | None], str | None]],
    changed_s: int,
    chance: random.Random,
) -> None:
    events = [_event(*row) for row in [(0.0, ("opened", None), None), *rows]]
    shuffled = chance.sample(events, k=len(events))
    same = [{"at": (NINE + timedelta(seconds=changed_s)).isoformat(), "targets": targets}]
    document: dict[str, Any] = {"calendars": [hours(id="office")], "targets": targets, "as_of": "2026-03-05 12:00"}

    plainly = tried(**document, events=events)
    changed = tried(**document, events=shuffled, target_changes=same)

    assert changed["verdicts"] == plainly["verdicts"]


def _event(second: float, what: tuple[str, str | None], sequence: str | None) -> dict[str, Any]:
    """An event as a document has it."""
    name, detail = what
    field = "awaiting" if name == "paused" else "priority"
    event = {"at": (NINE + timedelta(seconds=second)).isoformat(), "event": name}
    return event | ({field: detail} if detail else {}) | ({"sequence": sequence} if sequence else {})


def _live(
    events: list[dict[str, Any]], targets: list[dict[str, Any]], *, as_of: str, chance: random.Random
) -> Evaluation:
    """The evaluation of the events as a system sends them, in an order of its own, some of them twice."""
    sent = [_sent(event, number) for number, event in enumerate(events)]
    sent += chance.choices(sent, k=3)
    chance.shuffle(sent)
    item = Item()
    for value in sent:
        insert_fact(item, fact_of(decode_event(value)))  # type: ignore[arg-type] # all of them are of a ticket
    agreements = agreement_index(*({"calendar": "office"} | target for target in targets), id="targets")
    second = at(f"{datetime.fromisoformat(as_of):%a} {as_of}")
    return evaluate(item.facts, council="adur", stream="ticket", item="T1", agreement_index=agreements, as_of=second)


def _sent(event: dict[str, Any], number: int) -> bytes:
    """The event as CloudEvents. Its id begins with what it says, by which a document's events are ordered last."""
    name, detail = event["event"], event.get("awaiting") or event.get("priority") or ""
    data = {
        "opened": {"service": "ict"},
        "paused": {"reason": "paused", "awaiting": detail},
        "reprioritised": {"priority": detail},
        "cancelled": {"reason": "cancelled"},
    }
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "type": f"tallystick.ticket.{name}.v1",
            "id": f"{detail}-{number}",
            "source": "/councils/adur/systems/desk",
            "time": event["at"],
            "subject": "T1",
            "council": "adur",
            "data": data.get(name, {}),
        }
        | ({"sequence": event["sequence"]} if "sequence" in event else {})
    )


COMPARED = ("target", "cycle", "verdict", "reason", "started_at", "due_at", "missed_at", "elapsed_s", "margin_s")


def _shown(verdict: dict[str, Any]) -> list[Any]:
    warnings = [[each["percent"], each["at"]] for each in verdict["warnings"]]
    return [*(verdict[name] for name in COMPARED), warnings]


def _expected(evaluation: Evaluation) -> list[Any]:
    plain = [
        [
            each.target.id,
            each.cycle.number,
            each.outcome.value,
            each.reason,
            instant(each.cycle.start),
            maybe_instant(each.due),
            maybe_instant(each.missed_at),
            each.elapsed_s,
            each.margin_s,
            [[warning.percent, instant(warning.at)] for warning in each.warnings],
        ]
        for each in evaluation.verdicts
    ]
    return list(msgspec.json.decode(msgspec.json.encode(plain)))
