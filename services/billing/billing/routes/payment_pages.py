"""Pages of payments: those of one statement, with the forms to record one and to take one back; and a CSV of many."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from billing.documents.view import payments_path, queries_path, statement_path
from billing.domain.payment_rows import COLUMNS, UnreadableCsv, day_of
from billing.domain.payments import Payment
from billing.domain.queries import InvalidStep
from billing.domain.statement import Statement
from billing.routes.payments import ImportReport, PaymentRequest, TakenBackRequest, imported, wanted_payment
from billing.routes.read_back import ReadBack
from billing.routes.step_forms import FormView, form_pence, require_short, step_faults
from billing.routes.steps import step_problems
from billing.statements.payments import Payments, UnknownPayment
from shared.auth.roles import Action
from shared.http import Caller, CallerScope, MonthParameter, MonthScope, PathId, requires
from shared.http.forms import FormBody, SentForm
from shared.period import Month
from shared.scope import Scope
from shared.validation import validated
from shared.web.pages import environment
from shared.web.strings import text

# received: of what is due · on-account: of more than that · written-off: nothing came
_Kind = Literal["received", "on-account", "written-off"]
_NO_STORE = {"Cache-Control": "no-store"}
_READ, _RECORD = [requires(Action.READ_FIGURES)], [requires(Action.CHECK_STATEMENT)]
# The label of each field, by its name in the form.
_LABELS = {"amount_pence": "amount", "paid_on": "paid_on", "reference": "reference", "kind": "kind"}
_BACK_LABELS = {"words": "back_words"}


@dataclass(frozen=True, slots=True)
class PaymentPages:
    """What the pages need."""

    payments: Payments
    read_back: ReadBack


def router(pages: PaymentPages) -> APIRouter:
    """`/payments`, and `/statements/{council}/{month}/payments` with its forms."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _add_recording(routes, pages)
    _add_taking_back(routes, pages)
    _add_import(routes, pages)
    return routes


def _add_recording(routes: APIRouter, pages: PaymentPages) -> None:
    path = "/statements/{council}/{month}/payments"

    @routes.get(path, dependencies=_READ)
    def payments_of_a_statement(caller: Caller, scope: MonthScope, council: PathId, month: MonthParameter) -> Response:
        """The payments of one statement, what is due of it, and for provider finance a form to record one."""
        form = FormView({"id": _new_id()})
        return _statement_page(pages, (council, month), scope, form, may_record=caller.may(Action.CHECK_STATEMENT))

    @routes.post(path, dependencies=_RECORD)
    async def send(caller: Caller, council: PathId, month: MonthParameter, form: FormBody) -> Response:
        """The payment is recorded; or the form again, with what is wrong."""
        await pages.read_back.require_for_request()

        async def record() -> None:
            wanted = wanted_payment(validated(_payment_values(form), PaymentRequest))
            await run_in_threadpool(pages.payments.record, caller, council, month, wanted)

        refused = await step_faults(record(), form, _LABELS)
        if refused is None:
            return RedirectResponse(payments_path(council, month), status_code=303, headers=_NO_STORE)
        of = council, month
        return await run_in_threadpool(_statement_page, pages, of, caller.scope, refused, may_record=True)


def _add_taking_back(routes: APIRouter, pages: PaymentPages) -> None:
    path = "/statements/{council}/{month}/payments/{payment}/withdrawal"

    @routes.get(path, dependencies=_RECORD)
    def ask(scope: CallerScope, council: PathId, month: MonthParameter, payment: PathId) -> Response:
        """Why the payment is none."""
        return _back_page(pages, (council, month, payment), scope, FormView())

    @routes.post(path, dependencies=_RECORD)
    async def send(caller: Caller, council: PathId, month: MonthParameter, payment: PathId, form: FormBody) -> Response:
        """The payment is taken back; or the form again, with what is wrong."""
        await pages.read_back.require_for_request()

        async def take_back() -> None:
            require_short(form)
            words = " ".join(form.one("words").split())
            if not words:
                raise InvalidStep("words", text("queries.no_words"))
            request = validated({"words": words}, TakenBackRequest)
            await run_in_threadpool(pages.payments.take_back, caller, council, month, payment, words=request.words)

        refused = await step_faults(take_back(), form, _BACK_LABELS)
        if refused is None:
            return RedirectResponse(payments_path(council, month), status_code=303, headers=_NO_STORE)
        return await run_in_threadpool(_back_page, pages, (council, month, payment), caller.scope, refused)


