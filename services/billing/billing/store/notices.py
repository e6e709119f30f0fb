"""Notices that wait to be sent: written in the transaction of the step that they follow from, and sent after it.

Whoever sends one claims it for a while first, so that of several instances one does. A process that ends in between
leaves it claimed until then, and it is sent again: at least once, as mail itself is.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, case, func, select, true, update

from billing.domain.notices import ClaimedNotice, FailedNotice, Notice, NoticeEnd, next_try
from billing.store.tables import notice
from shared.instants import epoch_us
from shared.period import Month
from shared.sql.engine import read_transaction
from shared.sql.statements import insert_ignore

# Longer than a whole conversation with a slow mail server takes.
CLAIMED_FOR = timedelta(minutes=5)
# For so long operations are shown what was given up.
SHOWN_FOR = timedelta(days=7)
_NOT_SENT: tuple[NoticeEnd, ...] = ("failed", "without-address")
STATES = ("waiting", "failing", "failed")
_TABLE = notice.c


class SqlNotices:
    """`billing.mailing.NoticeQueue` in billing's database. Calls block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, now: datetime) -> ClaimedNotice | None:
        """The notice that has been due for the longest, which is this caller's for a while; None where none is due.

        None too where another instance took it first: it is sent there.
        """
        due = select(notice).where(_TABLE.state == "waiting", _TABLE.due_us <= epoch_us(now))
        with read_transaction(self._engine) as connection:
            found = connection.execute(due.order_by(_TABLE.due_us, _TABLE.id).limit(1)).one_or_none()
        if found is None:
            return None
        taken = (
            update(notice)
            .where(_TABLE.id == found.id, _TABLE.state == "waiting", _TABLE.due_us == found.due_us)
            .values(due_us=epoch_us(now + CLAIMED_FOR), tries=found.tries + 1)
        )
        with self._engine.begin() as connection:
            return _claimed(found) if connection.execute(taken).rowcount == 1 else None

    def settle(self, id_: str, end: NoticeEnd, now: datetime, *, reason: str = "") -> None:
        """The notice is not tried again."""
        self._set(id_, {"state": end, "reason": reason, "settled_us": epoch_us(now)})

    def try_again(self, claimed: ClaimedNotice, now: datetime, *, reason: str) -> bool:
        """It is tried again later; False where this was the last try, and it has failed."""
        wait = next_try(claimed.tries)
        if wait is None:
            self.settle(claimed.notice.id, "failed", now, reason=reason)
            return False
        self._set(claimed.notice.id, {"due_us": epoch_us(now + wait), "reason": reason})
        return True

    def failed(self, month: Month | None = None) -> list[FailedNotice]:
        """What was not sent and is not tried again, of one month or of all, by month and council."""
        query = (
            select(notice)
            .where(_TABLE.state.in_(_NOT_SENT), _is_of(None, month))
            .order_by(_TABLE.month, _TABLE.council, _TABLE.id)
        )
        with read_transaction(self._engine) as connection:
            return [FailedNotice(_notice(row), row.reason) for row in connection.execute(query)]

    def send_again(self, now: datetime, *, council: str | None = None, month: Month | None = None) -> int:
        """How many that were not sent wait again, as new: all, or those of a council, or of one of its months."""
        values = {"state": "waiting", "tries": 0, "due_us": epoch_us(now), "reason": "", "settled_us": 0}
        again = update(notice).where(_TABLE.state.in_(_NOT_SENT), _is_of(council, month)).values(values)
        with self._engine.begin() as connection:
            return connection.execute(again).rowcount

    def counts(self, now: datetime) -> dict[str, int]:
        """How many are waiting, were refused and are tried again, and failed for good in the last week."""
        recently = _TABLE.settled_us > epoch_us(now - SHOWN_FOR)
        state = case(
            (and_(_TABLE.state == "waiting", _TABLE.reason == ""), "waiting"),
            (_TABLE.state == "waiting", "failing"),
            (and_(_TABLE.state == "failed", recently), "failed"),
            else_="over",
        ).label("shown")
        with read_transaction(self._engine) as connection:
            counted = select(state, func.count().label("notices")).group_by(state)
            found = {row.shown: row.notices for row in connection.execute(counted)}
        return {each: found.get(each, 0) for each in STATES}

    def _set(self, id_: str, values: dict[str, Any]) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(notice).where(_TABLE.id == id_, _TABLE.state == "waiting").values(values))


def add_notice(connection: Connection, new: Notice, at: datetime) -> None:
    """The notice will be sent, once, after the caller's transaction has committed."""
    row = {
        "id": new.id,
        "council": new.council,
        "month": str(new.month),
        "kind": new.kind,
        "reference": new.reference,
        "state": "waiting",
        "tries": 0,
        "due_us": epoch_us(at),
        "reason": "",
        "settled_us": 0,
    }
    connection.execute(insert_ignore(notice), [row])


def _is_of(council: str | None, month: Month | None) -> ColumnElement[bool]:
    of_council = true() if council is None else _TABLE.council == council
    return and_(of_council, true() if month is None else _TABLE.month == str(month))


def _claimed(row: Row[Any]) -> ClaimedNotice:
    return ClaimedNotice(_notice(row), row.tries + 1)


def _notice(row: Row[Any]) -> Notice:
    return Notice(row.id, row.council, Month.parse(row.month), row.kind, row.reference)
