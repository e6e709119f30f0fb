"""`tallystick close-month`: a month's statements looked at together, and issued once what was shown is approved."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.auth.principal import Principal
from shared.period import Month, MonthNotBegun
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.authorisation import local_principal
from tallystick.console import EXIT_BUSY, answer, fail, progress, var_folder
from tallystick.draining import Work, run_and_stop
from tallystick.options import Json, MonthArgument
from tallystick.servers import ServiceApi, service_api
from tallystick.stack import FolderInUse, Stack, exclusive_use, open_existing_stack

if TYPE_CHECKING:
    from rich.table import Table

    from billing.routes.closing import CloseReport
    from billing.statements.closing import MonthClose

    Close = Callable[[Stack, Principal], Awaitable[MonthClose]]

_STATUS = {
    "draft": "draft",
    "in-review": "in review by the council",
    "checked": "checked",
    "approved": "approved",
    "issued": "issued",
}

_LOOK_AGAIN_S = 0.2

app = typer.Typer(add_completion=False)


@app.command()
def close_month(
    month: MonthArgument,
    approve: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="On a folder: approve and issue what was shown under this digest."),
    ] = None,
    reason: Annotated[str, typer.Option(help="With --approve: a remark that is kept with the approval.")] = "",
    issue: Annotated[bool, typer.Option("--issue", help="Issue what people have approved, and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Every council's statement of the month is shown, and what keeps each from being issued; nothing changes.

    With --approve or --issue the statements that are ready are issued; one that is not never stops the others. It can
    be repeated without harm: what is issued stays issued.
    """
    if (api := service_api(f"GET /v1/closings/{month}")) is not None:
        found = _ask_servers(api, month, approve=approve, issue=issue)
    else:
        found = asyncio.run(_close_here(month, approve, reason, issue=issue))
    answer(found, list(_lines(found, month, on_folder=api is None)), as_json=as_json)
    if any(each.why_not for each in found.councils):
        raise typer.Exit(1)


def _ask_servers(api: ServiceApi, month: Month, *, approve: str | None, issue: bool) -> "CloseReport":
    import msgspec

    from billing.routes.closing import CloseReport

    if approve is not None:
        fail(
            "--approve works on a folder, which is one person's.",
            do=f"On servers people check and approve: see {api.address}/closings/{month}, then run this with --issue.",
        )
    path = ("closings", str(month))
    content = api.post(*path, "issues", body={}) if issue else api.get(*path)
    return msgspec.json.decode(content, type=CloseReport)


async def close_on_folder(folder: Path, close: "Close") -> "MonthClose":
    """What `close` comes to on a folder, while the services run on it: here, or wherever they run already."""
    async with open_existing_stack(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):
            with progress() as bars:
                await stack.drain_showing(bars, "Reading what was there before")
            found = await _beside(stack.run, close, stack)
            await stack.drain()
            return found
        return await _beside(partial(_run_once_free, folder, stack), close, stack)


async def _close_here(month: Month, approve: str | None, reason: str, *, issue: bool) -> "CloseReport":
    from billing.domain.lifecycle import StepRefused
    from billing.routes.closing import close_report

    try:
        close = partial(_closed, month, approve, reason, issue=issue)
        return close_report(await close_on_folder(var_folder(), close))
    except MonthNotBegun:
        fail(f"{month} has not begun.", do="Close a month once it is over.")
    except StepRefused as refused:
        do = f"Nothing was changed. Run `tallystick close-month {month}` and approve the digest that it prints."
        fail(f"{refused}.", do=do, code=EXIT_BUSY)


async def _beside(work: Work, close: "Close", stack: Stack) -> "MonthClose":
    """The close, while `work` is done, which ends with it."""
    stop, refusal = asyncio.Event(), None
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_and_stop(work, stop))
        try:
            found = await close(stack, local_principal())
        except (MonthNotBegun, ValueError) as refused:
            refusal = refused  # the services are stopped first, and it is raised by itself
        finally:
            stop.set()
    if refusal is not None:
        raise refusal
    return found


async def _run_once_free(folder: Path, stack: Stack, stop: asyncio.Event) -> None:
    """Where whoever runs the services on the folder ends, they run here, until `stop` is set and all is done."""
    while not stop.is_set():
        with suppress(FolderInUse), exclusive_use(folder):
            await stack.run(stop)
            await stack.drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_AGAIN_S)


async def _closed(
    month: Month, approve: str | None, reason: str, stack: Stack, caller: "Principal", *, issue: bool
) -> "MonthClose":
    closing = stack.billing.closing
    with progress() as bars:
        bar = bars.add_task("Closing" if issue or approve else "Looking at each council", total=None)

        def progressed(done: int, total: int) -> None:
            bars.update(bar, completed=done, total=total)

        if approve is None and not issue:
            return await closing.look(month, scope=Scope.all(), progress=progressed)
        await stack.billing.read_back.require()
        if approve is None:
            return await closing.issue(caller, month, progress=progressed)
        return await closing.close(caller, month, approved_digest=approve, words=reason, progress=progressed)


def _lines(found: "CloseReport", month: Month, *, on_folder: bool) -> "Iterator[str | Table]":
    """For people: each council, what blocks, and what to do next."""
    from rich.table import Table

    from shared.money import format_gbp

    table = Table(title=f"Close of {month}")
    for heading in ("Council", "Status", "Number"):
        table.add_column(heading)
    table.add_column("Payable before VAT", justify="right")
    for each in found.councils:
        status = _STATUS[each.status]
        table.add_row(each.council_name, status, each.number or "", format_gbp(each.payable_pence))
    table.add_section()
    table.add_row("All", "", "", format_gbp(found.payable_pence))
    yield table
    yield from (f"Blocks every council: {each.what}." for each in found.for_all if each.decided_by is None)
    for council in found.councils:
        yield from (f"Blocks {council.council_name}: {each.what}." for each in council.blockers if not each.decided_by)
        yield from (f"Unusual, {council.council_name}: {words}" for words in council.unusual)
        if council.why_not:
            yield f"{council.council_name} was not issued: {council.why_not}."
    yield from (f"{council} has no statement: {why}." for council, why in sorted(found.not_computed.items()))
    yield from _next(found, month, on_folder=on_folder)


def _next(found: "CloseReport", month: Month, *, on_folder: bool) -> Iterator[str]:
    left = [each for each in found.councils if each.status != "issued"]
    open_for_all = [each for each in found.for_all if each.decided_by is None]
    ready = [] if open_for_all else [each for each in left if not each.blockers and not each.why_not]
    if not left:
        yield f"Every statement of {month} is issued."
    elif ready and not on_folder:
        yield f"{counted(len(ready), 'statement')} to issue: once approved, run this again with --issue."
    elif ready:
        yield f"To issue {counted(len(ready), 'statement')}: tallystick close-month {month} --approve {found.digest}"
    if waiting := len(left) - len(ready):
        yield f"{counted(waiting, 'statement')} cannot be issued before what is listed above has been dealt with."
