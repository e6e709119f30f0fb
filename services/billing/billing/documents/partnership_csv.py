"""A partnership's month as CSV: of each member the finest rows that it shows. The column amount_gbp adds up."""

import codecs
import csv
import io
from collections.abc import Iterator

from billing.domain.charge_line import ChargeLine, plain
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import reason
from billing.domain.partnership_recharges import MemberRecharge, PartnershipRecharges
from shared.csv_cells import escape_formula
from shared.money import plain_gbp

COLUMNS = (
    "partnership",
    "month",
    "status",
    "illustrative",
    "council",
    "council_name",
    "agreement",
    "members_see",
    "kind",
    "service",
    "charge",
    "quantity",
    "unit",
    "working",
    "amount_gbp",
)
_Cells = tuple[str, ...]


def partnership_csv(recharges: PartnershipRecharges) -> bytes:
    """In UTF-8, for programs. The amounts of a member add up to its total before VAT: credits are below 0."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for member in recharges.members:
        writer.writerows((*_head(member, recharges), *cells) for cells in _rows(member))
    return written.getvalue().encode()


def partnership_csv_file(recharges: PartnershipRecharges) -> bytes:
    """The same for spreadsheets, with the mark that tells Excel the encoding."""
    return codecs.BOM_UTF8 + partnership_csv(recharges)


def _head(member: MemberRecharge, of: PartnershipRecharges) -> _Cells:
    return (
        of.partnership.id,
        str(of.month),
        of.status,
        "yes" if member.illustrative else "no",
        member.council.id,
        escape_formula(member.council.name),
        member.agreement.id,
        member.sees,
    )


def _rows(member: MemberRecharge) -> Iterator[_Cells]:
    if member.services is None:
        yield "charges", "", "", "", "", "", plain_gbp(member.charges_pence)
    elif member.lines is None:
        for each in member.services:
            yield "service", each.service.id, "", "", "", "", plain_gbp(each.charges_pence)
    else:
        yield from map(_charge, member.lines)
    if member.credits is None:
        yield "credits", "", "", "", "", "", plain_gbp(-member.credits_pence)
    else:
        yield from map(_credit, member.credits)


def _charge(line: ChargeLine) -> _Cells:
    working = "; ".join(working.formula for working in line.workings)
    amount = plain_gbp(line.amount_pence)
    return line.kind, line.service, escape_formula(line.charge), plain(line.quantity), line.unit, working, amount


def _credit(line: CreditLine) -> _Cells:
    label = f"Service credit: {line.target}"
    return "service-credit", line.service, label, "", "", reason(line), plain_gbp(-line.applied_pence)
