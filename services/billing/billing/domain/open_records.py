"""Which council and which months a quarantined record may be about, as far as its bytes say so."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

import msgspec

from shared.contracts.envelope import split_item_key
from shared.contracts.items import (
    FactWithdrawn,
    TicketOpened,
    TicketReclassified,
    TicketReprioritised,
    WorkReceived,
    WorkReclassified,
)
from shared.contracts.scalars import ID_PATTERN
from shared.contracts.topics import TICKETS, USAGE, VERDICTS, WORK
from shared.contracts.usage import UsageAdjusted, UsageReversed
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Quarantined, Shard
from shared.period import YEARS, InvalidMonth, Month, month_of, month_of_day

# Topics whose records are about an item of a council, which their key names too.
_OF_COUNCILS = frozenset({TICKETS.name, WORK.name, USAGE.name, VERDICTS.name})
# The time that such a record names is what is wrong with it.
_WRONG_TIME = frozenset({"FUTURE_TIME", "TIME_OUT_OF_RANGE"})
_ID = re.compile(ID_PATTERN)


def _tags(*types: type[Any]) -> frozenset[str]:
    return frozenset(str(each.__struct_config__.tag) for each in types)


# What takes back or changes something of before it, and what decides about its item from then on.
_CHANGE_EARLIER = _tags(UsageReversed, UsageAdjusted, FactWithdrawn)
_CHANGE_LATER = _tags(TicketOpened, WorkReceived, TicketReclassified, WorkReclassified, TicketReprioritised)
_VERDICTS = _tags(*get_args(VerdictEvent))


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A quarantined record that nobody has decided about, and what its bytes say of it.

    `council` is None where they name none, or two. It may change the months from `first` to `last`, each None where
    nothing bounds them.
    """

    shard: Shard
    offset: int
    reason: str
    council: str | None
    first: Month | None
    last: Month | None

    def concerns(self, month: Month) -> bool:
        """Whether a statement of the month could be another one once the record is read."""
        return (self.first is None or self.first <= month) and (self.last is None or month <= self.last)


def open_record(shard: Shard, record: Quarantined) -> OpenRecord:
    """What the record says of itself. Whatever its bytes are, this does not raise."""
    said = _content(record.value) if shard.topic in _OF_COUNCILS else {}
    council = _council(record.key, said) if shard.topic in _OF_COUNCILS else None
    month = None if record.reason in _WRONG_TIME else _month(said)
    type_ = said.get("type")
    first = None if type_ in _CHANGE_EARLIER else month
    last = None if type_ in _CHANGE_LATER else month
    return OpenRecord(shard, record.offset, record.reason, council, first, last)


def _content(value: bytes | None) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _council(key: bytes | None, said: dict[str, Any]) -> str | None:
    """The one council that key and content name; None where they disagree: it could be of either."""
    named = {name for name in (_council_of_key(key), said.get("council")) if isinstance(name, str) and _ID.match(name)}
    return named.pop() if len(named) == 1 else None


def _council_of_key(key: bytes | None) -> str | None:
    try:
        council, item = split_item_key((key or b"").decode())
    except UnicodeDecodeError:
        return None
    return council if item else None


def _month(said: dict[str, Any]) -> Month | None:
    """The month in which the event says that it counts: that of its verdict, its business date or its time."""
    data = said.get("data")
    own = data if isinstance(data, dict) else {}
    try:
        if said.get("type") in _VERDICTS:
            return Month.parse(str(own.get("month", own.get("was_month"))))
        if own.get("business_date") is not None:
            return _possible(month_of_day(date.fromisoformat(str(own["business_date"]))))
        instant = datetime.fromisoformat(str(said.get("time")))
        return None if instant.tzinfo is None else _possible(month_of(instant))
    except (ValueError, OverflowError, InvalidMonth):
        return None


def _possible(month: Month) -> Month | None:
    return month if month.year in YEARS else None
