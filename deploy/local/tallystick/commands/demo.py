"""`tallystick demo`: an example partnership with a year of illustrative data, served on this machine."""

import asyncio
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import msgspec
import uvicorn
from fastapi import FastAPI
from rich.progress import Progress

from catalogue.adapters.partnership_files import example_names
from catalogue.adapters.partnership_files import load as read_example
from shared.clock import WallClock
from shared.contracts.definitions import AnyDefinition, Partnership
from shared.http import create_app
from shared.period import LONDON
from tallystick import pages
from tallystick.console import EXIT_IN_USE, fail, out, progress
from tallystick.demo.sending import send
from tallystick.demo.year import year_of_events
from tallystick.home import StackHome
from tallystick.lock import FolderInUse, exclusive_use
from tallystick.stack import Stack, open_stack

_PORTS_TRIED = 20


class Year(msgspec.Struct, frozen=True):
    """Which illustrative year it is. A year that was only partly sent is sent again; nothing of it counts twice."""

    example: str
    seed: int
    until: str


def demo(example: str, *, port: int, seed: int, folder: Path) -> None:
    """The example is served until Ctrl-C. Run again, it shows the same and goes on to the present day."""
    if example not in example_names():
        fail(f"There is no example {example!r}.", do=f"Shipped examples: {', '.join(example_names())}.")
    try:
        with exclusive_use(folder):
            asyncio.run(_demo(example, port, seed, folder))
    except FolderInUse as busy:
        fail(f"{busy}.", do="Stop it first, or set TALLYSTICK_VAR to another folder.", code=EXIT_IN_USE)


class _Server(uvicorn.Server):
    """Ctrl-C and SIGTERM ask it to end, and nothing more: uvicorn alone would raise them again when it has ended."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The two signals are ours until the server has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _demo(example: str, port: int, seed: int, folder: Path) -> None:
    async with open_stack(folder, clock=WallClock()) as stack:
        definitions = [placed.definition for placed in read_example(example).submission.entries]
        await stack.record(definitions)
        stop = asyncio.Event()
        server = _Server(uvicorn.Config(_app(stack, definitions), log_level="warning"))
        with closing(_listening(port)) as listening:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_work(Year(example, seed, _today()), definitions, stack, server, stop))
                await server.serve(sockets=[listening])
                stop.set()
    out.print(f"Stopped. The data is in {folder}; delete that folder to begin afresh.", highlight=False)


async def _work(
    year: Year, definitions: Sequence[AnyDefinition], stack: Stack, server: uvicorn.Server, stop: asyncio.Event
) -> None:
    """The year is in the log, then the services work on it and on whatever comes, until `stop` is set.

    In that order: a service that has read all there is looks at the wall clock, and would call late what is still to
    be told.
    """
    try:
        await _announce_address(server)
        with progress() as bars:
            await _send(year, definitions, stack, bars)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stack.run(stop))
                tasks.create_task(_watch(stack, stop, bars))
    finally:
        server.should_exit = True


async def _announce_address(server: uvicorn.Server) -> None:
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.02)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    out.print(f"Open http://{host}:{port}/  (Ctrl-C stops it)", highlight=False)
    out.print("Every figure is illustrative. The year is being judged: the page fills as you watch.")


async def _send(year: Year, definitions: Sequence[AnyDefinition], stack: Stack, bars: Progress) -> None:
    marker = stack.folder / "demo.json"
    if await asyncio.to_thread(_is_sent, marker, year):
        return
    events = await asyncio.to_thread(
        lambda: list(year_of_events(definitions, until=date.fromisoformat(year.until), seed=year.seed))
    )
    bar = bars.add_task("Sending a year of events", total=len(events))
    await send(stack.bus, events, report=lambda sent: bars.update(bar, completed=sent))
    await asyncio.to_thread(marker.write_bytes, msgspec.json.encode(year))


def _is_sent(marker: Path, year: Year) -> bool:
    return marker.exists() and msgspec.json.decode(marker.read_bytes(), type=Year) == year


async def _watch(stack: Stack, stop: asyncio.Event, bars: Progress) -> None:
    """The progress of the backlog is shown until there is none."""
    total = await stack.pending()
    bar = bars.add_task("Judging and metering", total=total)
    while not stop.is_set() and (left := await stack.pending()):
        bars.update(bar, completed=total - left)
        await asyncio.sleep(1.0)
    bars.update(bar, completed=total)
    bars.stop()
    if not stop.is_set():
        out.print("Ready: last month's statements and attainment are linked from the page.")


def _app(stack: Stack, definitions: Sequence[AnyDefinition]) -> FastAPI:
    partnership = next((each.name for each in definitions if isinstance(each, Partnership)), "Tallystick")
    home = StackHome(stack, WallClock(), partnership=partnership, illustrative=True)
    routers = [
        pages.router(home),
        stack.monitor.pages(illustrative=True),
        stack.catalogue.router,
        stack.monitor.router,
        stack.billing.router,
    ]
    types = [*stack.catalogue.types, *stack.monitor.types, *stack.billing.types]
    return create_app("Tallystick", routers, types=types)


def _listening(port: int) -> socket.socket:
    """A socket on the first free port from `port` on; says so where it is another one."""
    for candidate in range(port, port + _PORTS_TRIED):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
        except OSError:
            listening.close()
            continue
        if candidate != port:
            out.print(f"Port {port} is in use: this is on {candidate}.", highlight=False)
        return listening
    fail(f"Ports {port} to {port + _PORTS_TRIED - 1} are in use.", do="Name a free one with --port.")


def _today() -> str:
    return WallClock().now().astimezone(LONDON).date().isoformat()
