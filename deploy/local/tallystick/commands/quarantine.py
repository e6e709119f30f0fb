"""`tallystick quarantine`: invalid records and failed items are listed and tried again, where services hold them.

Records may also be shown and discarded.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from shared.clock import WallClock
from shared.instants import instant_at
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.authorisation import Authorisation, confirm, local_principal
from tallystick.console import answer, fail, write_file
from tallystick.options import Actor, CouncilArgument, Json, Reason, ServiceOption, Yes
from tallystick.services import open_services

if TYPE_CHECKING:  # importing the services takes a second: `--help` of a verb does not wait for them
    from shared.quarantine.decisions import Decision
    from shared.quarantine.service import CannotRedrive, Parked, QuarantineEntry, QuarantineService
    from sla_monitor.decisions.failed_items import FailedItemsReport
    from tallystick.quarantined import QuarantinedBy

_SHOWN = 4_000
_EVENTS_SHOWN = 5

ReasonCode = Annotated[str | None, typer.Option("--because", help="Only those with this reason, as UNKNOWN_TYPE.")]
PlacesArgument = Annotated[
    list[str] | None, typer.Argument(help="Where they are: provider.work.v1/3@1042.", metavar="PLACE…")
]
Every = Annotated[bool, typer.Option("--all", help="Every open one instead of places.")]

T = TypeVar("T")

app = typer.Typer(add_completion=False)


@app.command(name="list")
def list_(
    service: ServiceOption = None,
    because: ReasonCode = None,
    decided: Annotated[bool, typer.Option("--decided", help="Also those that somebody has decided about.")] = False,
    as_json: Json = False,
) -> None:
    """List open records: where, why, since when; and the items that could not be judged."""
    from tallystick.quarantined import open_entries

    found = _in_quarantine(service, lambda services: open_entries(services, because=because, decided=decided))
    failed = None if because else asyncio.run(_failed_items(service))
    lines = [line for place, held in found.items() for line in _summary(place, held)]
    lines.append(f"{len(found):,} quarantined." if decided else f"{len(found):,} open.")
    lines += [] if failed is None else failed_lines(failed)
    records = [_as_json(place, held) for place, held in found.items()]
    answer({"records": records, "failed_items": failed}, lines, as_json=as_json)


@app.command(name="retry-item")
def retry_item(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    council: CouncilArgument,
    item: Annotated[str, typer.Argument(help="The item's id.")],
    reason: Reason,
    actor: Actor = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Have an item judged again that could not be judged."""
    by = Authorisation.of(actor, reason)
    confirm(f"Judge {item} of {council} again?", yes=yes)
    requested = asyncio.run(_request_retry(council, item, by))
    text = f"{item} of {council} is judged again as soon as the monitor runs."
    answer({"requested": requested}, [text], as_json=as_json)


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="Where it is: provider.work.v1/3@1042.")],
    service: ServiceOption = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the record's bytes, as they were sent, into this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one record with its bytes, and what was decided about it."""
    from tallystick.quarantined import entries_at

    held = _in_quarantine(service, lambda services: entries_at(services, place))
    record = held[0].entry.record
    lines = [*_summary(place, held), f"key: {'none' if record.key is None else _printable(record.key)}"]
    if to is not None:
        write_file(to, record.value or b"")
        lines.append(f"{counted(len(record.value or b''), 'byte')} written to {to}.")
    else:
        lines += _value_lines(record.value)
    content = {"key": _text(record.key), "value": _text(record.value), "file": to and str(to)}
    answer(_as_json(place, held) | content, lines, as_json=as_json)


