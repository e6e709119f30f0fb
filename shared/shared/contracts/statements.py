"""Statements as billing announces them to councils."""

from typing import Annotated

from msgspec import Meta

from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.scalars import Id, MonthText


class StatementData(EventData, frozen=True, kw_only=True):
    """A statement's number, month, total in pence before VAT and the SHA-256 of its canonical JSON."""

    statement: Id
    month: MonthText
    total_pence: int
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]


class StatementIssued(ItemEvent, frozen=True, kw_only=True, tag="tallystick.statement.issued.v1"):
    """A council's statement became final. `subject` is the statement's number."""

    data: StatementData
