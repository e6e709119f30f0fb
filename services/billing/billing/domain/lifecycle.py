"""The lifecycle of a council's statement: which steps it has taken, in what state it is, and who may take the next one.

draft → in review by the council → checked → approved → issued. A draft that changes after it was checked or approved
has another hash: it is checked again. Steps after issue (queries, payments, acknowledgements) change nothing issued.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from shared.contracts.statements import (
    StatementApproved,
    StatementChecked,
    StatementIssued,
    StatementReturned,
    StatementReviewOpened,
    StepEvent,
)

LifecycleStatus = Literal["draft", "in-review", "checked", "approved", "issued"]


class StepRefused(ValueError):
    """The statement is in a state in which that step cannot be taken, or not by this person; the message says why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who looked at a draft, and the SHA-256 of what they saw."""

    by: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state of one council's month. `review_until` is the last day of the council's review, None without one.

    `checkers` are all who have checked the draft that was checked last.
    """

    status: LifecycleStatus = "draft"
    review_until: date | None = None
    checked: Signed | None = None
    checkers: frozenset[str] = frozenset()
    approved: Signed | None = None
    number: str | None = None
    steps: int = 0


def lifecycle_of(steps: Sequence[StepEvent]) -> Lifecycle:
    """The state after those steps, in their order."""
    lifecycle = Lifecycle()
    for step in steps:
        lifecycle = replace(_after(lifecycle, step), steps=lifecycle.steps + 1)
    return lifecycle


def _after(lifecycle: Lifecycle, step: StepEvent) -> Lifecycle:
    match step:
        case StatementReviewOpened(data=data):
            return replace(lifecycle, status="in-review", review_until=data.until, checked=None, approved=None)
        case StatementChecked(data=data):
            is_same = lifecycle.checked is not None and lifecycle.checked.sha256 == data.sha256
            checkers = (lifecycle.checkers if is_same else frozenset()) | {data.by}
            checked = Signed(data.by, data.sha256)
            return replace(lifecycle, status="checked", checked=checked, checkers=checkers, approved=None)
        case StatementApproved(data=data):
            return replace(lifecycle, status="approved", approved=Signed(data.by, data.sha256))
        case StatementReturned():
            return Lifecycle()
        case StatementIssued(data=data):
            return replace(lifecycle, status="issued", number=data.number)
        case _:
            return lifecycle


def require_open(lifecycle: Lifecycle) -> None:
    """Raises `StepRefused` for a statement that is issued."""
    if lifecycle.status == "issued":
        raise StepRefused(f"the statement is issued as {lifecycle.number}: what changes it now is a correction")


def require_checkable(lifecycle: Lifecycle, *, needs_review: bool) -> None:
    """Raises `StepRefused` unless the draft may be checked: the council has been shown it where that is agreed."""
    require_open(lifecycle)
    if needs_review and lifecycle.review_until is None:
        raise StepRefused("the agreement gives the council time to look through the draft: open its review first")


def require_approvable(lifecycle: Lifecycle, *, by: str, sha256: str, set_prices: Collection[str]) -> None:
    """Raises `StepRefused` unless `by` may approve the draft of that hash.

    `set_prices` are those who proposed or approved the tariffs and the agreement by which it is priced.
    """
    require_open(lifecycle)
    if lifecycle.checked is None:
        raise StepRefused("nobody in the provider's finance has checked the draft yet")
    if lifecycle.checked.sha256 != sha256:
        raise StepRefused("the draft has changed since it was checked: check it again")
    if by in lifecycle.checkers:
        raise StepRefused("another person than those who checked the draft must approve it")
    if by in set_prices:
        raise StepRefused("whoever proposed or approved the prices of a statement may not approve the statement")


def require_issuable(lifecycle: Lifecycle, *, sha256: str, today: date) -> None:
    """Raises `StepRefused` unless the draft of that hash may be issued on that day (Europe/London)."""
    require_open(lifecycle)
    if lifecycle.approved is None:
        raise StepRefused("nobody has approved the draft yet")
    if lifecycle.approved.sha256 != sha256:
        raise StepRefused("the draft has changed since it was approved: check and approve it again")
    if lifecycle.review_until is not None and today <= lifecycle.review_until:
        raise StepRefused(f"the council looks through the draft until {lifecycle.review_until}")
