"""The rows that a statement is made of, one by one, in the order of a tally: of items, then of readings.

They are fetched a page at a time, so that a month of a million events is never in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import merge
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    bindparam,
    exists,
    literal,
    or_,
    select,
    tuple_,
)

from billing.domain.metering import EventReceived, Origin
from billing.domain.verdicts import VerdictReceived
from billing.store.event_rules import ADJUSTED, RECORDED, REVERSED, days_between
from billing.store.tables import event, tally_basis, verdict
from shared.contracts.topics import REPLAYABLE_DAYS
from shared.period import Month
from shared.scope import Scope

_PAGE = 5000
_EVENT, _OTHER, _NAMING = event.alias("of"), event.alias("other"), event.alias("naming")
_COLUMNS = (
    *("source", "event_id", "at_us", "place", "partition", "offset", "type", "stream", "council", "item", "day"),
    *("service", "quantity_micro", "unit", "attributes", "target_source", "target_id"),
)


@dataclass(frozen=True, slots=True)
class SqlTallyRows:
    """`billing.ports.TallyReads` in one transaction."""

    connection: Connection
    scope: Scope

    def events(self, month: Month, council: str, *, since: date) -> Iterator[EventReceived]:
        if not self.scope.allows(council):
            return
        within = {"council": council, "days": days_between(month.first_day, month.next.first_day)}
        yield from map(_event, self._rows(_of_items(), within))
        known = {**within, "days": days_between(since, month.next.first_day)}
        around = days_between(month.first_day - timedelta(days=REPLAYABLE_DAYS), month.next.first_day)
        readings = map(_event, self._rows(_readings(), {**known, "month": within["days"], "around": around}))
        naming = map(_event, self._rows(_naming(), {**within, "known": known["days"]}))
        yield from merge(readings, naming, key=_place_of_reading)

    def verdicts(self, month: Month, council: str, agreements: Sequence[str]) -> Iterator[VerdictReceived]:
        if not (self.scope.allows(council) and agreements):
            return
        of = verdict.c
        query = (
            select(verdict)
            .where(
                of.council == council,
                of.month == str(month),
                of.outcome != "retracted",
                of.agreement.in_(agreements),
            )
            .order_by(of.agreement, of.service, of.target, of.stream, of.item, of.cycle)
        )
        yield from map(_verdict, self._rows(query, {}))

    def kept(self, council: str, month: Month) -> bytes | None:
        if not self.scope.allows(council):
            return None
        table = tally_basis.c
        found: bytes | None = self.connection.scalar(
            select(table.content).where(table.council == council, table.month == str(month))
        )
        return found

    def _rows(self, query: Select[Any], within: Mapping[str, Any]) -> Iterator[Row[Any]]:
        options = {"stream_results": True, "yield_per": _PAGE}
        yield from self.connection.execute(query, within, execution_options=options)


def _select(of: FromClause) -> Select[Any]:
    return select(*(of.c[name] for name in _COLUMNS)).where(of.c.council == bindparam("council"))


def _of_items() -> Select[Any]:
    """Every event of each item of which any event is of the month: what it was before and became after decides too."""
    of, other = _EVENT.c, _OTHER.c
    items = select(other.stream, other.item).where(
        other.council == bindparam("council"), other.day.in_(bindparam("days", expanding=True)), other.stream != "usage"
    )
    order = of.stream, of.item, of.at_us, of.place, of.source, of.event_id
    return _select(_EVENT).where(of.stream != "usage", tuple_(of.stream, of.item).in_(items)).order_by(*order)


def _readings() -> Select[Any]:
    """Those of the `days`, and older ones that an event of the month names."""
    of, naming = _EVENT.c, _NAMING.c
    is_named = exists(select(literal(1)).where(*_names(of), naming.day.in_(bindparam("month", expanding=True))))
    return (
        _select(_EVENT)
        .where(of.type == RECORDED, of.day.in_(bindparam("around", expanding=True)))
        .where(or_(of.day.in_(bindparam("days", expanding=True)), is_named.correlate(_EVENT)))
        .order_by(of.source, of.event_id)
    )


def _naming() -> Select[Any]:
    """What reverses or adjusts any of those readings, and what is of the month and names one that is not there."""
    of, other = _EVENT.c, _OTHER.c
    reading = select(literal(1)).where(
        other.council == of.council,
        other.source == of.target_source,
        other.event_id == of.target_id,
        other.type == RECORDED,
    )
    is_of_known = exists(reading.where(other.day.in_(bindparam("known", expanding=True))))
    of_month = of.day.in_(bindparam("days", expanding=True))
    return (
        _select(_EVENT)
        .where(of.type.in_((REVERSED, ADJUSTED)), of.target_id.is_not(None))
        .where(or_(of_month, is_of_known.correlate(_EVENT)))
        .order_by(of.target_source, of.target_id, of.at_us, of.source, of.event_id)
    )


def _names(reading: Any) -> tuple[ColumnElement[bool], ...]:
    naming = _NAMING.c
    return (
        naming.council == reading.council,
        naming.target_source == reading.source,
        naming.target_id == reading.event_id,
        naming.type.in_((REVERSED, ADJUSTED)),
        naming.target_id.is_not(None),
    )


def _place_of_reading(event: EventReceived) -> tuple[Any, ...]:
    """Each reading before what names it; in the order of the tally."""
    origin = event.origin
    if event.type == RECORDED:
        return origin.source, origin.id, 0
    return event.target_source, event.target_id, 1, origin.at_us, origin.source, origin.id


def _event(row: Row[Any]) -> EventReceived:
    source, id_, at_us, place, *rest = tuple(row)
    return EventReceived(Origin(source, id_, at_us, place), *rest)


def _verdict(row: Row[Any]) -> VerdictReceived:
    return VerdictReceived(
        Origin(row.source, row.event_id, row.at_us),
        council=row.council,
        agreement=row.agreement,
        target=row.target,
        stream=row.stream,
        item=row.item,
        cycle=row.cycle,
        service=row.service,
        month=row.month,
        day=row.day,
        outcome=row.outcome,
        value_pence=row.value_pence,
        offset=row.offset,
    )
