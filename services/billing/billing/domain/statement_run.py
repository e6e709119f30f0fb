"""The run of a month's statements as operations watch it: how far each is, which are late, and which wait to be issued.

A statement is expected of each council that has an agreement in the month. It is late once the date has passed by which
its agreement, or else its provider, says that it is issued; where neither says one, it is never late.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args

from billing.domain.lifecycle import LifecycleStatus, lifecycle_of
from billing.domain.terms import Terms
from shared.contracts.definitions import Agreement
from shared.contracts.statements import StatementApproved, StepEvent
from shared.period import Month, local_midnight, month_of

# Months that are over and are looked at: what is older and was not issued was never going to be.
MONTHS_WATCHED = 12
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExpectedStatement:
    """A council's statement of a month that is over; `issue_by` is the last day on which it is not late."""

    council: str
    month: Month
    issue_by: date | None


@dataclass(frozen=True, slots=True)
class StatementProgress:
    """How far an expected statement is. `issuable_since` is when nothing in its lifecycle kept it from issue any more.

    It is None where something still does: it is not approved, the council looks through it, or it is issued.
    """

    expected: ExpectedStatement
    status: LifecycleStatus
    issuable_since: datetime | None = None

    def late_s(self, now: datetime) -> float:
        """For how long it should have been issued by `now`; 0 where it is, or is not late."""
        if self.status == "issued" or self.expected.issue_by is None:
            return 0.0
        return max((now - local_midnight(self.expected.issue_by + _ONE_DAY)).total_seconds(), 0.0)

    def waiting_s(self, now: datetime) -> float:
        """For how long it could have been issued by `now`; 0 where it cannot be, or has been."""
        return 0.0 if self.issuable_since is None else max((now - self.issuable_since).total_seconds(), 0.0)


def watched_months(now: datetime) -> tuple[Month, ...]:
    """The months that are over by `now` and are looked at, ascending."""
    running = month_of(now)
    return tuple(running.earlier(before) for before in range(MONTHS_WATCHED, 0, -1))


def expected_statements(terms: Terms, month: Month) -> tuple[ExpectedStatement, ...]:
    """Of every council that is known and has an agreement in the month, by id."""
    found = ((council, terms.agreements_in(council, month)) for council in terms.councils.ids())
    return tuple(
        ExpectedStatement(council, month, _issue_by(terms, month, [each.definition for each in agreements]))
        for council, agreements in found
        if agreements
    )


def _issue_by(terms: Terms, month: Month, agreements: Iterable[Agreement]) -> date | None:
    """The earliest date that an agreement gives, or its provider as it is on the month's last day."""
    last = month.next.first_day - _ONE_DAY
    days = (each.issue_days or _of_provider(terms, each.provider, last) for each in agreements)
    return min((last + timedelta(days=each) for each in days if each is not None), default=None)


def _of_provider(terms: Terms, provider: str, day: date) -> int | None:
    found = terms.providers.on(provider, day)
    return None if found is None else found.definition.issue_days


def progress_of(expected: ExpectedStatement, steps: Sequence[StepEvent], *, is_issued: bool) -> StatementProgress:
    """How far the statement is after those of its `steps` that lead to an issue, in their order."""
    if is_issued:
        return StatementProgress(expected, "issued")
    lifecycle = lifecycle_of(steps)
    if lifecycle.status != "approved":
        return StatementProgress(expected, lifecycle.status)
    approved_at = [step.time for step in steps if isinstance(step, StatementApproved)][-1]
    until = lifecycle.review_until
    reviewed_at = approved_at if until is None else local_midnight(until + _ONE_DAY)
    return StatementProgress(expected, "approved", max(approved_at, reviewed_at))


def counts_by_status(progress: Iterable[StatementProgress]) -> Mapping[tuple[Month, LifecycleStatus], int]:
    """How many statements of each month are in each state, 0 where none is.

    Of the newest month, and of each other one of which a statement is not issued.
    """
    found = Counter((each.expected.month, each.status) for each in progress)
    newest = max((month for month, _ in found), default=None)
    shown = {month for month, status in found if month == newest or status != "issued"}
    return {(month, status): found[month, status] for month in sorted(shown) for status in get_args(LifecycleStatus)}
