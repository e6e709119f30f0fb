"""`tallystick events tail`: events that come in over HTTP, as they come, and what each leads to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
import typer

from shared.money import format_gbp
from tallystick.authorisation import local_principal
from tallystick.console import err, out, var_folder
from tallystick.options import Json
from tallystick.servers import RequestRefused, ServiceApi, service_api
from tallystick.stack import Stack, open_existing_stack

if TYPE_CHECKING:
    from catalogue.domain.event_reports import ReceivedEventReport
    from shared.quarantine.readings import RecordReading

_EVERY_S = 1.0
_AT_ONCE = 200
# Events whose way is looked at: what an older one leads to is shown by `events status`.
_MOST_FOLLOWED = 200
_READERS = ("sla-monitor", "billing")
_FORBIDDEN = 403
_NOT_YOURS = "only for a client that may read figures, as council-viewer may"


class _Verdict(msgspec.Struct):
    target: str
    verdict: str


class _Item(msgspec.Struct):
    service: str | None
    verdicts: list[_Verdict]


class _Line(msgspec.Struct):
    amount_pence: int


class _Service(msgspec.Struct):
    id: str
    lines: list[_Line]


class _Statement(msgspec.Struct):
    month: str
    services: list[_Service]


class _Feed(Protocol):
    """Where events and what they lead to are asked for. A document is None where there is none, or none for us."""

    async def received(self, council: str, *, after: int, newest: bool) -> "list[ReceivedEventReport]": ...
    async def readings(self, event: "ReceivedEventReport") -> "Sequence[RecordReading]": ...
    async def item(self, event: "ReceivedEventReport") -> bytes | str | None: ...
    async def statement(self, event: "ReceivedEventReport") -> bytes | str | None: ...


def tail(
    council: Annotated[str, typer.Option("--council", help="Whose events.")],
    newest: Annotated[
        int, typer.Option("--newest", min=0, max=_AT_ONCE, help="How many earlier ones to begin with.")
    ] = 10,
    most: Annotated[int, typer.Option("--events", min=1, max=1_000_000, help="Ends after so many events.")] = 1_000_000,
    seconds: Annotated[int, typer.Option("--for", min=1, max=86_400, help="Ends after so many seconds.")] = 86_400,
    as_json: Json = False,
) -> None:
    """Events of a council that come in over HTTP are printed as they come, with verdict and price; Ctrl-C ends it."""
    api = service_api("GET /v1/events/received")
    asyncio.run(_tail(api, _Tail(council, newest, most, as_json=as_json), seconds))


@dataclass
class _Tail:
    """What is shown: each event once, and below it each thing that it leads to, when that changes."""

    council: str
    newest: int
    most: int
    as_json: bool
    shown: int = 0
    last: int = 0
    followed: "dict[int, ReceivedEventReport]" = field(default_factory=dict)
    _printed: dict[tuple[object, str], str] = field(default_factory=dict)

    async def look(self, feed: _Feed, *, first: bool) -> None:
        """What has come and changed since the last look is printed."""
        found = await feed.received(self.council, after=self.last, newest=first)
        self.last = max([self.last, *(each.number for each in found)])
        shown = found[max(len(found) - self.newest, 0) :] if first else found
        for event in shown[: self.most - self.shown]:
            self.shown += 1
            self.followed[event.number] = event
            self._print(event, "received", f"{event.type}  {event.source}  {event.id}")
        for number in list(self.followed)[:-_MOST_FOLLOWED]:
            del self.followed[number]
        for event in list(self.followed.values()):
            async for what, text in _results(feed, event):
                self._say(event, what, text)

    def _say(self, event: "ReceivedEventReport", what: str, text: str) -> None:
        """What a service did is an event's own; its verdicts and price are its item's."""
        about: object = event.number if what in _READERS else (event.council, event.subject)
        if self._printed.get((about, what)) != text:
            self._printed[about, what] = text
            self._print(event, what, text)

    def _print(self, event: "ReceivedEventReport", what: str, text: str) -> None:
        if self.as_json:
            line = {"number": event.number, "council": event.council, "item": event.subject, "what": what, "is": text}
            out.print(msgspec.json.encode(line).decode())
        else:
            where = f"{event.received_at:%Y-%m-%d %H:%M:%S}Z  {event.council}:{event.subject}"
            out.print(f"{where}  {what:<11}  {text}")


async def _tail(api: ServiceApi | None, shown: _Tail, seconds: int) -> None:
    loop = asyncio.get_running_loop()
    ends, first = loop.time() + seconds, True
    async with _feed(api) as feed:
        while shown.shown < shown.most and loop.time() < ends:
            await shown.look(feed, first=first)
            first = False
            await asyncio.sleep(min(_EVERY_S, max(ends - loop.time(), 0)))
        await shown.look(feed, first=first)
    if not shown.shown:
        err.print(f"No event of {shown.council} that you may see came in over HTTP.")


async def _results(feed: _Feed, event: "ReceivedEventReport") -> AsyncIterator[tuple[str, str]]:
    """What an event has led to: what each service did with it, its item's verdicts, what its service comes to."""
    for reading in await feed.readings(event):
        why = "" if reading.reason is None else f": {reading.reason}, {reading.detail}"
        yield reading.service, f"{reading.state}{why}"
    item = await feed.item(event)
    service = None
    if isinstance(item, str):
        yield "verdict", item
    elif item is not None:
        known = msgspec.json.decode(item, type=_Item)
        service = known.service
        for each in known.verdicts:
            yield f"verdict of {each.target}", each.verdict
    statement = await feed.statement(event)
    if isinstance(statement, str):
        yield "price", statement
    elif statement is not None and service is not None:
        yield "price", _price(msgspec.json.decode(statement, type=_Statement), service)


