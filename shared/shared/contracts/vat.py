"""VAT as the catalogue records it: the rates in force from a date, and how an agreement's services are treated.

Nothing here decides how a service is treated: councils take advice and record the answer with its reason.
"""

from datetime import date
from typing import Literal

from msgspec import Struct

from shared.contracts.scalars import Percent, Title

VatTreatment = Literal["standard", "reduced", "zero", "exempt", "outside-scope"]
# Of these no VAT is due, whatever the rates are.
WITHOUT_VAT: tuple[VatTreatment, ...] = ("zero", "exempt", "outside-scope")


class VatRates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The standard and the reduced rate in force from a date until the next entry's, and where they are published."""

    effective_from: date
    standard_percent: Percent
    reduced_percent: Percent
    source: Title

    def percent_of(self, treatment: VatTreatment) -> str:
        """The rate of a treatment; "0" where no VAT is due."""
        if treatment in WITHOUT_VAT:
            return "0"
        return self.standard_percent if treatment == "standard" else self.reduced_percent
