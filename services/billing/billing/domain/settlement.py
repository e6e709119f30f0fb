"""How corrections of issued months are settled: in the next statement, by a credit note, or not yet, as is agreed.

What a service comes to otherwise in a month is settled as a whole, for a line that falls and one that rises with it
belong together. Nothing is silently left out: what is not settled is listed, with the reason, and listed again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from billing.domain.corrections import QUERY_CREDIT, BookedAmount, Correction
from billing.domain.issued import SETTLED, CorrectedBy, CorrectionLine, Settlement
from billing.domain.rules import CHANGED_KINDS, changed_since
from billing.domain.statement_coding import line_coding
from shared.contracts.definitions import Agreement
from shared.money import pence
from shared.period import Month, months_between


@dataclass(frozen=True, slots=True)
class Corrected:
    """What is settled together: a month of a service, under one agreement; what its queries credited by itself."""

    month: Month
    agreement: str
    service: str
    is_queried: bool


@dataclass(frozen=True, slots=True)
class Causes:
    """The first of the events that a correction follows from, and how many there are."""

    events: tuple[CorrectedBy, ...] = ()
    in_all: int = 0


def correction_lines(
    corrections: Iterable[Correction],
    *,
    listed_in: Month,
    agreed: Callable[[str], Agreement | None],
    provider_of: Callable[[BookedAmount], str],
    causes: Callable[[Correction], Causes],
    name_of: Callable[[str], str] = str,
) -> tuple[CorrectionLine, ...]:
    """The corrections as the statement of `listed_in` lists them, in their order.

    `agreed` has the agreement as it is then, None where there is none any more; `provider_of` whom a booking was for;
    `name_of` has the name of a service.
    """
    groups: dict[Corrected, list[Correction]] = {}
    found = [each for each in corrections if each.booking.amount_pence]
    for each in found:
        groups.setdefault(_group(each), []).append(each)
    held = {each.booking.agreement for each in found if _is_repriced(each, agreed(each.booking.agreement))}
    settled = {
        group: "held"
        if group.agreement in held and not group.is_queried
        else settlement(of_it, agreed(group.agreement), listed_in)
        for group, of_it in groups.items()
    }
    lines = (
        _line(each, settled[_group(each)], provider_of(each.booking), causes(each), agreed(each.booking.agreement))
        for each in found
    )
    return tuple(replace(line, service_name=name_of(line.service)) for line in lines)


def settlement(corrections: Sequence[Correction], agreed: Agreement | None, listed_in: Month) -> Settlement:
    """How corrections of one month and service are settled; without an agreement in the statement that lists them."""
    if agreed is None:
        return "here"
    if corrections[0].booking.kind == QUERY_CREDIT:  # it was promised: it is neither too small nor too late
        return "credit-note" if agreed.corrections_by == "credit-note" else "here"
    since = corrections[0].booking.month
    until = agreed.corrections_until_months
    if until is not None and len(tuple(months_between(since, listed_in))) > until:
        return "left-out"
    if _size_pence(corrections) < pence(Decimal(agreed.corrections_from_gbp or "0")):
        return "carried"
    favours_council = sum(each.booking.amount_pence for each in corrections) < 0
    return "credit-note" if agreed.corrections_by == "credit-note" and favours_council else "here"


def booked_by(line: CorrectionLine) -> BookedAmount | None:
    """What a correction of an issued statement has booked; None where it is not settled."""
    if line.settled not in SETTLED:
        return None
    return BookedAmount(
        month=line.month,
        agreement=line.agreement,
        service=line.service,
        ref=line.ref,
        name=line.name,
        kind=line.kind,
        vat=line.vat,
        counts_usage=line.counts_usage,
        quantity=line.quantity,
        amount_pence=line.difference_pence,
        rules_version=line.rules_version,
    )


def _group(each: Correction) -> Corrected:
    booking = each.booking
    return Corrected(booking.month, booking.agreement, booking.service, booking.kind == QUERY_CREDIT)


def _size_pence(corrections: Sequence[Correction]) -> int:
    """The largest change of any VAT category: what only moves between two of them is not small."""
    sums: Counter[object] = Counter()
    for each in corrections:
        sums[each.booking.vat] += each.booking.amount_pence
    return max(map(abs, sums.values()))


def _is_repriced(each: Correction, agreed: Agreement | None) -> bool:
    """Whether rules that are newer than those agreed for corrections rate its kind of line otherwise."""
    before, now = each.booked_rules_version, each.booking
    known = 1 if agreed is None else agreed.corrections_rules_version
    if before is None or now.rules_version <= max(known, before):
        return False
    return changed_since(before, now.kind, now.rules_version, CHANGED_KINDS)


def _line(
    each: Correction, settled: Settlement, provider: str, causes: Causes, agreed: Agreement | None
) -> CorrectionLine:
    """It is booked where the agreement books the service by now."""
    booking = each.booking
    return CorrectionLine(
        month=booking.month,
        agreement=booking.agreement,
        provider=provider,
        service=booking.service,
        ref=booking.ref,
        name=booking.name,
        kind=booking.kind,
        vat=booking.vat,
        was_pence=each.was_pence,
        now_pence=each.now_pence,
        # A month that was issued without any line has now one by other terms.
        cause="terms" if each.cause == "first" else each.cause,
        settled=settled,
        events=causes.events,
        events_in_all=causes.in_all,
        quantity=booking.quantity,
        counts_usage=booking.counts_usage,
        rules_version=booking.rules_version,
        coding=None if agreed is None else line_coding(agreed, booking.service),
    )
