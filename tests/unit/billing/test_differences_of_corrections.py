"""The second way to a draft's sums agrees with the first where earlier months are corrected, to the penny of VAT."""

from dataclasses import replace
from decimal import Decimal

import pytest

from billing.domain.differences import arithmetic_differences
from billing.domain.issued import BookedNet
from billing.domain.statement import Statement
from billing.domain.vat import VatCategory
from tests.support.whole_statement import issued
from tests.unit.billing.test_sealed import CORRECTION

STANDARD = VatCategory("standard", Decimal(20))


def corrected(change_pence: int, booked_pence: int) -> Statement:
    """A correction of a month of which so much was booked in its category."""
    line = replace(CORRECTION, was_pence=booked_pence, now_pence=booked_pence + change_pence)
    booked = BookedNet(line.month, line.provider, STANDARD, booked_pence)
    return replace(issued(), corrections=(line,), booked_nets=(booked,))


@pytest.mark.parametrize("booked_pence", range(20))
@pytest.mark.parametrize("change_pence", [-3, -1, 1, 2, 3])
def test_a_correction_of_pennies_is_no_difference(change_pence: int, booked_pence: int) -> None:
    assert list(arithmetic_differences(corrected(change_pence, booked_pence))) == []
