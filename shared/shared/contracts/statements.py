"""What billing announces to councils."""

from typing import Annotated

from msgspec import Meta

from shared.contracts.envelope import Data, Id, ItemEvent
from shared.contracts.verdicts import Month


class Issued(Data, frozen=True, kw_only=True):
    """A statement's number, month, total in pence before VAT and the SHA-256 of its canonical JSON."""

    statement: Id
    month: Month
    total_pence: int
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?![\s\S])")]


class StatementIssued(ItemEvent, frozen=True, kw_only=True, tag="tallystick.statement.issued.v1"):
    """A council's statement became final. `subject` is the statement's number."""

    data: Issued
