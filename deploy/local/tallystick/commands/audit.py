"""`tallystick audit`: who did, saw and was refused what; and whether the audit logs are as they were written."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from shared.scope import Scope
from tallystick.console import EXIT_INVALID, EXIT_NOT_VERIFIED, answer, fail, var_folder
from tallystick.options import Json
from tallystick.servers import service_api
from tallystick.stack import Stack, open_existing_stack

if TYPE_CHECKING:
    from shared.audit import AuditEntry
    from shared.auditing.log import AuditLog, AuditVerification

_SERVICES = ("catalogue", "sla-monitor", "billing")
_PAGE = 200
OnlyService = Annotated[str | None, typer.Option("--service", help="Only catalogue's, sla-monitor's or billing's.")]
app = typer.Typer(add_completion=False, help="Read the audit logs, and verify that nobody changed them.")


@app.command(name="list")
def list_entries(
    service: OnlyService = None,
    after: Annotated[int, typer.Option(min=0, help="Begin after the entry of this number.")] = 0,
    as_json: Json = False,
) -> None:
    """Print every entry, service by service, the oldest first."""
    found = {name: _entries(name, after) for name in _named(service)}
    lines = [_line(name, entry) for name, entries in found.items() for entry in entries]
    answer(found, lines or ["No entries yet."], as_json=as_json)


@app.command()
def verify(service: OnlyService = None, as_json: Json = False) -> None:
    """Name the first entry of each service that is not as it was written, or not as it was published."""
    found = {name: _verification(name) for name in _named(service)}
    answer(found, [_verdict(name, each) for name, each in found.items()], as_json=as_json)
    if any(each.broken is not None for each in found.values()):
        raise SystemExit(EXIT_NOT_VERIFIED)


def _named(service: str | None) -> tuple[str, ...]:
    if service not in {None, *_SERVICES}:
        fail(f"There is no service {service!r}.", do=f"Name one of {', '.join(_SERVICES)}.", code=EXIT_INVALID)
    return _SERVICES if service is None else (service,)


def _entries(service: str, after: int) -> "list[AuditEntry]":

    from shared.audit import AuditEntry

    api = service_api(f"GET /v1/audit/{service}")
    found: list[AuditEntry] = []
    while True:
        if api is None:
            page = asyncio.run(_page(service, after))
        else:
            page = api.items("audit", service, of=AuditEntry, query={"after": str(after), "limit": str(_PAGE)})
        if not page:
            return found
        found += page
        after = page[-1].number


def _verification(service: str) -> "AuditVerification":
    import msgspec

    from shared.auditing.log import AuditVerification

    if (api := service_api(f"GET /v1/audit/{service}/verification")) is not None:
        return msgspec.json.decode(api.get("audit", service, "verification"), type=AuditVerification)
    return asyncio.run(_verified(service))


async def _page(service: str, after: int) -> "list[AuditEntry]":
    async with open_existing_stack(var_folder()) as stack:
        return _log_of(stack, service).read(Scope.all(), after=after, limit=10_000)


async def _verified(service: str) -> "AuditVerification":
    async with open_existing_stack(var_folder()) as stack:
        return await _log_of(stack, service).verify()


def _log_of(stack: Stack, service: str) -> "AuditLog":
    return {each.audit.service: each.audit for each in (stack.catalogue, stack.monitor, stack.billing)}[service]


def _line(service: str, entry: "AuditEntry") -> str:
    record = entry.record
    at = datetime.fromtimestamp(record.at_us // 1_000_000, UTC)
    council = f"  {record.council}" if record.council else ""
    what = f"{record.actor}  {record.action}  {record.subject}"
    return f"{at:%Y-%m-%d %H:%M:%S}Z  {service}  {entry.number}  {what}{council}"


def _verdict(service: str, found: "AuditVerification") -> str:
    if found.broken is None:
        return f"{service}: {found.entries:,} entries, {found.published:,} published; none was changed."
    return f"{service}: entry {found.broken:,} is not as it was written: {found.fault}."
