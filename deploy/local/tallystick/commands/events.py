"""`tallystick events`: the types that integrators send, sending a file of them, and what became of one."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from shared.web.formats import counted
from tallystick.authorisation import local_principal
from tallystick.commands.events_tail import tail
from tallystick.console import answer, fail, plain_table, var_folder
from tallystick.options import Json
from tallystick.servers import RequestRefused, ServiceApi, service_api
from tallystick.stack import Stack, open_existing_stack, open_stack

if TYPE_CHECKING:
    from catalogue.domain.event_reports import ReceivedEventReport
    from catalogue.domain.received_events import EventStatus
    from shared.quarantine.readings import RecordReading

_AT_ONCE = 500
_MOST_SHOWN = 100
_BATCH_TYPE = "application/cloudevents-batch+json"
app = typer.Typer(add_completion=False)
app.command()(tail)


class Line(NamedTuple):
    """A line of a file, counted from 1, and the event on it."""

    number: int
    value: bytes


class LineFault(NamedTuple):
    """One fault: the line, the place in its event, what was expected, and the reason as quarantine has it."""

    line: int
    pointer: str
    detail: str
    reason: str


class SentFile(NamedTuple):
    """How many events of a file were received, and how many were there before."""

    dry_run: bool
    received: int
    duplicates: int


@app.command()
def types(
    name: Annotated[str | None, typer.Argument(metavar="TYPE", help="Show this one with an example to copy.")] = None,
    as_json: Json = False,
) -> None:
    """Every type of event that integrators send is printed with its topic; or one of them, with an example."""
    import json

    from shared.contracts.schema import examples
    from shared.faults import did_you_mean

    known = _types()
    if name is None:
        rows = [(each, topic, summary) for each, (topic, summary) in known.items()]
        answer(
            [{"type": each, "topic": topic, "summary": summary} for each, topic, summary in rows],
            plain_table(("Type", "Topic", "Means"), rows),
            as_json=as_json,
        )
        return
    if name not in known:
        fail(
            f"{name} is no type that integrators send{did_you_mean(name, known)}.",
            do="`tallystick events types` lists them all.",
        )
    example, (topic, summary) = examples()[name], known[name]
    lines = [
        f"{name}: {summary}",
        f"Topic {topic}, key {example['council']}:{example['subject']}",
        "",
        json.dumps(example),
    ]
    answer({"type": name, "topic": topic, "summary": summary, "example": example}, lines, as_json=as_json)


@app.command()
def send(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE", help="One event a line, as JSON."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be; nothing is sent.")] = False,
    as_json: Json = False,
) -> None:
    """Every event of the file is received and published; nothing is sent where a line has a fault that can be seen.

    Running it again is harmless: an event counts once.
    """
    lines = [Line(number, value) for number, value in enumerate(file.read_bytes().splitlines(), 1) if value.strip()]
    if faults := list(_faults(lines)):
        _refuse(faults, "Nothing was sent. Correct the lines, and run it again.")
    api = service_api("POST /v1/events")
    done = asyncio.run(_send_here(lines, dry_run)) if api is None else _send(api, lines, dry_run)
    what = "would be received" if dry_run else "received"
    answer(
        done._asdict(),
        [f"{counted(done.received, 'event')} {what}, {done.duplicates:,} were there before."],
        as_json=as_json,
    )


@app.command()
def status(
    source: Annotated[str, typer.Argument(help="The event's source.")],
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    as_json: Json = False,
) -> None:
    """What became of an event that came in over HTTP: received, published, and what each service did with it."""
    api = service_api("GET /v1/events")
    try:
        found, readings = asyncio.run(_status_here(source, event_id)) if api is None else _status(api, source, event_id)
    except RequestRefused as refused:
        if refused.status != 404:
            raise
        found, readings = None, []
    if found is None:
        fail(
            "No event of that source and id came in over HTTP.",
            do="Compare both with what was sent; one that went to Kafka directly is not known here.",
        )
    answer({"event": found, "read_by": readings}, _status_lines(found, readings), as_json=as_json)


def _types() -> dict[str, tuple[str, str]]:
    """Topic and meaning of each type that integrators send."""
    from shared.log.provided import PROVIDED, topics_of

    return {
        str(each.__struct_config__.tag): (" or ".join(topics_of(each)), (each.__doc__ or "").split("\n")[0])
        for each in sorted(PROVIDED, key=lambda each: str(each.__struct_config__.tag))
    }


def _faults(lines: Sequence[Line]) -> Iterator[LineFault]:
    from shared.clock import WallClock
    from shared.instants import epoch_ms
    from shared.log.provided import read_provided
    from shared.log.validation import InvalidRecord

    now_ms = epoch_ms(WallClock().now())
    for line in lines:
        found = read_provided(line.value, now_ms=now_ms)
        if isinstance(found, InvalidRecord):
            yield from (LineFault(line.number, each.pointer, each.message, found.reason) for each in found.faults)


def _refuse(faults: Sequence[LineFault], do: str) -> None:
    shown = [f"line {each.line}: {each.pointer}: {each.detail} ({each.reason})" for each in faults[:_MOST_SHOWN]]
    if len(faults) > _MOST_SHOWN:
        shown.append(f"and {len(faults) - _MOST_SHOWN:,} more")
    fail("\n".join(shown), do=do)


def _send(api: ServiceApi, lines: Sequence[Line], dry_run: bool) -> SentFile:
    import msgspec

    from catalogue.domain.event_reports import EventReceipts

    receipts: list[EventReceipts] = []
    for batch in _batches(lines):
        body = b"[" + b",".join(line.value for line in batch) + b"]"
        query = {"dry_run": "true" if dry_run else "false"}
        try:
            content = api.send("events", body=body, media_type=_BATCH_TYPE, query=query)
        except RequestRefused as refused:
            _refuse_batch(refused, batch, sum(len(each.events) for each in receipts))
            raise
        receipts.append(msgspec.json.decode(content, type=EventReceipts))
    results = [event.result for each in receipts for event in each.events]
    return SentFile(dry_run, results.count("received"), results.count("duplicate"))


def _refuse_batch(refused: RequestRefused, batch: Sequence[Line], before: int) -> None:
    faults = []
    for error in refused.problem.errors:
        _, _, place = (error.pointer or "").partition("#/")
        index, _, rest = place.partition("/")
        if index.isdecimal() and int(index) < len(batch):
            faults.append(LineFault(batch[int(index)].number, f"#/{rest}", error.detail, error.reason or ""))
    if faults:
        _refuse(
            faults, f"{before:,} events of the lines before were received; running it again sends none of them twice."
        )


async def _send_here(lines: Sequence[Line], dry_run: bool) -> SentFile:
    from catalogue.domain.received_events import ReceivedEvent, conflict_at, receive
    from shared.clock import WallClock
    from shared.instants import epoch_ms
    from shared.sql.inbox import InsertResult

    caller, now_ms, results = local_principal(), epoch_ms(WallClock().now()), list[InsertResult]()
    async with open_stack(var_folder()) as stack:
        handlers = stack.catalogue.events
        for batch in _batches(lines):
            looked = [receive(line.value, caller, now_ms=now_ms) for line in batch]
            events = [each for each in looked if isinstance(each, ReceivedEvent)]
            found = await (handlers.preview(events) if dry_run else handlers.receive(caller, events))
            if InsertResult.CONFLICT in found:
                conflict = conflict_at(())
                places = [line.number for line, each in zip(batch, found, strict=True) if each is InsertResult.CONFLICT]
                faults = [
                    LineFault(at, conflict.fault.pointer, conflict.fault.message, conflict.reason) for at in places
                ]
                _refuse(faults, f"{counted(len(results), 'event')} of the lines before were received.")
            results += found
        await stack.catalogue.publish_events()
    return SentFile(dry_run, results.count(InsertResult.NEW), results.count(InsertResult.DUPLICATE))


def _batches(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for start in range(0, len(lines), _AT_ONCE):
        yield lines[start : start + _AT_ONCE]


def _status(api: ServiceApi, source: str, id_: str) -> "tuple[ReceivedEventReport, list[RecordReading]]":
    import msgspec

    from catalogue.domain.event_reports import ReceivedEventReport

    found = msgspec.json.decode(api.get("events", query={"source": source, "id": id_}), type=ReceivedEventReport)
    return found, readings_on_servers(api, found)


def readings_on_servers(api: ServiceApi, found: "ReceivedEventReport") -> "list[RecordReading]":
    """What each service did with the event; empty while it waits for the log."""
    import msgspec

    from shared.quarantine.readings import RecordReading

    place = found.published
    if place is None or place.partition is None or place.offset is None:
        return []
    query = {
        "topic": place.topic,
        "partition": str(place.partition),
        "offset": str(place.offset),
        "council": found.council,
        "item": found.subject,
    }
    services = [each for each in ("sla-monitor", "billing") if each in found.links]
    return [msgspec.json.decode(api.get("events", each, query=query), type=RecordReading) for each in services]


async def _status_here(source: str, id_: str) -> "tuple[ReceivedEventReport | None, list[RecordReading]]":
    from catalogue.events_status import report_of

    async with open_existing_stack(var_folder()) as stack:
        known: EventStatus | None = await stack.catalogue.events.status(local_principal(), source, id_)
        return (None, []) if known is None else (report_of(known), await readings_here(stack, known))


async def readings_here(stack: Stack, known: "EventStatus") -> "list[RecordReading]":
    """As `readings_on_servers`, of the services on a folder."""
    from catalogue.events_status import report_of
    from shared.log.port import Shard
    from shared.quarantine.intake_api import AskedItem, reading_of

    if known.partition is None or known.offset is None:
        return []
    shard, asked = Shard(known.topic, known.partition), AskedItem(known.council, known.subject)
    links = report_of(known).links
    services = [each for each in (stack.monitor, stack.billing) if each.name in links]
    found = [await reading_of(each.intake, local_principal(), shard, known.offset, asked) for each in services]
    return [each for each in found if each is not None]


def _status_lines(found: "ReceivedEventReport", readings: "Sequence[RecordReading]") -> Iterator[str]:
    yield f"{found.type} of {found.council}:{found.subject}"
    yield f"received    {found.received_at:%Y-%m-%d %H:%M:%S}Z"
    if found.published is None:
        yield "published   not yet"
    else:
        place = found.published
        at = "" if place.offset is None else f" at {place.topic}/{place.partition}@{place.offset}"
        yield f"published   {place.at:%Y-%m-%d %H:%M:%S}Z{at}"
    for each in readings:
        why = "" if each.reason is None else f": {each.reason}, {each.detail}"
        yield f"{each.service:<11} {each.state}{why}"
    yield from (f"{name:<11} {found.links[name]}" for name in ("judged", "priced") if name in found.links)
