"""A partnership's month as JSON: what is not shown is null, never 0."""

from collections.abc import Sequence
from typing import Any

from billing.domain.canonical import line_content
from billing.domain.charge_line import ChargeLine, plain
from billing.domain.credits.credit_line import CreditLine
from billing.domain.partnership_recharges import MemberRecharge, PartnershipRecharges, percent_of
from shared.contracts import codec


def partnership_json(recharges: PartnershipRecharges) -> bytes:
    """The month's canonical bytes."""
    return codec.canonical_json(
        {
            "partnership": {"id": recharges.partnership.id, "name": recharges.partnership.name},
            "month": str(recharges.month),
            "status": recharges.status,
            "illustrative": recharges.illustrative,
            "members": [_member(member, recharges) for member in recharges.members],
            "not_shown": list(recharges.not_shown),
            "total_pence": recharges.total_pence,
        }
    )


def _member(member: MemberRecharge, of: PartnershipRecharges) -> dict[str, Any]:
    return {
        "council": member.council.id,
        "council_name": member.council.name,
        "agreement": member.agreement.id,
        "agreement_title": member.agreement.title,
        "provider": member.agreement.provider,
        "sees": member.sees,
        "illustrative": member.illustrative,
        "charges_pence": member.charges_pence,
        "credits_pence": member.credits_pence,
        "total_pence": member.total_pence,
        "share_percent": _percent(member.total_pence, of.total_pence),
        "services": _services(member, of),
        "lines": None if member.lines is None else _lines(member.lines),
        "service_credits": None if member.credits is None else _lines(member.credits),
    }


def _lines(lines: Sequence[ChargeLine | CreditLine]) -> list[dict[str, Any]]:
    """As in the statement but for VAT and finance codes, which are the council's own business."""
    own = ("vat", "coding")
    return [{name: value for name, value in line_content(line).items() if name not in own} for line in lines]


def _services(member: MemberRecharge, of: PartnershipRecharges) -> list[dict[str, Any]] | None:
    if member.services is None:
        return None
    totals = of.charges_by_service
    return [
        {
            "id": each.service.id,
            "name": each.service.name,
            "charges_pence": each.charges_pence,
            "share_percent": _percent(each.charges_pence, totals[each.service.id]),
        }
        for each in member.services
    ]


def _percent(pence: int, total_pence: int) -> str | None:
    percent = percent_of(pence, total_pence)
    return None if percent is None else plain(percent)