def _price(statement: _Statement, service: str) -> str:
    pence = sum(line.amount_pence for each in statement.services if each.id == service for line in each.lines)
    return f"{service} comes to {format_gbp(pence)} before VAT in {statement.month} so far"


@asynccontextmanager
async def _feed(api: ServiceApi | None) -> AsyncIterator[_Feed]:
    if api is not None:
        yield _ServedFeed(api)
        return
    async with open_existing_stack(var_folder()) as stack:
        yield _LocalFeed(stack)


@dataclass
class _ServedFeed:
    """What servers say."""

    api: ServiceApi

    async def received(self, council: str, *, after: int, newest: bool) -> "list[ReceivedEventReport]":
        from catalogue.domain.event_reports import ReceivedEventReport

        flags: dict[str, str | None] = {"council": council, "after": str(after), "limit": str(_AT_ONCE)}
        flags["newest"] = "true" if newest else "false"
        return self.api.items("events", "received", of=ReceivedEventReport, query=flags)

    async def readings(self, event: "ReceivedEventReport") -> "Sequence[RecordReading]":
        from catalogue.domain.event_reports import ReceivedEventReport
        from tallystick.commands.events import readings_on_servers

        query = {"source": event.source, "id": event.id}
        current = msgspec.json.decode(self.api.get("events", query=query), type=ReceivedEventReport)
        return readings_on_servers(self.api, current)

    async def item(self, event: "ReceivedEventReport") -> bytes | str | None:
        if "judged" not in event.links:
            return None
        return self._asked("items", event.subject, query={"council": event.council})

    async def statement(self, event: "ReceivedEventReport") -> bytes | str | None:
        month = event.links["priced"].rpartition("/")[2]
        return self._asked("statements", event.council, month)

    def _asked(self, *path: str, query: dict[str, str | None] | None = None) -> bytes | str | None:
        try:
            return self.api.get(*path, query=query)
        except RequestRefused as refused:
            return _NOT_YOURS if refused.status == _FORBIDDEN else None


@dataclass
class _LocalFeed:
    """What the folder's services have stored."""

    stack: Stack

    async def received(self, council: str, *, after: int, newest: bool) -> "list[ReceivedEventReport]":
        from catalogue.events_status import report_of
        from shared.scope import Scope

        events = self.stack.catalogue.events
        found = await events.listed(local_principal(), Scope.of(council), after=after, newest=newest, limit=_AT_ONCE)
        return [report_of(each) for each in found]

    async def readings(self, event: "ReceivedEventReport") -> "Sequence[RecordReading]":
        from tallystick.commands.events import readings_here

        found = await self.stack.catalogue.events.status(local_principal(), event.source, event.id)
        return [] if found is None else await readings_here(self.stack, found)

    async def item(self, event: "ReceivedEventReport") -> bytes | str | None:
        from shared.contracts.codec import canonical_json
        from shared.scope import Scope
        from sla_monitor.reports.item_report import item_report
        from sla_monitor.reports.items import find_items

        await self.stack.monitor.catch_up()
        found = await find_items(self.stack.monitor.sources, Scope.of(event.council), event.subject)
        return canonical_json(item_report(found[0])) if found else None

    async def statement(self, event: "ReceivedEventReport") -> bytes | str | None:
        return await asyncio.to_thread(self._statement, event.council, event.links["priced"].rpartition("/")[2])

    def _statement(self, council: str, month: str) -> bytes | None:
        from billing.documents.forms import form
        from billing.documents.shown import ShownStatement
        from billing.domain.statement import NoAgreement, UnknownCouncil
        from shared.period import Month
        from shared.scope import Scope

        try:
            found: Any = self.stack.billing.statements.statement(council, Month.parse(month), scope=Scope.of(council))
        except (NoAgreement, UnknownCouncil):
            return None
        return form("json").render(ShownStatement(found))
