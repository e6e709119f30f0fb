"""`tallystick approvals`: which differences were approved, by whom, when and why."""

import asyncio
from typing import TYPE_CHECKING

import typer

from tallystick.console import answer
from tallystick.options import Json, ServiceOption
from tallystick.services import open_services

if TYPE_CHECKING:
    from shared.sql.approvals import Approval

app = typer.Typer(add_completion=False)


@app.command()
def approvals(service: ServiceOption = None, as_json: Json = False) -> None:
    """Every approval is printed, the oldest first."""
    found = sorted(asyncio.run(_read(service)), key=lambda each: each[1].approved_at)
    lines = [
        f"{each.approved_at:%Y-%m-%d %H:%M:%S}Z  {each.subject}  {each.events:,}  {each.digest[:16]}  {name}  "
        f"{each.actor}: {each.reason}"
        for name, each in found
    ]
    answer(
        [{"service": name, "approval": each} for name, each in found], lines or ["No approvals yet."], as_json=as_json
    )


async def _read(service: str | None) -> "list[tuple[str, Approval]]":
    async with open_services(service) as apps:
        return [(app.quarantine.service, each) for app in apps for each in app.approvals.all()]
