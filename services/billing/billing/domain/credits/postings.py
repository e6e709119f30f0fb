"""The postings of service credits when a month is evaluated again: the difference, and each difference once.

A corrected verdict or a late event changes a month's credits. What was booked stays; the difference to what holds now
is booked beside it, so that all postings of a month sum to its latest evaluation.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from billing.domain.credits.credit_line import CreditLine
from shared.ids import derived_id
from shared.period import Month


class Credited(NamedTuple):
    """What a posting is for."""

    agreement: str
    target: str
    service: str
    month: Month


@dataclass(frozen=True, slots=True)
class Posting:
    """`pence` credited to the council (below 0: reversed) by the `evaluation`th evaluation that changed anything.

    Two workers who find the same difference make the same `id`: booked under it as a key, it is booked once.
    """

    id: str
    of: Credited
    evaluation: int
    pence: int


def differences(booked: Sequence[Posting], lines: Sequence[CreditLine], month: Month) -> tuple[Posting, ...]:
    """The postings that are missing so that those of `month` sum to its `lines`; none where they do already.

    `booked` is all that was booked for the month before. What is no longer credited at all is reversed.
    """
    sums: Counter[Credited] = Counter()
    evaluations: Counter[Credited] = Counter()
    for posting in booked:
        sums[posting.of] += posting.pence
        evaluations[posting.of] = max(evaluations[posting.of], posting.evaluation)
    now = {Credited(line.agreement, line.target, line.service, month): line.applied_pence for line in lines}
    return tuple(
        _posting(of, evaluations[of] + 1, now.get(of, 0) - sums[of])
        for of in sorted({*sums, *now})
        if now.get(of, 0) != sums[of]
    )


def _posting(of: Credited, evaluation: int, pence: int) -> Posting:
    id_ = derived_id("credit-posting", of.agreement, of.target, of.service, str(of.month), evaluation)
    return Posting(id_, of, evaluation, pence)
