"""`tallystick query`: what councils query of their statements, and what the provider answers."""

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.clock import WallClock
from shared.money import format_gbp
from shared.scope import Scope
from tallystick.authorisation import confirm, local_principal
from tallystick.console import answer, plain_table
from tallystick.options import CouncilArgument, Json, MonthArgument, Yes, read_pounds
from tallystick.servers import service_api
from tallystick.statement_steps import here, stepped

if TYPE_CHECKING:
    from billing.routes.queries import QueryReport

T = TypeVar("T")
app = typer.Typer(add_completion=False)

QueryId = Annotated[str, typer.Argument(metavar="QUERY", help="As `tallystick query list` shows it.")]
Words = Annotated[str, typer.Option("--words", help="In a sentence. It is kept for ever.")]
_HEADINGS = ("Council", "Month", "Query", "State", "Answer by", "Held", "About", "Words")
_MOST = 200


@app.command("list")
def list_queries(as_json: Json = False) -> None:
    """Every query is printed, the open ones first; the first 200 of those on servers."""
    from billing.routes.queries import QueryReport, report

    if (api := service_api("GET /v1/queries")) is not None:
        found = api.items("queries", query={"limit": str(_MOST)}, of=QueryReport)
    else:
        found = here(
            lambda billing: [report(each, billing.queries.today()) for each in billing.queries.all(scope=Scope.all())]
        )
    lines = plain_table(_HEADINGS, map(_cells, found), right=("Held",)) if found else ["There are no queries."]
    answer(found, lines, as_json=as_json)


@app.command("raise")
def raise_query(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    council: CouncilArgument,
    month: MonthArgument,
    words: Words,
    line: Annotated[str | None, typer.Option(help="The line, by its reference in the statement's JSON.")] = None,
    stream: Annotated[str | None, typer.Option(help="What the item is: ticket, work or service (an outage).")] = None,
    item: Annotated[str | None, typer.Option(help="The item whose verdict is queried.")] = None,
    held: Annotated[
        int | None, typer.Option("--held", parser=read_pounds, metavar="POUNDS", help="How much is held, before VAT.")
    ] = None,
    query_id: Annotated[str | None, typer.Option("--id", help="Its id, if it is to have one of your own.")] = None,
    as_json: Json = False,
) -> None:
    """A line, or an item's verdict, is queried; what the query holds is not due until the answer."""
    from billing.routes.queries import QueryReport, QueryRequest, report, wanted_query
    from shared.validation import InvalidValue, validated

    given = {"line": line, "stream": stream, "item": item, "held_pence": held}
    body = {
        "id": query_id or f"q-{WallClock().now():%Y%m%dT%H%M%SZ}",
        "words": words,
        **{name: value for name, value in given.items() if value is not None},
    }
    try:
        wanted = validated(body, QueryRequest)
    except InvalidValue as refused:
        raise typer.BadParameter(str(refused)) from refused
    if (api := service_api(f"POST /v1/statements/{council}/{month}/queries")) is not None:
        found = _decoded(api.post("statements", council, str(month), "queries", body=wanted), QueryReport)
    else:
        by = local_principal()
        found = stepped(
            lambda billing: report(
                billing.queries.raise_query(by, council, month, wanted_query(wanted)), billing.queries.today()
            )
        )
    held_now = f"holds {format_gbp(found.held_pence)} before VAT" if found.held_pence else "holds nothing"
    answer(found, [f"{found.id} is raised and {held_now}. It is to be answered by {found.reply_by}."], as_json=as_json)


@app.command("answer")
def answer_query(  # noqa: PLR0917 (as `raise_query`)
    council: CouncilArgument,
    month: MonthArgument,
    query: QueryId,
    outcome: Annotated[str, typer.Argument(help="upheld (the charge stands), credited or corrected.")],
    words: Words,
    credited: Annotated[
        int | None, typer.Option("--credited", parser=read_pounds, metavar="POUNDS", help="How much, before VAT.")
    ] = None,
    corrected_by: Annotated[
        str | None, typer.Option(help="The approved exclusion or correction run that corrects the verdict.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The query is answered; the statement stays as it is."""
    from billing.routes.queries import AnswerRequest, QueryReport, report
    from billing.statements.queries import WantedAnswer
    from shared.validation import InvalidValue, validated

    body = {"outcome": outcome, "words": words, "credited_pence": credited or 0}
    try:
        wanted = validated(body | ({} if corrected_by is None else {"corrected_by": corrected_by}), AnswerRequest)
    except InvalidValue as refused:
        raise typer.BadParameter(str(refused)) from refused
    if (api := service_api(f"POST /v1/statements/{council}/{month}/queries/{query}/answer")) is not None:
        path = "statements", council, str(month), "queries", query, "answer"
        found = _decoded(api.post(*path, body=wanted), QueryReport)
    else:
        by = local_principal()
        given = WantedAnswer(wanted.outcome, wanted.words, wanted.credited_pence, wanted.corrected_by)
        found = stepped(
            lambda billing: report(billing.queries.answer(by, council, month, query, given), billing.queries.today()),
            named=corrected_by,
        )
    answer(found, [f"{found.id} is answered: {found.status}."], as_json=as_json)


@app.command()
def withdraw(  # noqa: PLR0917 (as `raise_query`)
    council: CouncilArgument,
    month: MonthArgument,
    query: QueryId,
    words: Annotated[str, typer.Option("--words", help="Why. It is kept for ever.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """The query is withdrawn, and holds nothing any more."""
    from billing.routes.queries import QueryReport, WithdrawalRequest, report

    confirm(f"Withdraw query {query}?", yes=yes)
    if (api := service_api(f"POST /v1/statements/{council}/{month}/queries/{query}/withdrawal")) is not None:
        path = "statements", council, str(month), "queries", query, "withdrawal"
        found = _decoded(api.post(*path, body=WithdrawalRequest(words)), QueryReport)
    else:
        by = local_principal()
        found = stepped(
            lambda billing: report(
                billing.queries.withdraw(by, council, month, query, words=words), billing.queries.today()
            )
        )
    answer(found, [f"{found.id} is withdrawn."], as_json=as_json)


def _decoded(content: bytes, expected: type[T]) -> T:
    import msgspec

    return msgspec.json.decode(content, type=expected)


def _cells(query: "QueryReport") -> tuple[str, ...]:
    about = " ".join(part for part in (query.line, query.stream, query.item) if part)
    is_open = query.status == "open"
    return (
        query.council,
        query.month,
        query.id,
        "overdue" if query.overdue else query.status,
        str(query.reply_by) if is_open else "-",
        format_gbp(query.held_pence) if is_open else "-",
        about,
        query.words,
    )
