"""Finance codes of a line: where the council books it.

The codes are the council's own. They decide no amount, so that a changed code corrects nothing that was booked.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class LineCoding:
    """Where a line is booked; a code that is not recorded is empty. `illustrative` codes are of no council's ledger."""

    cost_centre: str = ""
    ledger_code: str = ""
    purchase_order: str = ""
    illustrative: bool = False
