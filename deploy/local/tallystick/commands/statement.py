"""`tallystick statement`: a council's month, printed or written in every form."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rich.table import Table

from billing.domain.credits.reason import reason
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from shared.clock import WallClock
from shared.money import format_gbp
from shared.period import InvalidMonth, Month
from shared.scope import Scope
from tallystick.console import fail, out
from tallystick.lock import FolderInUse, exclusive_use
from tallystick.stack import open_stack


def statement(council: str, month: str, *, to: Path | None, folder: Path) -> None:
    """The statement is printed; with `to`, it is also in that folder as JSON, CSV, HTML and PDF."""
    try:
        wanted = Month.parse(month)
    except InvalidMonth as fault:
        fail(f"{fault}.", do="Nothing was written.")
    asyncio.run(_statement(council, wanted, to, folder))


async def _statement(council: str, month: Month, to: Path | None, folder: Path) -> None:
    async with open_stack(folder, clock=WallClock()) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the services run already, they do it themselves
            await stack.meter()
        try:
            found = await asyncio.to_thread(stack.billing.statements.statement, council, month, scope=Scope.all())
        except (UnknownCouncil, NoAgreement) as fault:
            fail(f"{fault}.", do=f"State was read from {folder}; `tallystick load` adds councils and agreements.")
        _print(found)
        if to is not None:
            await asyncio.to_thread(_write, found, to, stack.billing.forms(found))


def _write(found: Statement, to: Path, forms: Mapping[str, bytes]) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for suffix, content in forms.items():
        path = to / f"{found.council.id}-{found.month}.{suffix}"
        path.write_bytes(content)
        out.print(str(path), highlight=False)


def _print(found: Statement) -> None:
    table = Table(title=f"{found.council.name}, {found.month}: recharge statement ({found.status})")
    table.add_column("Service")
    table.add_column("Line")
    table.add_column("Quantity", justify="right")
    table.add_column("Amount", justify="right")
    for charges in found.services:
        for line in charges.lines:
            quantity = f"{line.quantity:f} {line.unit}"
            table.add_row(charges.service.name, line.narrative, quantity, format_gbp(line.amount_pence))
    if found.credits:
        table.add_section()
    for credit in found.credits:
        table.add_row(f"Credit: {credit.target}", reason(credit), "", format_gbp(-credit.applied_pence))
    table.add_section()
    table.add_row("Total before VAT", "", "", format_gbp(found.total_pence))
    out.print(table)
    if found.illustrative:
        out.print("Illustrative: example prices, not agreed by any council.")
