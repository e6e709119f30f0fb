"""A statement read back from its canonical bytes: what was issued is shown from these, and never computed again.

Everything that a page, a document or a checker shows of a statement is in the bytes; figures that follow from others
(sums, VAT, the reason for a credit) are computed from them again, so that bytes that contradict themselves do not give
the same bytes back. Law: `canonical_json(statement_of(content)) == content`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from billing.domain.canonical import FORMAT, canonical_json
from billing.domain.charge_line import ChargeLine, Working
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.rectification import RectificationPlan
from billing.domain.issued import BookedNet, CorrectionLine, Issued
from billing.domain.rating.pipeline import WORKINGS
from billing.domain.statement import (
    ServiceCharges,
    Statement,
    StatementAgreement,
    StatementTariff,
    Status,
)
from billing.domain.usage import Evidence
from billing.domain.vat import VatCategory
from shared.contracts.definitions import Council, Provider, Service
from shared.period import Month

_SERVICE = ("id", "name", "group", "unit", "unit_name", "counted_by")


class UnreadableStatement(ValueError):
    """The bytes are no canonical statement of this format; the message says what is wrong with them."""


def statement_of(content: bytes) -> Statement:
    """The statement in canonical bytes. Raises `UnreadableStatement`, also where they contradict themselves."""
    try:
        read = msgspec.json.decode(content, type=dict[str, Any])
        is_known = read.get("format") == FORMAT
        statement = _statement(read) if is_known else None
        written = None if statement is None else canonical_json(statement)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, ValueError) as fault:
        raise UnreadableStatement(f"the statement cannot be read: {fault}") from fault
    if statement is None:
        raise UnreadableStatement(f"expected a statement in the format {FORMAT}")
    if written != content:
        raise UnreadableStatement("the statement contradicts itself: its sums do not follow from its lines")
    return statement


def _statement(read: Mapping[str, Any]) -> Statement:
    council, providers = read["council"], read["providers"]
    return Statement(
        council=_as(Council, _given(council)),
        month=Month.parse(read["month"]),
        status=_as(Status, read["status"]),
        agreements=_as(tuple[StatementAgreement, ...], read["agreements"]),
        services=tuple(_charges(each) for each in read["services"]),
        evidence=_as(Evidence, read["evidence"]),
        tariffs=_as(tuple[StatementTariff, ...], read["tariffs"]),
        credits=_as(tuple[CreditLine, ...], read.get("service_credits", ())),
        plans=_as(tuple[RectificationPlan, ...], _with_month(read.get("rectification_plans", ()), "reached_in")),
        suppliers=tuple(_as(Provider, _given(each)) for each in providers),
        corrections=corrections_in(read),
        booked_nets=booked_nets_in(read),
        issued=_as(Issued | None, read.get("issued")),
        rules_version=_as(int, read["rules_version"]),
    )


def corrections_in(read: Mapping[str, Any]) -> tuple[CorrectionLine, ...]:
    """The corrections of a canonical document."""
    found: tuple[CorrectionLine, ...] = _as(
        tuple[CorrectionLine, ...], _with_month(read.get("corrections", ()), "month")
    )
    return found


def booked_nets_in(read: Mapping[str, Any]) -> tuple[BookedNet, ...]:
    """What was booked before the corrections of a canonical document."""
    return tuple(
        BookedNet(
            Month.parse(each["month"]),
            of_provider["id"],
            _as(VatCategory, each),
            each["was_net_pence"],
        )
        for of_provider in read["vat"]["providers"]
        for each in of_provider.get("corrections", ())
    )


def _charges(read: Mapping[str, Any]) -> ServiceCharges:
    service = _as(Service, {name: read[name] for name in _SERVICE})
    return ServiceCharges(service, read["events_counted"], tuple(_line(each) for each in read["lines"]))


def _line(read: Mapping[str, Any]) -> ChargeLine:
    line: ChargeLine = _as(ChargeLine, {**read, "workings": ()})
    return replace(line, workings=tuple(_working(each) for each in read["workings"]))


def _working(read: Mapping[str, Any]) -> Working:
    working: Working = _as(WORKINGS[read["type"]], read)
    return working


def _given(read: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in read.items() if value is not None}


def _with_month(rows: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """The rows, with the text of a month as the two numbers that it is read from."""
    return [{**row, name: msgspec.to_builtins(Month.parse(row[name]))} for row in rows]


def _as(kind: Any, read: object) -> Any:
    return msgspec.convert(read, kind)
