"""Rows as they are stored, a chunk at a time: what an independent recomputation and an evidence file are made of.

Which of them count is no question here: nothing is summed, joined or left out.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select, text

from billing.domain.metering import EventReceived, Origin
from billing.domain.verdicts import VerdictReceived
from billing.row_ports import EventKey
from billing.store.tables import OF_AN_ITEM, event, verdict
from shared.period import Month
from shared.scope import Scope
from shared.sql.statements import in_list

CHUNK = 2_000
_DAYS = 40  # a statement: a month with the days around it
_KEYS = 100  # looked up on each of 400 days
_ORIGIN = ("source", "event_id", "at_us", "place")
_FACT = tuple(name for name in EventReceived.__struct_fields__ if name != "origin")
_EVENT_COLUMNS = [event.c[name] for name in (*_ORIGIN, *_FACT)]
_VERDICT = tuple(name for name in VerdictReceived.__struct_fields__ if name != "origin")
_VERDICT_COLUMNS = [verdict.c[name] for name in (*_ORIGIN[:3], *_VERDICT)]


@dataclass(frozen=True, slots=True)
class SqlRows:
    """`billing.ports.RowReads` in one transaction."""

    connection: Connection
    scope: Scope

    def events(self, council: str, first_day: date, end_day: date) -> Iterator[Sequence[EventReceived]]:
        if not self.scope.allows(council):
            return
        query = _events_of_days(self.connection.dialect.name)
        days = [first_day + timedelta(days=number) for number in range((end_day - first_day).days)]
        for start in range(0, len(days), _DAYS):
            for rows in self._chunks(query, {"council": council, "days": days[start : start + _DAYS]}):
                yield [_event(row) for row in rows]

    def of_items(self, council: str, items: Collection[str]) -> list[EventReceived]:
        return self._looked_up(_events_of_items(self.connection.dialect.name), council, items)

    def naming(self, council: str, ids: Collection[str]) -> list[EventReceived]:
        return self._looked_up(_events_naming(self.connection.dialect.name), council, ids)

    def readings(self, council: str, keys: Collection[EventKey], first_day: date, end_day: date) -> list[EventReceived]:
        if not self.scope.allows(council):
            return []
        days = [first_day + timedelta(days=number) for number in range((end_day - first_day).days)]
        query, wanted, found = _readings_of_keys(self.connection.dialect.name), sorted(keys), []
        for start in range(0, len(wanted), _KEYS):
            some = wanted[start : start + _KEYS]
            sources, ids = sorted({source for source, _ in some}), sorted({id_ for _, id_ in some})
            values = {"council": council, "days": days, "sources": sources, "ids": ids}
            found += [_event(row) for row in self.connection.execute(query, values)]
        return found

    def sources(self, council: str, month: Month) -> dict[str, int]:
        if not self.scope.allows(council):
            return {}
        days = [month.first_day + timedelta(days=number) for number in range(month.days)]
        of_month = _of_council(event.c.council), event.c.day.in_(days)
        query = select(event.c.source, func.count()).where(*of_month).group_by(event.c.source).order_by(event.c.source)
        return {row[0]: row[1] for row in self.connection.execute(query, {"council": council})}

    def verdicts(self, council: str, month: Month) -> Iterator[Sequence[VerdictReceived]]:
        if self.scope.allows(council):
            for rows in self._chunks(_verdicts_of_month(), {"council": council, "month": str(month)}):
                yield [_verdict(row) for row in rows]

    def _chunks(self, query: Select[Any], values: dict[str, Any]) -> Iterator[Sequence[Row[Any]]]:
        """On PostgreSQL by a cursor of the server: no more than a chunk is in memory."""
        with self.connection.execute(query, values, execution_options={"yield_per": CHUNK}) as result:
            yield from result.partitions()

    def _looked_up(self, query: Select[Any], council: str, names: Collection[str]) -> list[EventReceived]:
        if not self.scope.allows(council):
            return []
        wanted = sorted(names)
        found: list[EventReceived] = []
        for start in range(0, len(wanted), CHUNK):
            values = {"council": council, "names": wanted[start : start + CHUNK]}
            found += [_event(row) for row in self.connection.execute(query, values)]
        return found


def _event(row: Sequence[Any]) -> EventReceived:
    return EventReceived(Origin(*row[:4]), *row[4:])


def _verdict(row: Sequence[Any]) -> VerdictReceived:
    return VerdictReceived(Origin(*row[:3]), *row[3:])


def _of_council(of: ColumnElement[str]) -> ColumnElement[bool]:
    return of == bindparam("council")


@cache
def _events_of_days(dialect: str) -> Select[Any]:
    """Each day named, so that no other council's rows are looked at; in no order, so that nothing has to be sorted."""
    of_days = in_list(dialect, event.c.day, "days")
    return select(*_EVENT_COLUMNS).where(of_days, _of_council(event.c.council))


@cache
def _events_of_items(dialect: str) -> Select[Any]:
    return select(*_EVENT_COLUMNS).where(
        _of_council(event.c.council), in_list(dialect, event.c.item, "names"), text(f"event.{OF_AN_ITEM}")
    )


@cache
def _events_naming(dialect: str) -> Select[Any]:
    return select(*_EVENT_COLUMNS).where(
        _of_council(event.c.council), in_list(dialect, event.c.target_id, "names"), event.c.target_id.is_not(None)
    )


@cache
def _readings_of_keys(dialect: str) -> Select[Any]:
    """Every part of the primary key is named, so that each reading is looked up and no day is read whole."""
    names = ("day", "days"), ("source", "sources"), ("event_id", "ids")
    named = (in_list(dialect, event.c[column], values) for column, values in names)
    return select(*_EVENT_COLUMNS).where(_of_council(event.c.council), event.c.stream == "usage", *named)


@cache
def _verdicts_of_month() -> Select[Any]:
    return select(*_VERDICT_COLUMNS).where(
        _of_council(verdict.c.council), verdict.c.month == bindparam("month", type_=verdict.c.month.type)
    )
