"""What must be true in the end, computed from the raw log in the simplest way. Shares no code with the services.

It knows the simulated partnership by heart: Adur counts Monday to Friday 09:00 to 17:00, Worthing every hour; a pause
and a resolved item stop the clock; London is on UTC.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, permutations
from typing import Any, NamedTuple

from tests.simulation.raw_log import LogContents, happened_at, sequence_order, standing

HOUR_S = 3600
# Of each agreement of a council: a resolution, and a response.
ALLOWED_S = {
    ("adur", "adur-agreement"): (8 * HOUR_S, 2 * HOUR_S),
    ("adur", "adur-evenings"): (5 * HOUR_S, 3 * HOUR_S),
    ("worthing", "worthing-agreement"): (30 * HOUR_S, 4 * HOUR_S),
    ("worthing", "worthing-evenings"): (18 * HOUR_S, 6 * HOUR_S),
}
PRICE_GBP = {"ict": Decimal("1.005"), "phones": Decimal("2.5"), "payroll": Decimal("0.0375")}
FOREVER = datetime(2026, 12, 1, tzinfo=UTC)


class DecidedVerdict(NamedTuple):
    """A verdict: its outcome, the instant at which the allowance is used up, and for one that was met the seconds."""

    outcome: str
    due_at: datetime
    elapsed_s: int | None


class Key(NamedTuple):
    """What names a verdict here: no clock has a second cycle."""

    council: str
    agreement: str
    target: str
    stream: str
    item: str


class ItemHistory(NamedTuple):
    """What is known of one item: (when, what) as it applied, and whether all of it was sent as it happened."""

    events: list[tuple[datetime, str]]
    sent_on_time: bool

    @property
    def is_opened(self) -> bool:
        """Whether there is anything to judge or to bill."""
        return any(what == "opened" for _, what in self.events)


def item_histories(log: LogContents) -> dict[tuple[str, str], ItemHistory]:
    """What happened to each item of one topic. A ticket is resolved, work is completed.

    Of one whose opening was withdrawn nothing applied.
    """
    events: dict[tuple[str, str], list[dict[str, Any]]] = {
        (event["council"], event["subject"]): [] for event in log.events.values()
    }
    for event in standing(log):
        events[event["council"], event["subject"]].append(event)
    return {item: ItemHistory(_applied(known), item not in log.late) for item, known in events.items()}


# What a ticket in a state becomes by an event; by any other it stays what it is.
_BECOMES = {
    ("new", "opened"): "open",
    ("open", "paused"): "paused",
    ("open", "resolved"): "resolved",
    ("paused", "resumed"): "open",
    ("paused", "paused"): "paused",
    ("paused", "resolved"): "resolved",
    ("resolved", "reopened"): "open",
}
_BECOMES_BY = {"opened": "open", "paused": "paused", "resumed": "open", "resolved": "resolved", "reopened": "open"}
# By which what is left of a choice is decided.
_KINDS = ("opened", "responded", "reopened", "resumed", "resolved", "paused")


def _applied(events: Iterable[dict[str, Any]]) -> list[tuple[datetime, str]]:
    """The events that applied to the ticket, and its responses: of one second and sequence in the best order (R23).

    That is the one in which most of them apply; of several, the first by kind and id.
    """
    history: list[tuple[datetime, str]] = []
    state = "new"
    ordered = sorted(events, key=lambda event: (happened_at(event), sequence_order(event)))
    for (at, _), group in groupby(ordered, key=lambda event: (happened_at(event), sequence_order(event))):
        tied = [(_what(event), str(event["id"])) for event in group]
        best = min((_tried(state, order) for order in permutations(tied)), key=lambda tried: (-len(tried), tried))
        history += [(at, _KINDS[kind]) for kind, _ in best] + [(at, what) for what, _ in tied if what == "responded"]
        state = _state_after(state, best)
    return history


def _tried(state: str, order: Iterable[tuple[str, str]]) -> list[tuple[int, str]]:
    """Kind and id of those that apply, each to the state that the ones before it left."""
    applied = []
    for what, id_ in order:
        if (state, what) in _BECOMES:
            state = _BECOMES[state, what]
            applied.append((_KINDS.index(what), id_))
    return applied


def _state_after(state: str, applied: Iterable[tuple[int, str]]) -> str:
    for kind, _ in applied:
        state = _BECOMES[state, _KINDS[kind]]
    return state


def _what(event: dict[str, Any]) -> str:
    what = str(event["type"].split(".")[2])
    return {"received": "opened", "completed": "resolved"}.get(what, what)


def verdicts(log: LogContents, stream: str) -> dict[Key, DecidedVerdict]:
    """Every verdict on the items of a topic that is decided when all of time has passed."""
    found: dict[Key, DecidedVerdict | None] = {}
    for (council, item), history in item_histories(log).items():
        if not history.is_opened:
            continue
        paused = _states(history)[-1][1] == "paused"
        for (of, agreement), (resolve_s, respond_s) in ALLOWED_S.items():
            if of == council:
                found[Key(council, agreement, "resolve", stream, item)] = _decide(
                    council, resolve_s, _running_intervals(history), paused=paused
                )
                found[Key(council, agreement, "respond", stream, item)] = _decide(
                    council, respond_s, _until_response(history), paused=False
                )
    return {key: decided for key, decided in found.items() if decided is not None}


def breached_by(log: LogContents, stream: str, until: datetime) -> set[Key]:
    """The verdicts that are breached when it is `until`: more time than allowed was used by then."""
    found: set[Key] = set()
    for (council, item), history in item_histories(log).items():
        for (of, agreement), (resolve_s, respond_s) in ALLOWED_S.items():
            if of == council and history.is_opened:
                used = {"resolve": _running_intervals(history), "respond": _until_response(history)}
                allowed_s = {"resolve": resolve_s, "respond": respond_s}
                found |= {
                    Key(council, agreement, target, stream, item)
                    for target, spans in used.items()
                    if sum(_worked(council, start, min(end, until)) for start, end in spans if start < until)
                    > allowed_s[target]
                }
    return found


def _states(history: ItemHistory) -> list[tuple[datetime, str]]:
    """What the ticket was from the end of each second on in which it became anything: what took no time is left out."""
    ends = {at: _BECOMES_BY[what] for at, what in history.events if what != "responded"}
    return list(ends.items())


def _running_intervals(history: ItemHistory) -> list[tuple[datetime, datetime]]:
    """When the clock ran: [start, end) in order, the last to FOREVER where it still runs.

    One of no length is where a pause ended with the resolution: from there the clock would have gone on.
    """
    spans: list[tuple[datetime, datetime]] = []
    before, since = "new", None
    for at, state in _states(history):
        if before == "open" != state and since is not None:
            spans.append((since, at))
        elif state == "open" != before:
            since = at
        elif before == "new" or (before, state) == ("paused", "resolved"):
            spans.append((at, at))
        before = state
    return [*spans, (since, FOREVER)] if before == "open" and since is not None else spans


def _until_response(history: ItemHistory) -> list[tuple[datetime, datetime]]:
    resolved = [at for at, state in _states(history) if state == "resolved"]
    answers = [*resolved, *(at for at, what in history.events if what == "responded")]
    return [(history.events[0][0], min(answers, default=FOREVER))]


def _decide(
    council: str, allowed_s: int, spans: list[tuple[datetime, datetime]], *, paused: bool
) -> DecidedVerdict | None:
    left_s, due = allowed_s, spans[0][0]
    for start, end in spans:
        due = _after(council, start, left_s) if left_s else due
        left_s -= _worked(council, start, end)
        if left_s < 0:
            return DecidedVerdict("breached", due, None)
    # Paused without end, nothing is decided; stopped, the clock would have gone on from there.
    return None if paused else DecidedVerdict("met", due, allowed_s - left_s)


def _worked(council: str, start: datetime, end: datetime) -> int:
    if council == "worthing":
        return int((end - start).total_seconds())
    return sum(max(0, int((min(end, shut) - max(start, open_)).total_seconds())) for open_, shut in _days(start, end))


def _after(council: str, start: datetime, seconds: int) -> datetime:
    """The earliest instant with so many counted seconds since `start`."""
    if council == "worthing":
        return start + timedelta(seconds=seconds)
    for open_, shut in _days(start, FOREVER):
        begin = max(start, open_)
        if begin < shut and (shut - begin).total_seconds() >= seconds:
            return begin + timedelta(seconds=seconds)
        seconds -= max(0, int((shut - begin).total_seconds()))
    raise AssertionError("a year of office hours was not enough")


def _days(start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < min(end, FOREVER):
        if day.weekday() < 5:
            yield day + timedelta(hours=9), day + timedelta(hours=17)
        day += timedelta(days=1)


def recharges(tickets: LogContents, usage: LogContents) -> dict[tuple[str, str], dict[str, tuple[Decimal, int]]]:
    """By council and month, each service's quantity and whole pence, without services that were not used."""
    amounts: dict[tuple[str, str], dict[str, Decimal]] = {}

    def add(council: str, at: datetime, service: str, quantity: Decimal) -> None:
        of_month = amounts.setdefault((council, f"{at:%Y-%m}"), {})
        of_month[service] = of_month.get(service, Decimal(0)) + quantity

    moved = {
        (event["council"], event["subject"]): happened_at(event)
        for event in standing(tickets)
        if _what(event) == "reclassified"
    }
    for (council, item), history in item_histories(tickets).items():
        resolved = [at for at, what in history.events if what == "resolved"]
        if resolved and history.is_opened:
            # A ticket moves to phones once at most; in the second in which it is resolved it is too late for that.
            opened, at = history.events[0][0], moved.get((council, item), FOREVER)
            phones = at < min(resolved) or at <= opened
            add(council, min(resolved), "phones" if phones else "ict", Decimal(1))
    taken_back = {(event["data"].get("reversed_id")) for event in usage.events.values()}
    for event in usage.events.values():
        if "quantity" in event["data"] and event["id"] not in taken_back:
            add(event["council"], happened_at(event), "payroll", Decimal(event["data"]["quantity"]))
    return {
        where: {service: (quantity, _pence(quantity * PRICE_GBP[service])) for service, quantity in used.items()}
        for where, sums in amounts.items()
        if (used := {service: quantity for service, quantity in sums.items() if quantity})
    }


def _pence(pounds: Decimal) -> int:
    return int((pounds * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
