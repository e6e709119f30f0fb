"""The statement as bytes that anybody can hash: the same statement always gives the same ones.

JSON with sorted keys, no spaces, UTF-8, and only strings, integers, booleans and null in it, which is the canonical
form of RFC 8785. Decimals are strings of plain digits. The downloaded file is these bytes, so `sha256sum` of it is
the hash that pages and documents carry.
"""

import hashlib
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from billing.domain.charge_line import ChargeLine, plain, working_type
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import reason
from billing.domain.issued import CorrectionLine
from billing.domain.statement import ServiceCharges, Statement
from billing.domain.statement_vat import CorrectedVat, ProviderVat, StatementVat
from billing.domain.usage import Evidence, UnbilledUsage
from billing.domain.vat import VatTotal
from shared.contracts import codec
from shared.contracts.parties import PartyDetails
from shared.money import exact_text
from shared.period import Month

FORMAT = "tallystick-statement/1"


def canonical_json(statement: Statement) -> bytes:
    """The statement's canonical bytes."""
    return codec.canonical_json(_statement(statement))


def content_hash(statement: Statement) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_json(statement)).hexdigest()


def line_content(line: ChargeLine | CreditLine) -> dict[str, Any]:
    """One line, as in the canonical statement."""
    if isinstance(line, CreditLine):
        return _credit(line)
    workings = [
        {"type": working_type(type(working)), **_fields(working), "amount": exact_text(working.amount)}
        for working in line.workings
    ]
    amounts = {"amount_exact": exact_text(line.amount_exact), "amount_pence": line.amount_pence}
    shown = {name: value for name, value in _fields(line).items() if name != "coding"}
    return {**shown, "workings": workings, **amounts, **_coding(line)}


def _coding(line: ChargeLine | CreditLine) -> dict[str, Any]:
    """Where a line is booked; left out where no finance code is recorded."""
    return {} if line.coding is None else {"coding": field_content(line.coding)}


def _credit(line: CreditLine) -> dict[str, Any]:
    """Good and total are in `weighted_by`."""
    share = line.attained.weighed(line.objective)
    return {
        "ref": line.ref,
        "agreement": line.agreement,
        "target": line.target,
        "service": line.service,
        "cause": line.cause,
        "objective": msgspec.to_builtins(line.objective),
        "attained": msgspec.to_builtins(line.attained),
        "shortfall": field_content(line.shortfall),
        "band": msgspec.to_builtins(line.band),
        "point_gbp": line.point_gbp,
        "objective_percent": line.objective.percent,
        "weighted_by": line.objective.weighted_by,
        "good": share.good,
        "total": share.total,
        "judgement": line.judgement.value,
        "charge_pence": line.charge_pence,
        "earned_pence": line.earned_pence,
        "reductions": field_content(line.reductions),
        "forgone_pence": line.forgone_pence,
        "applied_pence": line.applied_pence,
        "reason": reason(line),
        "vat": field_content(line.vat),
        "rules_version": line.rules_version,
        **_coding(line),
        **({"is_repeated": True} if line.is_repeated else {}),
    }


def _statement(statement: Statement) -> dict[str, Any]:
    council = statement.council
    # Without credits in the agreements these fields are left out.
    credited = {
        "charges_pence": statement.charges_pence,
        "service_credits": [line_content(line) for line in statement.credits],
        "credits_pence": statement.credits_pence,
    }
    return {
        "format": FORMAT,
        "rules_version": statement.rules_version,
        "council": {"id": council.id, "name": council.name, "gss": council.gss, "party": party_content(council.party)},
        "providers": [
            {"id": provider.id, "name": provider.name, "party": party_content(provider.party)}
            for provider in statement.suppliers
        ],
        "month": str(statement.month),
        "status": statement.status,
        "illustrative": statement.illustrative,
        "agreements": field_content(statement.agreements),
        "services": [_charges(charges) for charges in statement.services],
        "total_pence": statement.total_pence,
        **_corrected(statement),
        "vat": vat_content(statement.vat),
        "gross_pence": statement.gross_pence,
        "evidence": _evidence(statement.evidence),
        "tariffs": field_content(statement.tariffs),
        **(credited if statement.credits else {}),
        **({"rectification_plans": field_content(statement.plans)} if statement.plans else {}),
        **({"issued": field_content(statement.issued)} if statement.issued else {}),
    }


def _corrected(statement: Statement) -> dict[str, Any]:
    """Without corrections of earlier months these fields are left out."""
    if not statement.corrections:
        return {}
    return {
        "corrections": [correction_content(line) for line in statement.corrections],
        "corrections_pence": statement.corrections_pence,
        "payable_pence": statement.payable_pence,
    }


def correction_content(line: CorrectionLine) -> dict[str, Any]:
    """One correction, as in the canonical documents."""
    return {**_fields(line), "difference_pence": line.difference_pence, "payable_pence": line.payable_pence}


def vat_content(vat: StatementVat) -> dict[str, Any]:
    """Where the VAT is not known it is null, and `services_without` says which services have no treatment."""
    return {
        "providers": [_provider_vat(each) for each in vat.providers],
        "services_without": list(vat.services_without),
        "vat_pence": vat.vat_pence,
        "invoices_needed": vat.invoices_needed,
    }


def _provider_vat(of: ProviderVat) -> dict[str, Any]:
    return {
        "id": of.provider,
        "totals": [_vat_total(total) for total in of.totals],
        **({"corrections": [_corrected_vat(each) for each in of.corrections]} if of.corrections else {}),
        "vat_pence": of.vat_pence,
        "invoices_needed": of.invoices_needed,
    }


def _corrected_vat(of: CorrectedVat) -> dict[str, Any]:
    return {
        **_fields(of.category),
        "month": str(of.month),
        "was_net_pence": of.was_net_pence,
        "net_pence": of.net_pence,
        "vat_pence": of.vat_pence,
    }


def _vat_total(total: VatTotal) -> dict[str, Any]:
    return {**_fields(total.category), "net_pence": total.net_pence, "vat_pence": total.vat_pence}


def party_content(party: PartyDetails | None) -> Any:
    """A party as its definition has it."""
    return msgspec.to_builtins(party)


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """Where nothing was withdrawn, that is left out."""
    shown = {"received": evidence.received, **_fields(evidence)}
    return shown if evidence.withdrawn else {name: value for name, value in shown.items() if name != "withdrawn"}


def _charges(charges: ServiceCharges) -> dict[str, Any]:
    service = charges.service
    return {
        "id": service.id,
        "name": service.name,
        "group": service.group,
        "unit": service.unit,
        "unit_name": service.unit_name,
        "counted_by": msgspec.to_builtins(service.counted_by),
        "events_counted": charges.events_counted,
        "lines": [line_content(line) for line in charges.lines],
        "total_pence": charges.total_pence,
    }


def _fields(of: Any) -> dict[str, Any]:
    """The fields of a dataclass by name."""
    return {field.name: field_content(getattr(of, field.name)) for field in fields(of)}


def field_content(value: object) -> Any:
    """A value of a field, as in the canonical documents."""
    match value:
        case Decimal():
            return plain(value)
        case date() | Month():
            return msgspec.to_builtins(value) if isinstance(value, datetime) else str(value)
        case tuple():
            return [field_content(each) for each in value]
        case None | str() | int():
            return value
        case UnbilledUsage(item=None):
            return {name: each for name, each in _fields(value).items() if name != "item"}
        case _:
            return _fields(value)
