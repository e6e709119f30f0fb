"""Which corrections may be booked: a release that rates otherwise reprices nothing until the difference is approved.

What other rules do to a booked line cannot be separated from what changed since, and discounts, limits and credits
follow from the line. So where any such line comes out otherwise, all corrections of the council wait together, and one
digest stands for them. Approving it approves what was shown and no more.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from billing.domain.charge_line import plain
from billing.domain.corrections import Correction
from billing.domain.rules import CHANGED_KINDS, changed_since
from shared.contracts import codec
from shared.money import format_gbp_prose


@dataclass(frozen=True, slots=True)
class HeldRepricing:
    """Corrections of a council that wait for approval, because some reprice what was booked by other rules."""

    council: str
    corrections: tuple[Correction, ...]

    @property
    def change_pence(self) -> int:
        """What booking them would add."""
        return sum(each.booking.amount_pence for each in self.corrections)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of all of them, in hexadecimal: the name under which they are approved."""
        content = {"council": self.council, "corrections": [_content(each) for each in self.corrections]}
        return hashlib.sha256(codec.canonical_json(content)).hexdigest()

    @property
    def sentence(self) -> str:
        """What waits, why, and how to let it go on."""
        now = max(each.booking.rules_version for each in self.corrections)
        others = {each.booked_rules_version for each in self.corrections} - {now, None}
        versions = ", ".join(sorted(map(str, others)))
        count, change = len(self.corrections), format_gbp_prose(self.change_pence)
        waiting, waits = ("1 correction", "waits") if count == 1 else (f"{count} corrections", "wait")
        return (
            f"{waiting} of {self.council}, {change} in all, {waits}: what was booked by the rules of rating {versions}"
            f" comes out otherwise by {now}. Nothing booked is repriced until {self.digest} is approved."
        )


@dataclass(frozen=True, slots=True)
class BookingDecision:
    """What is to be booked now, and what waits; None where nothing does."""

    cleared: tuple[Correction, ...]
    held: HeldRepricing | None = None


def decide(
    council: str,
    corrections: Sequence[Correction],
    *,
    approved: Set[str],
    changed: Mapping[int, frozenset[str]] = CHANGED_KINDS,
) -> BookingDecision:
    """What to book of a council's corrections, given the digests that were `approved`.

    Months that were not booked before are booked at once: nothing in them is repriced. `changed` says which kinds of
    line each version of the rules rates otherwise.
    """
    waiting = tuple(each for each in corrections if each.cause != "first")
    if not any(_reprices(each, changed) for each in waiting):
        return BookingDecision(tuple(corrections))
    held = HeldRepricing(council, waiting)
    if held.digest in approved:
        return BookingDecision(tuple(corrections))
    return BookingDecision(tuple(each for each in corrections if each.cause == "first"), held)


def _reprices(each: Correction, changed: Mapping[int, frozenset[str]]) -> bool:
    """Whether the line was booked by rules that rate its kind otherwise."""
    before, now = each.booked_rules_version, each.booking
    return before is not None and changed_since(before, now.kind, now.rules_version, changed)


def _content(each: Correction) -> dict[str, Any]:
    booking = each.booking
    return {
        "month": str(booking.month),
        "agreement": booking.agreement,
        "service": booking.service,
        "ref": booking.ref,
        "vat": None if booking.vat is None else [booking.vat.treatment, plain(booking.vat.rate_percent)],
        "quantity": plain(booking.quantity),
        "was_pence": each.was_pence,
        "now_pence": each.now_pence,
        "cause": each.cause,
        "rules_versions": [each.booked_rules_version, booking.rules_version],
    }
