"""One line down to its events: working, quantity, where each event is in the log, tariff, rules and rounding.

The events of an issued line are those that had been read when it was issued, so that they add up to its quantity
whatever came since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.charge_line import ChargeLine
from billing.domain.credits.credit_line import CreditLine
from billing.domain.issued import ReadThrough
from billing.domain.meters import MeteredEvent, left_out, value_of
from billing.domain.statement import Statement, StatementTariff
from billing.ports import (
    CountedEvent,
    EventCursor,
    MissFilter,
    Snapshot,
    UsageFilter,
    UsageReads,
)
from shared.contracts.definitions import Service
from shared.contracts.meters import Meter
from shared.contracts.topics import TOPIC_OF_STREAM, USAGE, VERDICTS
from shared.instants import instant_at
from shared.period import Month


class UnknownLine(LookupError):
    """The statement has no line of that reference: terms may have changed since it was made."""


@dataclass(frozen=True, slots=True)
class LineExplanation:
    """A line of `statement` and a page of the events it counts; `next_cursor` is None on the last page.

    `tariff` is the version that priced it, None of a service credit.
    """

    statement: Statement
    line: ChargeLine | CreditLine
    tariff: StatementTariff | None
    counted: tuple[CountedEvent, ...]
    next_cursor: EventCursor | None


def explanation(
    snapshot: Snapshot, statement: Statement, ref: str, *, after: EventCursor | None, limit: int
) -> LineExplanation:
    """The line `ref` and up to `limit` of its events, by day, source and id, beginning after `after`.

    A charge that is due whatever was used counts none. Raises `UnknownLine`.
    """
    council, month = statement.council.id, statement.month
    for charges in statement.services:
        for line in charges.lines:
            if line.ref == ref:
                usage = _usage_then(snapshot, statement)
                found = _counted(usage, line, council, charges.service, month, after=after, limit=limit + 1)
                return _page(statement, line, found, limit)
    for credit in statement.credits:
        if credit.ref == ref:
            of = MissFilter(council, month, credit.agreement, credit.service, credit.target)
            return _page(statement, credit, snapshot.verdicts.misses(of, after=after, limit=limit + 1), limit)
    raise UnknownLine(f"no line {ref} in the statement of {council} for {month}")


def _usage_then(snapshot: Snapshot, statement: Statement) -> UsageReads:
    """Usage as it was read when the statement was issued; where nothing of the council came since, as it is."""
    if statement.issued is None:
        return snapshot.usage
    read = {(each.topic, each.partition): each.next_offset for each in statement.issued.read_through}
    changes = snapshot.usage.changes(statement.council.id)
    if all(each.next_offset <= read.get((each.topic, each.partition), 0) for each in changes):
        return snapshot.usage
    return snapshot.usage.as_of(statement.issued.read_through)


def _counted(
    usage: UsageReads,
    line: ChargeLine,
    council: str,
    service: Service,
    month: Month,
    *,
    after: EventCursor | None,
    limit: int,
) -> Sequence[CountedEvent]:
    """The events of the line by day, source and id, beginning after `after`: up to `limit` of them."""
    meter = service.counted_by
    if not line.counts_usage:
        return ()
    if not isinstance(meter, Meter):
        by = UsageFilter(council, service.id, meter, service.unit, line.first_day, line.end_day)
        return usage.counted(by, after=after, limit=limit)
    events = [
        event
        for event in usage.metered(month, council, service)
        if line.first_day <= event.day < line.end_day and left_out(meter, event, unit=service.unit) is None
    ]
    found = (_counted_event(event, value_of(meter, event) or Decimal(0)) for event in events)
    in_order = sorted(found, key=lambda each: (each.day, each.source, each.id))
    return [each for each in in_order if after is None or (each.day, each.source, each.id) > after][:limit]


def _counted_event(event: MeteredEvent, quantity: Decimal) -> CountedEvent:
    """The event as a line shows it, with the quantity that its meter read."""
    stream = None if event.stream == "usage" else event.stream
    return CountedEvent(
        source=event.source,
        id=event.id,
        occurred_at=instant_at(event.at_us),
        day=event.day,
        stream=stream,
        item=None if stream is None else event.item,
        quantity=quantity,
        topic=USAGE.name if stream is None else TOPIC_OF_STREAM[stream],
        partition=event.partition,
        offset=event.offset,
    )


def _page(
    statement: Statement, line: ChargeLine | CreditLine, found: Sequence[CountedEvent], limit: int
) -> LineExplanation:
    """Up to `limit` of `found`, which has one more where another page follows."""
    page = tuple(found[:limit])
    cursor = EventCursor(page[-1].day, page[-1].source, page[-1].id) if len(found) > limit else None
    read_through = () if statement.issued is None else statement.issued.read_through
    then = tuple(each for each in page if _was_read(each, read_through))
    return LineExplanation(statement, line, _tariff(statement, line), then, cursor)


def _was_read(event: CountedEvent, read_through: Sequence[ReadThrough]) -> bool:
    """Of verdicts the store has only the latest: one that was published since is no part of what was issued."""
    of_verdicts = {each.partition: each.next_offset for each in read_through if each.topic == VERDICTS.name}
    return event.topic != VERDICTS.name or not read_through or event.offset < of_verdicts.get(event.partition, 0)


def _tariff(statement: Statement, line: ChargeLine | CreditLine) -> StatementTariff | None:
    if isinstance(line, CreditLine):
        return None
    key = line.tariff, line.tariff_version
    return next((each for each in statement.tariffs if (each.id, each.version) == key), None)