def _add_import(routes: APIRouter, pages: PaymentPages) -> None:
    @routes.get("/payments", dependencies=_RECORD)
    def ask() -> Response:
        """Where the rows of a CSV are pasted."""
        return _import_page("")

    @routes.post("/payments", dependencies=_RECORD)
    async def send(caller: Caller, form: FormBody) -> Response:
        """What became of the rows, or with `look` would; those with faults stay to be mended."""
        rows, dry_run = form.one("rows"), form.one("look") != ""
        await pages.read_back.require_for_request()
        try:
            found = await run_in_threadpool(imported, pages.payments, caller, rows.encode(), dry_run=dry_run)
        except UnreadableCsv as refused:
            return _import_page(rows, refusals=refused.faults)
        return _import_page(rows if dry_run or found.faults else "", found)


def _new_id() -> str:
    return f"p-{secrets.token_hex(6)}"


def _payment_values(form: SentForm) -> dict[str, object]:
    """The form as a `PaymentRequest`."""
    require_short(form, "reference")
    pence, day, kind = form_pence(form, "amount_pence"), day_of(form.one("paid_on")), form.one("kind")
    if not pence:
        raise InvalidStep("amount_pence", text("queries.pounds"))
    if day is None:
        raise InvalidStep("paid_on", text("payments.no_day"))
    if kind not in get_args(_Kind):
        raise InvalidStep("kind", text("payments.no_kind"))
    return {
        "id": form.one("id"),
        "amount_pence": pence,
        "paid_on": str(day),
        "reference": " ".join(form.one("reference").split()),
        "on_account": kind == "on-account",
        "written_off": kind == "written-off",
    }


def _statement_page(
    pages: PaymentPages, of: tuple[str, Month], scope: Scope, form: FormView, *, may_record: bool
) -> Response:
    council, month = of
    with step_problems():
        found = pages.payments.of_statement(council, month, scope=scope)
    # What was sent is not recorded under its id: it is that of the next try too, so that none is recorded twice.
    values = {"kind": "received", "id": _new_id(), **form.values}
    return _page(
        "payments.html",
        status=422 if form.problem or form.faults else 200,
        found=found,
        number=_number(found.statement),
        month=month,
        name=found.statement.council.name,
        form=FormView(values, form.faults, form.problem),
        labels=_LABELS,
        kinds=[(each, text(f"payments.kind_{each}")) for each in get_args(_Kind)],
        may_record=may_record and found.amounts_due.status != "not-issued",
        path=payments_path(council, month),
        queries_path=queries_path(council, month),
        statement_path=statement_path(council, month),
    )


def _back_page(pages: PaymentPages, of: tuple[str, Month, str], scope: Scope, form: FormView) -> Response:
    council, month, id_ = of
    with step_problems():
        found = pages.payments.of_statement(council, month, scope=scope)
        payment: Payment | None = next((each for each in found.payments if each.id == id_), None)
        if payment is None:
            raise UnknownPayment(id_)
    return _page(
        "payment_back.html",
        status=422 if form.problem or form.faults else 200,
        payment=payment,
        month=month,
        name=found.statement.council.name,
        form=form,
        labels=_BACK_LABELS,
        path=payments_path(council, month),
    )


def _import_page(rows: str, found: ImportReport | None = None, refusals: Sequence[str] = ()) -> Response:
    values: Mapping[str, Any] = {"rows": rows, "found": found, "refusals": refusals, "columns": COLUMNS}
    status = 422 if refusals or (found is not None and found.faults) else 200
    return _page("payments_import.html", status=status, **values)


def _number(statement: Statement) -> str:
    return "" if statement.issued is None else statement.issued.number


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    content = environment("billing").get_template(template).render(**values)
    return HTMLResponse(content, status_code=status, headers=_NO_STORE)
