"""Routes by which the provider's finance records payments of statements, one by one or from a CSV."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from billing.domain.amounts_due import AmountsDue
from billing.domain.payment_rows import RowFault, UnreadableCsv, payment_rows
from billing.domain.payments import Payment, WantedPayment
from billing.routes.queries import StepId
from billing.routes.read_back import ReadBack
from billing.routes.steps import step_problems
from billing.statements.payments import Imported, Payments
from shared.auth.roles import Action
from shared.contracts.statements import AboveNothing, Words
from shared.faults import Fault
from shared.http import (
    Caller,
    Json,
    JsonBody,
    MonthParameter,
    MonthScope,
    PathId,
    Problem,
    answers,
    json_request_body,
    json_responses,
    read_as,
    refuses,
    requires,
)
from shared.http.bodies import read_body
from shared.http.media_types import content_type
from shared.http.problem_types import CONFLICT, INVALID_REQUEST

CSV_TYPE = "text/csv"


class PaymentRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A payment under an id of the sender's choice: sending the same again changes nothing.

    `reference` is the payer's or the bank's. More than is still to be paid is refused unless `on_account`; of what is
    `written_off` nothing was received, for the reason in `reference`.
    """

    id: StepId
    amount_pence: AboveNothing
    paid_on: date
    reference: Words = ""
    on_account: bool = False
    written_off: bool = False


class TakenBackRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a payment that was recorded is none."""

    words: Annotated[Words, Meta(min_length=1)]


class PaymentReport(Struct, frozen=True):
    """A payment as it stands. `withdrawn` says why it was taken back; None while it counts."""

    council: str
    month: str
    id: str
    number: str
    amount_pence: int
    paid_on: date
    reference: str
    on_account: bool
    written_off: bool
    recorded_by: str
    recorded_at: str
    withdrawn: str | None
    withdrawn_by: str | None


class PaymentsReport(Struct, frozen=True):
    """The payments of one statement, in the order of recording, and what is still to be paid of it."""

    payments: tuple[PaymentReport, ...]
    amounts_due: AmountsDue


class ImportReport(Struct, frozen=True):
    """What became of the rows of a CSV, or in a dry run would. `known` were recorded before and change nothing."""

    dry_run: bool
    rows: int
    recorded: int
    recorded_pence: int
    known: int
    faults: tuple[RowFault, ...]


TYPES = (PaymentRequest, TakenBackRequest, PaymentReport, PaymentsReport, ImportReport)
_READ, _RECORD = [requires(Action.READ_FIGURES)], [requires(Action.CHECK_STATEMENT)]
DryRun = Annotated[bool, Query(description="nothing is recorded; the answer is the same")]


def router(payments: Payments, read_back: ReadBack) -> APIRouter:
    """The payments of a statement, and `/v1/payments`, which reads a CSV."""
    routes = APIRouter(tags=["billing"])
    _add_one(routes, payments, read_back)
    _add_import(routes, payments, read_back)
    return routes


def _add_one(routes: APIRouter, payments: Payments, read_back: ReadBack) -> None:
    base = "/v1/statements/{council}/{month}/payments"

    @routes.get(base, dependencies=_READ, responses=answers(PaymentsReport))
    def list_payments_of_statement(caller: MonthScope, council: PathId, month: MonthParameter) -> Json:
        """The payments of one statement, also those that were taken back, and what is still to be paid."""
        with step_problems():
            found = payments.of_statement(council, month, scope=caller)
        return Json(PaymentsReport(tuple(map(report, found.payments)), found.amounts_due))

    @routes.post(
        base,
        dependencies=_RECORD,
        status_code=201,
        responses=json_responses(PaymentReport, {201: "The payment"}) | refuses(CONFLICT),
        openapi_extra=json_request_body(PaymentRequest),
    )
    async def record_payment(caller: Caller, council: PathId, month: MonthParameter, body: JsonBody) -> Json:
        """A payment of all or a part of an issued statement is recorded."""
        wanted = wanted_payment(read_as(body, PaymentRequest))
        await read_back.require_for_request()
        with step_problems():
            return Json(
                report(await run_in_threadpool(payments.record, caller, council, month, wanted)), status_code=201
            )

    @routes.post(
        f"{base}/{{payment}}/withdrawal",
        dependencies=_RECORD,
        responses=answers(PaymentReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(TakenBackRequest),
    )
    async def withdraw_payment(
        caller: Caller, council: PathId, month: MonthParameter, payment: PathId, body: JsonBody
    ) -> Json:
        """A payment that was recorded by mistake is taken back; its id is not used again."""
        words = read_as(body, TakenBackRequest).words
        await read_back.require_for_request()
        with step_problems():
            found = await run_in_threadpool(payments.take_back, caller, council, month, payment, words=words)
        return Json(report(found))


def _add_import(routes: APIRouter, payments: Payments, read_back: ReadBack) -> None:
    @routes.post(
        "/v1/payments",
        dependencies=_RECORD,
        responses=answers(ImportReport),
        openapi_extra={"requestBody": {"required": True, "content": {CSV_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def import_payments(request: Request, caller: Caller, *, dry_run: DryRun = False) -> Json:
        """The payments of a CSV are recorded: each row that has no fault, and none twice."""
        content_type(request, [CSV_TYPE])
        content = await read_body(request)
        await read_back.require_for_request()
        try:
            return Json(await run_in_threadpool(imported, payments, caller, content, dry_run=dry_run))
        except UnreadableCsv as fault:
            raise Problem(INVALID_REQUEST, faults=[Fault((), each) for each in fault.faults]) from fault


def imported(payments: Payments, caller: Caller, content: bytes, *, dry_run: bool) -> ImportReport:
    """What became of the CSV. Raises `UnreadableCsv`."""
    rows, faults = payment_rows(content)
    return import_report(payments.import_rows(caller, rows, dry_run=dry_run), faults, dry_run=dry_run)


def import_report(found: Imported, faults: list[RowFault], *, dry_run: bool) -> ImportReport:
    """What became of the rows, with the `faults` of those that were none."""
    wrong = sorted([*faults, *found.faults], key=lambda fault: (fault.line, fault.column))
    lines = {fault.line for fault in wrong}
    return ImportReport(
        dry_run=dry_run,
        rows=len(found.recorded) + found.known + len(lines),
        recorded=len(found.recorded),
        recorded_pence=sum(each.amount_pence for each in found.recorded),
        known=found.known,
        faults=tuple(wrong),
    )


def wanted_payment(request: PaymentRequest) -> WantedPayment:
    """What the request asks for."""
    return WantedPayment(
        id=request.id,
        amount_pence=request.amount_pence,
        paid_on=request.paid_on,
        reference=request.reference,
        on_account=request.on_account,
        written_off=request.written_off,
    )


def report(payment: Payment) -> PaymentReport:
    """The payment as the API shows it."""
    return PaymentReport(
        council=payment.council,
        month=payment.month,
        id=payment.id,
        number=payment.number,
        amount_pence=payment.amount_pence,
        paid_on=payment.paid_on,
        reference=payment.reference,
        on_account=payment.on_account,
        written_off=payment.written_off,
        recorded_by=payment.recorded_by,
        recorded_at=payment.recorded_at.isoformat(),
        withdrawn=payment.withdrawn,
        withdrawn_by=payment.withdrawn_by,
    )
