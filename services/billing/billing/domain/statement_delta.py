"""By how much a council's statement of a month would change, were more events known."""

from msgspec import Struct

from billing.domain.statement import Statement
from shared.period import Month


class StatementDelta(Struct, frozen=True, order=True):
    """A statement's total and the service credits in it, in pence; None where there is, or would be, no statement."""

    council: str
    month: str
    before_pence: int | None
    after_pence: int | None
    credits_before_pence: int
    credits_after_pence: int

    @property
    def change_pence(self) -> int:
        """How much more would be payable; without a statement nothing is."""
        return (self.after_pence or 0) - (self.before_pence or 0)


def compare_statements(
    council: str, month: Month, before: Statement | None, after: Statement | None
) -> StatementDelta | None:
    """How the month would change; None where every pound of it stays."""
    found = StatementDelta(
        council,
        str(month),
        None if before is None else before.total_pence,
        None if after is None else after.total_pence,
        0 if before is None else before.credits_pence,
        0 if after is None else after.credits_pence,
    )
    stays = (found.before_pence, found.credits_before_pence) == (found.after_pence, found.credits_after_pence)
    return None if stays else found
