"""The public API of all services on a folder, served on this machine while a test asks it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from fastapi import FastAPI

from shared.clock import Clock, WallClock
from shared.contracts.definitions import AnyDefinition
from shared.http import create_app
from shared.http.access import KeysUnknown
from tallystick.stack import Stack, open_stack
from tests.support.callers import MAY_ALL
from tests.support.service_process import eventually

# The credentials by which commands call: illustrative, and of no other installation.
OPERATOR = "tsc_0123456789abcdef", "tss_" + "0123456789a" * 3 + "0123456789"
CREDENTIALS = {"TALLYSTICK_CLIENT_ID": OPERATOR[0], "TALLYSTICK_CLIENT_SECRET": OPERATOR[1]}


@contextmanager
def served(folder: Path, clock: Clock | None = None, definitions: Sequence[AnyDefinition] = ()) -> Iterator[str]:
    """The address under which the services on `folder` answer; they are at work until the block is left.

    They know the definitions.
    """
    server = uvicorn.Server(uvicorn.Config(lambda: None, port=0, log_level="warning"))
    ended: list[BaseException] = []

    def serve() -> None:
        try:
            asyncio.run(_serve(folder, server, clock or WallClock(), definitions))
        except BaseException as failure:  # noqa: BLE001 (raised again where the test waits)
            ended.append(failure)

    thread = Thread(target=serve)
    thread.start()
    try:
        eventually(lambda: server.started or bool(ended))
        if ended:
            raise ended[0]
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
    if ended:
        raise ended[0]


async def _serve(folder: Path, server: uvicorn.Server, clock: Clock, definitions: Sequence[AnyDefinition]) -> None:
    async with open_stack(folder, clock=clock) as stack:
        if definitions:
            await stack.record(definitions)
        await asyncio.to_thread(stack.catalogue.clients.bootstrap, *OPERATOR)
        server.config.app = _application(stack, clock)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stack.run(stop))
            while not _gives_tokens(stack):  # noqa: ASYNC110 (nothing announces it)
                await asyncio.sleep(0.02)
            await server.serve()
            stop.set()


def _application(stack: Stack, clock: Clock) -> FastAPI:
    routers = [stack.catalogue.router, stack.monitor.router, stack.billing.router]
    return create_app(
        "Tallystick",
        routers,
        types=[*stack.catalogue.types, *stack.monitor.types, *stack.billing.types],
        # Tokens are of this machine's time.
        authentication=stack.catalogue.authentication if isinstance(clock, WallClock) else MAY_ALL,
    )


def _gives_tokens(stack: Stack) -> bool:
    try:
        stack.catalogue.keys.current()
    except KeysUnknown:
        return False
    return True
