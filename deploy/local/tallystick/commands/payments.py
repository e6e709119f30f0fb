"""`tallystick payments`: what councils have paid of their statements."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.money import format_gbp
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.authorisation import confirm, local_principal
from tallystick.console import EXIT_INVALID, answer, fail, plain_table
from tallystick.options import CouncilArgument, Json, MonthArgument, Yes, input_file, read_day, read_pounds
from tallystick.servers import service_api
from tallystick.statement_steps import here, stepped

if TYPE_CHECKING:
    from billing.app import BillingApp
    from billing.routes.payments import ImportReport, PaymentReport

T = TypeVar("T")
app = typer.Typer(add_completion=False)

PaymentId = Annotated[str, typer.Argument(metavar="PAYMENT", help="Its id, unique among those of the council.")]
_HEADINGS = ("Payment", "Paid on", "Amount", "Reference", "State")


@app.command("list")
def list_payments(council: CouncilArgument, month: MonthArgument, as_json: Json = False) -> None:
    """The payments of a statement are printed, and what is still to be paid."""
    from billing.routes.payments import PaymentsReport, report

    if (api := service_api(f"GET /v1/statements/{council}/{month}/payments")) is not None:
        found = _decoded(api.get("statements", council, str(month), "payments"), PaymentsReport)
    else:

        def read(billing: "BillingApp") -> PaymentsReport:
            paid = billing.payments.of_statement(council, month, scope=Scope.all())
            return PaymentsReport(tuple(map(report, paid.payments)), paid.amounts_due)

        found = here(read)
    table = plain_table(_HEADINGS, map(_cells, found.payments), right=("Amount",)) if found.payments else []
    due = f"{found.amounts_due.status}: {format_gbp(found.amounts_due.due_pence)} due now"
    held = f", {format_gbp(found.amounts_due.held_pence)} held by queries" if found.amounts_due.held_pence else ""
    answer(found, [*table, f"{due}{held}."], as_json=as_json)


@app.command()
def record(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    council: CouncilArgument,
    month: MonthArgument,
    payment: PaymentId,
    amount: Annotated[int, typer.Argument(parser=read_pounds, metavar="POUNDS", help="For example 1234.50.")],
    paid_on: Annotated[date, typer.Option("--paid-on", parser=read_day, metavar="DATE", help="As the bank has it.")],
    reference: Annotated[str, typer.Option("--reference", help="The payer's or the bank's.")] = "",
    on_account: Annotated[bool, typer.Option("--on-account", help="More than is to be paid was really paid.")] = False,
    written_off: Annotated[
        bool, typer.Option("--written-off", help="Nothing was received: it is asked for no longer.")
    ] = False,
    as_json: Json = False,
) -> None:
    """A payment of all or a part of an issued statement is recorded, once however often it is run."""
    from billing.routes.payments import PaymentReport, PaymentRequest, report, wanted_payment
    from shared.validation import InvalidValue, validated

    body = {
        "id": payment,
        "amount_pence": amount,
        "paid_on": paid_on.isoformat(),
        "reference": reference,
        "on_account": on_account,
        "written_off": written_off,
    }
    try:
        wanted = validated(body, PaymentRequest)
    except InvalidValue as refused:
        raise typer.BadParameter(str(refused)) from refused
    if (api := service_api(f"POST /v1/statements/{council}/{month}/payments")) is not None:
        found = _decoded(api.post("statements", council, str(month), "payments", body=wanted), PaymentReport)
    else:
        by = local_principal()
        found = stepped(lambda billing: report(billing.payments.record(by, council, month, wanted_payment(wanted))))
    answer(found, [f"{found.id} is recorded: {format_gbp(found.amount_pence)} of {found.number}."], as_json=as_json)


@app.command("take-back")
def take_back(  # noqa: PLR0917 (as `record`)
    council: CouncilArgument,
    month: MonthArgument,
    payment: PaymentId,
    reason: Annotated[str, typer.Option("--reason", help="Why. It is kept for ever.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """A payment that was recorded by mistake counts no longer; its id is not used again."""
    from billing.routes.payments import PaymentReport, TakenBackRequest, report

    confirm(f"Take payment {payment} back?", yes=yes)
    if (api := service_api(f"POST /v1/statements/{council}/{month}/payments/{payment}/withdrawal")) is not None:
        path = "statements", council, str(month), "payments", payment, "withdrawal"
        found = _decoded(api.post(*path, body=TakenBackRequest(reason)), PaymentReport)
    else:
        by = local_principal()
        found = stepped(lambda billing: report(billing.payments.take_back(by, council, month, payment, words=reason)))
    answer(found, [f"{found.id} is taken back."], as_json=as_json)


@app.command("import")
def import_payments(
    file: Annotated[Path, input_file("CSV with the columns number, amount, paid_on, reference, payment.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be recorded; nothing is.")] = False,
    as_json: Json = False,
) -> None:
    """The rows of a CSV are recorded, each once however often; exit code 2 where a row has a fault."""
    from billing.domain.payment_rows import UnreadableCsv, payment_rows
    from billing.routes.payments import CSV_TYPE, ImportReport, import_report

    content = _content(file)
    if (api := service_api("POST /v1/payments")) is not None:
        query = {"dry_run": str(dry_run).lower()}
        found = _decoded(api.send("payments", body=content, media_type=CSV_TYPE, query=query), ImportReport)
    else:
        try:
            rows, faults = payment_rows(content)
        except UnreadableCsv as fault:
            fail("\n".join(f"{file}: {each}." for each in fault.faults), do="Nothing was recorded.")
        by = local_principal()
        found = stepped(
            lambda billing: import_report(
                billing.payments.import_rows(by, rows, dry_run=dry_run), faults, dry_run=dry_run
            )
        )
    answer(found, list(_lines(found)), as_json=as_json)
    if found.faults:
        raise typer.Exit(EXIT_INVALID)


def _content(file: Path) -> bytes:
    """What is in the file; ends the command where it is longer than any such CSV."""
    from shared.http.bodies import MAX_BODY_BYTES

    with file.open("rb") as opened:
        content = opened.read(MAX_BODY_BYTES + 1)
    if len(content) > MAX_BODY_BYTES:
        fail(f"{file} is longer than {MAX_BODY_BYTES:,} bytes.", do="Nothing was recorded. Import it in parts.")
    return content


def _lines(found: "ImportReport") -> Iterator[str]:
    yield from (f"line {fault.line}, {fault.column}: {fault.message}" for fault in found.faults)
    done = "would be recorded" if found.dry_run else "recorded"
    wrong = len({fault.line for fault in found.faults})
    yield (
        f"{counted(found.rows, 'row')}: {found.recorded} {done} ({format_gbp(found.recorded_pence)}), "
        f"{found.known} known before, {wrong} with faults."
    )


def _decoded(content: bytes, expected: type[T]) -> T:
    import msgspec

    return msgspec.json.decode(content, type=expected)


def _cells(payment: "PaymentReport") -> tuple[str, ...]:
    state = "written off" if payment.written_off else "on account" if payment.on_account else "counts"
    taken = f"taken back: {payment.withdrawn}" if payment.withdrawn is not None else state
    return payment.id, str(payment.paid_on), format_gbp(payment.amount_pence), payment.reference, taken