@app.command()
def redrive(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    reason: Reason,
    places: PlacesArgument = None,
    service: ServiceOption = None,
    because: ReasonCode = None,
    every: Every = False,
    actor: Actor = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send records again as they were, after what refused them was put right."""
    from tallystick.quarantined import selected_entries

    by = Authorisation.of(actor, reason)

    async def work(services: "Sequence[QuarantineService]") -> tuple[int, list[str]]:
        found = await selected_entries(services, places or [], because=because, every=every)
        confirm(f"Send {counted(len(found), 'record')} again?", yes=yes)
        refused = [await _redrive(held, by) for held in found.values()]
        return refused.count(None), [f"{each}." for each in refused if each is not None]

    done, refused = _in_quarantine(service, work)
    text = f"{counted(done, 'record')} redriven. What is still invalid is quarantined again."
    answer({"redriven": done, "refused": refused}, [*refused, text], as_json=as_json)


@app.command()
def discard(  # noqa: PLR0917 (as above)
    reason: Reason,
    places: PlacesArgument = None,
    service: ServiceOption = None,
    because: ReasonCode = None,
    every: Every = False,
    actor: Actor = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Decide that records are not sent again. Their bytes stay."""
    from shared.quarantine.service import AlreadyDecided
    from tallystick.quarantined import selected_entries

    by = Authorisation.of(actor, reason)

    async def work(services: "Sequence[QuarantineService]") -> int:
        found = await selected_entries(services, places or [], because=because, every=every)
        for held in found.values():
            if all(each.entry.decision for each in held):
                refused = AlreadyDecided(held[0].entry)
                fail(f"{refused}.", do="`tallystick quarantine show` says when and why.")
        confirm(f"Discard {counted(len(found), 'record')}?", yes=yes)
        for each in (each for held in found.values() for each in held if each.entry.decision is None):
            await each.quarantine.discard(each.entry, actor=by.actor, reason=by.reason)
        return len(found)

    done = _in_quarantine(service, work)
    answer({"discarded": done}, [f"{counted(done, 'record')} discarded; the bytes are kept."], as_json=as_json)


@app.command(name="accept-flood")
def accept_flood(  # noqa: PLR0917 (as above)
    shard: Annotated[str, typer.Argument(help="The halted one: provider.work.v1/3.")],
    reason: Reason,
    service: ServiceOption = None,
    actor: Actor = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let a halted partition go on, quarantining every invalid record in it up to now."""
    from tallystick.quarantined import read_shard

    by, wanted = Authorisation.of(actor, reason), read_shard(shard)

    async def work(services: "Sequence[QuarantineService]") -> list[tuple[str, int]]:
        confirm(f"Quarantine every invalid record that {shard} holds by now?", yes=yes)
        reading = [each for each in services if each.reads(wanted)]
        if not reading:
            fail(f"No service reads {shard}.", do="Write for example provider.work.v1/3.")
        if not any([await each.may_be_halted(wanted) for each in reading]):
            fail(f"{shard} is not halted; nothing was decided.", do="/readyz of each service names what is halted.")
        # Also where a service has yet to come so far: it would be halted there a moment later.
        decisions = [await each.accept_flood(wanted, actor=by.actor, reason=by.reason) for each in reading]
        return [(each.service, decision.offset) for each, decision in zip(reading, decisions, strict=True)]

    accepted = _in_quarantine(service, work)
    lines = [
        f"{name} goes on with {shard}; records from offset {offset} on are counted again." for name, offset in accepted
    ]
    answer([{"service": name, "offset": offset} for name, offset in accepted], lines, as_json=as_json)


@app.command()
def parked(service: ServiceOption = None, as_json: Json = False) -> None:
    """List what waits for the catalogue: of which council, how many records, since when."""
    found = asyncio.run(_parked(service))
    lines = [
        f"{each.council}  {counted(each.records, 'record')} since {each.oldest}, for its {each.waits_for}  {name}"
        for name, each in found
    ]
    lines.append("They count as soon as the catalogue knows it." if found else "Nothing waits.")
    answer([{"service": name, "parked": each} for name, each in found], lines, as_json=as_json)


@app.command()
def decisions(service: ServiceOption = None, as_json: Json = False) -> None:
    """List everything that was ever decided: when, who, what, why."""

    async def work(services: "Sequence[QuarantineService]") -> "list[tuple[str, Decision]]":
        return [(each.service, decision) for each in services for decision in await each.decisions()]

    found = sorted(_in_quarantine(service, work), key=lambda each: each[1].decided_at)
    lines = [
        f"{each.decided_at:%Y-%m-%d %H:%M:%S}Z  {each.action}  {each.shard}@{each.offset}  {name}  "
        f"{each.actor}: {each.reason}"
        for name, each in found
    ]
    answer(
        [{"service": name, "decision": each} for name, each in found], lines or ["No decisions yet."], as_json=as_json
    )


def _in_quarantine(service: str | None, work: "Callable[[Sequence[QuarantineService]], Coroutine[Any, Any, T]]") -> T:
    async def opened() -> T:
        async with open_services(service) as apps:
            return await work([each.quarantine for each in apps])

    return asyncio.run(opened())


async def _failed_items(service: str | None) -> "FailedItemsReport | None":
    """What the monitor could not judge; None where only billing is asked."""
    from sla_monitor.app import MonitorApp

    async with open_services(service) as apps:
        found = [await each.failed_items.report(Scope.all()) for each in apps if isinstance(each, MonitorApp)]
    return found[0] if found else None


async def _request_retry(council: str, item: str, by: Authorisation) -> str:
    """The id of the request. It, and who gave which reason, are kept."""
    from shared.sql.approvals import Approval
    from sla_monitor.app import MonitorApp
    from sla_monitor.decisions import UnknownDecision
    from sla_monitor.decisions.failed_items import ItemRetryRequest

    now = WallClock().now()
    wanted = ItemRetryRequest(f"retry-{now:%Y%m%dT%H%M%S.%fZ}", council, item)
    async with open_services("sla-monitor") as apps:
        for monitor in (each for each in apps if isinstance(each, MonitorApp)):
            await monitor.catch_up()
            try:
                await monitor.failed_items.request_retry(local_principal(by.actor), wanted)
            except UnknownDecision as refused:
                fail(f"{refused}.", do="`tallystick quarantine list` names those that have.")
            approval = Approval(_digest(wanted.id), now, f"retry {council}:{item}", 0, by.actor, by.reason)
            await asyncio.to_thread(monitor.approvals.add, approval)
    return wanted.id


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def failed_lines(found: "FailedItemsReport") -> Iterator[str]:
    """What could not be judged, and what to do about it; nothing where everything was."""
    for each in found.items:
        yield f"{each.council}  {each.item}  {each.error} in {each.place}  {each.topic}"
        events = ", ".join(f"{event.kind} {event.at:%Y-%m-%d %H:%M}Z" for event in each.newest_events[-_EVENTS_SHOWN:])
        yield f"  failed since {each.since:%Y-%m-%d %H:%M:%S}Z, last by release {each.version}"
        yield f"  {counted(each.events, 'event')}, the newest: {events}"
    for council in found.held_councils:
        yield f"{council} is held: so many of its items failed that in those partitions no other is judged."
    if found.failed_items:
        yield f"{counted(found.failed_items, 'item')} failed, and in no figure. {found.advice}"


async def _parked(service: str | None) -> "list[tuple[str, Parked]]":
    async with open_services(service) as apps:
        return [(each.quarantine.service, found) for each in apps for found in await each.parked()]


async def _redrive(held: "Sequence[QuarantinedBy]", by: Authorisation) -> "CannotRedrive | None":
    from shared.quarantine.service import CannotRedrive

    first, *others = held
    try:
        await first.quarantine.redrive(first.entry, actor=by.actor, reason=by.reason)
    except CannotRedrive as refused:
        return refused
    for other in others:
        await other.quarantine.note_redriven(other.entry, actor=by.actor, reason=by.reason)
    return None


def _summary(place: str, held: "Sequence[QuarantinedBy]") -> Iterator[str]:
    entry = held[0].entry
    services = ", ".join(each.quarantine.service for each in held)
    yield f"{place}  {entry.record.reason}  {_sent_at(entry)}  {services}"
    yield f"  {entry.record.detail}"
    for each in held:
        if (decision := each.entry.decision) is not None:
            at = f"{decision.decided_at:%Y-%m-%d %H:%M}Z"
            yield f"  {decision.action} in {each.quarantine.service} on {at} by {decision.actor}: {decision.reason}"


def _value_lines(value: bytes | None) -> Iterator[str]:
    yield f"value: {'none' if value is None else _printable(value[:_SHOWN])}"
    if value is not None and len(value) > _SHOWN:
        yield f"… and {counted(len(value) - _SHOWN, 'byte')} more; --to FILE writes all of them."


def _as_json(place: str, held: "Sequence[QuarantinedBy]") -> dict[str, Any]:
    record = held[0].entry.record
    services = [{"service": each.quarantine.service, "decision": each.entry.decision} for each in held]
    refusal = {"reason": record.reason, "detail": record.detail, "timestamp_ms": record.timestamp_ms}
    return {"place": place, **refusal, "services": services}


def _sent_at(entry: "QuarantineEntry") -> str:
    """When the record was sent, where its timestamp is an instant at all."""
    try:
        return f"{instant_at(entry.record.timestamp_ms * 1000):%Y-%m-%d %H:%M:%S}Z"
    except OverflowError:
        return "no instant"


def _text(sent: bytes | None) -> str | None:
    return None if sent is None else sent.decode("utf-8", "backslashreplace")


def _printable(sent: bytes) -> str:
    """The bytes as text that no terminal obeys."""
    text = sent.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
