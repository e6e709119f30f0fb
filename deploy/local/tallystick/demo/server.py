"""The demo's server: an example partnership with a year of illustrative data, on this machine."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from pathlib import Path

import msgspec
from rich.progress import Progress
from starlette.applications import Starlette
from starlette.routing import Mount

from shared.clock import WallClock
from shared.contracts.definitions import AnyDefinition, Partnership
from shared.http import create_app
from shared.metrics.http import MeasuredHttp
from shared.period import month_of_day, months_between
from shared.running.servers import server_config
from shared.scope import Scope
from shared.settings import LOOPBACK_NAMES
from shared.web.pages import problem_page
from tallystick.console import answer, err, out, progress, var_folder
from tallystick.demo.closes import MONTHS_CLOSED, close_year, months_to_close
from tallystick.demo.example import send
from tallystick.demo.home_page import HomePage, documents_router, home_page_of, router
from tallystick.demo.metrics import DemoMetrics
from tallystick.demo.sign_in import DemoSignIn, demo_sign_in, link_lines
from tallystick.demo.year import months_of_events
from tallystick.local_server import StoppableServer, listening_socket
from tallystick.stack import Stack, open_stack

_SHOWN_EVERY_S = 0.25
# Everything that the demo shows stays in live state: to archive most of a year would make people wait for nothing.
_KEPT_DAYS = 500


class Year(msgspec.Struct, frozen=True):
    """Which illustrative year it is. A year that was only partly sent is sent again; nothing of it counts twice."""

    example: str
    seed: int
    until: str


@dataclass(frozen=True)
class _Demo:
    """What is served: the year of `definitions`, over `stack`. With `as_json` stdout has the address and no more.

    `evaluated` is set once the services have nothing of the year left to do.
    """

    year: Year
    definitions: Sequence[AnyDefinition]
    stack: Stack
    sign_in: DemoSignIn
    as_json: bool
    evaluated: asyncio.Event = field(default_factory=asyncio.Event)

    @cached_property
    def metrics(self) -> DemoMetrics:
        """The metrics of its services, served beside their pages."""
        return DemoMetrics(self.stack)

    def report(self, line: str) -> None:
        """The line is where people read it."""
        _report(line, as_json=self.as_json)


def address_file(folder: Path) -> Path:
    """Where the demo that runs on `folder` says at which address. One that was killed leaves it behind."""
    return folder / "demo-address.txt"


async def serve(year: Year, definitions: Sequence[AnyDefinition], port: int, *, as_json: bool) -> None:
    """The year of `definitions` has been served, from the first free port on, until the process was asked to stop."""
    with closing(listening_socket(port, partial(_report, as_json=as_json))) as listening:
        host, found_port = listening.getsockname()[:2]
        sign_in = demo_sign_in(
            f"http://{host}:{found_port}",
            definitions,
            lambda person, link: _report(f"A new link for {person.title}: {link}", as_json=as_json),
        )
        async with open_stack(var_folder(), sign_in=sign_in.settings, archive_days=_KEPT_DAYS) as stack:
            demo = _Demo(year, definitions, stack, sign_in, as_json)
            await stack.record(definitions)
            await stack.catalogue.publish_key()
            stop = asyncio.Event()
            server = StoppableServer(server_config(_application(demo)), close_streams=stack.monitor.streams.close)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_work(demo, server, stop))
                await server.serve(sockets=[listening])
                stop.set()
    await asyncio.to_thread(address_file(stack.folder).unlink, missing_ok=True)
    demo.report(f"Stopped. The data is in {var_folder()}; delete that folder to begin again.")


async def _work(demo: _Demo, server: StoppableServer, stop: asyncio.Event) -> None:
    """The year is in the log, then the services work on it and on whatever comes, until `stop` is set.

    In that order: a service that has read all there is looks at the wall clock, and would count as late what is still
    to be sent.
    """
    try:
        await _announce_address(demo, server)
        with progress() as bars:
            await _send(demo, bars)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(demo.stack.run(stop))
                tasks.create_task(demo.metrics.run(stop))
                tasks.create_task(_watch(demo, stop, bars))
    finally:
        server.should_exit = True


async def _announce_address(demo: _Demo, server: StoppableServer) -> None:
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.02)
    address, links = f"{demo.sign_in.settings['PUBLIC_URL']}/", demo.sign_in.provider.links()
    await asyncio.to_thread(address_file(demo.stack.folder).write_text, address, encoding="utf-8")
    lines = [
        f"Open {address}  (Ctrl-C stops it)",
        *link_lines(links),
        "Every figure is illustrative. The year is being evaluated: the page fills as you watch.",
    ]
    answer({"address": address, "sign_in": links}, lines, as_json=demo.as_json)


async def _send(demo: _Demo, bars: Progress) -> None:
    marker = demo.stack.folder / "demo.json"
    if await asyncio.to_thread(_is_sent, marker, demo.year):
        return
    until = date.fromisoformat(demo.year.until)
    first, last = months_to_close(until)[0], month_of_day(until)
    count = len([*months_between(first, last), last])
    made = partial(months_of_events, demo.definitions, months=count, until=until, seed=demo.year.seed)
    events = await asyncio.to_thread(lambda: list(made()))
    bar = bars.add_task("Sending a year of events", total=len(events))
    await send(demo.stack.bus, events, report=lambda sent: bars.update(bar, completed=sent))
    await asyncio.to_thread(marker.write_bytes, msgspec.json.encode(demo.year))


def _is_sent(marker: Path, year: Year) -> bool:
    return marker.exists() and msgspec.json.decode(marker.read_bytes(), type=Year) == year


async def _watch(demo: _Demo, stop: asyncio.Event, bars: Progress) -> None:
    """The progress of the backlog is shown until there is none."""
    total = await demo.stack.pending()
    bar = bars.add_task("Judging and metering", total=total)
    while not stop.is_set() and (left := await demo.stack.pending()):
        bars.update(bar, completed=total - left)
        await asyncio.sleep(_SHOWN_EVERY_S)
    if stop.is_set():
        bars.update(bar, description="Judging and metering (stopped)")
        bars.stop()
    else:
        bars.update(bar, completed=total)
        await _close(demo, bars)


async def _close(demo: _Demo, bars: Progress) -> None:
    """Twelve months of statements are issued, and the page has all there is."""
    bar = bars.add_task("Closing the months", total=MONTHS_CLOSED)
    until, report = date.fromisoformat(demo.year.until), partial(bars.update, bar)
    await close_year(demo.stack, demo.definitions, until, lambda done: report(completed=done))
    bars.stop()
    demo.evaluated.set()
    demo.report("Ready: statements and attainment are linked from the page.")


def _application(demo: _Demo) -> Starlette:
    """The services, and below a path of its own the provider of sign-ins, which is none of them."""
    provider = demo.sign_in.provider
    return Starlette(routes=[*provider.application().routes, Mount("/", _services(demo))])


def _services(demo: _Demo) -> MeasuredHttp:
    stack = demo.stack
    partnership = next((each.name for each in demo.definitions if isinstance(each, Partnership)), "Tallystick")

    def home_page(scope: Scope) -> HomePage:
        evaluating = not demo.evaluated.is_set()
        return home_page_of(stack, WallClock(), scope, partnership=partnership, evaluating=evaluating)

    routers = [
        router(home_page),
        documents_router(),
        stack.monitor.pages(illustrative=True, runbooks="/docs/runbooks/"),
        stack.catalogue.pages(),
        stack.catalogue.router,
        stack.monitor.router,
        stack.billing.router,
        demo.metrics.router(),
        *(each.reference for each in (stack.catalogue, stack.monitor, stack.billing)),
    ]
    types = [*stack.catalogue.types, *stack.monitor.types, *stack.billing.types]
    served = create_app(
        "Tallystick",
        routers,
        types=types,
        cursor_key=stack.catalogue.cursor_key,
        authentication=stack.catalogue.authentication,
        hosts=LOOPBACK_NAMES,
        problem_page=problem_page,
        audit=stack.catalogue.audit,
    )
    return demo.metrics.measured(served)


def _report(line: str, *, as_json: bool) -> None:
    (err if as_json else out).print(line)
