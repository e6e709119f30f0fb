"""The statement as bytes that anybody can hash: the same statement always gives the same ones.

JSON with sorted keys, no spaces, UTF-8, and only strings, integers, booleans and null in it, which is the canonical
form of RFC 8785. Decimals are strings of plain digits. The downloaded file is these bytes, so `sha256sum` of it is
the hash that pages and documents carry.
"""

import hashlib
import json
from typing import Any, assert_never

from billing.domain.charge_line import ChargeLine, ProratedMonth, TierStep, Working, exact_text, plain
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import reason
from billing.domain.statement import Evidence, ServiceCharges, Statement

FORMAT = "tallystick-statement/1"


def canonical_json(statement: Statement) -> bytes:
    """The statement's canonical bytes."""
    return json.dumps(_statement(statement), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(statement: Statement) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_json(statement)).hexdigest()


def line_content(line: ChargeLine) -> dict[str, Any]:
    """One line, as it stands in the canonical statement."""
    return {
        "ref": line.ref,
        "agreement": line.agreement,
        "tariff": line.tariff,
        "tariff_version": line.tariff_version,
        "charge": line.charge,
        "kind": line.kind,
        "first_day": line.first_day.isoformat(),
        "end_day": line.end_day.isoformat(),
        "narrative": line.narrative,
        "quantity": plain(line.quantity),
        "unit": line.unit,
        "workings": [_working(working) for working in line.workings],
        "amount_exact": exact_text(line.amount_exact),
        "amount_pence": line.amount_pence,
        "absence": line.absence,
    }


def credit_content(line: CreditLine) -> dict[str, Any]:
    """One line of service credits, as it stands in the canonical statement. Good and total are in `weighted_by`."""
    by_value = line.objective.weighted_by == "value"
    attained = line.attained
    return {
        "ref": line.ref,
        "agreement": line.agreement,
        "target": line.target,
        "service": line.service,
        "objective_percent": line.objective.percent,
        "weighted_by": line.objective.weighted_by,
        "good": attained.good_pence if by_value else attained.good,
        "total": attained.total_pence if by_value else attained.total,
        "judgement": line.judgement.value,
        "charge_pence": line.charge_pence,
        "earned_pence": line.earned_pence,
        "reductions": [{"limit": cut.limit, "pence": cut.pence} for cut in line.reductions],
        "forgone_pence": line.forgone_pence,
        "applied_pence": line.applied_pence,
        "reason": reason(line),
    }


def _statement(statement: Statement) -> dict[str, Any]:
    council = statement.council
    # Where no credits are promised nothing is said of them, so that such statements keep their hashes.
    credited = {
        "charges_pence": statement.charges_pence,
        "service_credits": [credit_content(line) for line in statement.credits],
        "credits_pence": statement.credits_pence,
    }
    return {
        "format": FORMAT,
        "council": {"id": council.id, "name": council.name, "gss": council.gss},
        "month": str(statement.month),
        "status": statement.status,
        "illustrative": statement.illustrative,
        "agreements": [
            {
                "id": under.id,
                "version": under.version,
                "title": under.title,
                "provider": under.provider,
                "provider_name": under.provider_name,
            }
            for under in statement.agreements
        ],
        "services": [_charges(charges) for charges in statement.services],
        "total_pence": statement.total_pence,
        "evidence": _evidence(statement.evidence),
        **(credited if statement.credits else {}),
    }


def _charges(charges: ServiceCharges) -> dict[str, Any]:
    service = charges.service
    return {
        "id": service.id,
        "name": service.name,
        "group": service.group,
        "unit": service.unit,
        "unit_name": service.unit_name,
        "counted_by": service.counted_by,
        "facts_counted": charges.facts_counted,
        "lines": [line_content(line) for line in charges.lines],
        "total_pence": charges.total_pence,
    }


def _working(working: Working) -> dict[str, Any]:
    match working:
        case ProratedMonth(days=days, of_days=of_days, price=price):
            return {"days": days, "of_days": of_days, "price": plain(price), "amount": exact_text(working.amount)}
        case TierStep(above=above, up_to=up_to, quantity=quantity, price=price):
            return {
                "above": plain(above),
                "up_to": None if up_to is None else plain(up_to),
                "quantity": plain(quantity),
                "price": plain(price),
                "amount": exact_text(working.amount),
            }
        case _:
            assert_never(working)


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "heard": evidence.heard,
        "counted": evidence.counted,
        "reversed": evidence.reversed,
        "accepted": evidence.accepted,
        "set_aside": [
            {
                "reason": aside.reason,
                "service": aside.service,
                "facts": aside.facts,
                "quantity": plain(aside.quantity),
            }
            for aside in evidence.set_aside
        ],
        "tariffs": [
            {
                "id": tariff.id,
                "version": tariff.version,
                "name": tariff.name,
                "effective_from": tariff.effective_from.isoformat(),
                "illustrative": tariff.illustrative,
            }
            for tariff in evidence.tariffs
        ],
    }
