"""The three services on one folder with an example in it, each with its description, as schemathesis reads them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import schemathesis
from fastapi import FastAPI
from schemathesis.schemas import BaseSchema
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.clock import WallClock
from shared.contracts.definitions import AnyDefinition
from shared.http import Authentication, create_app
from tallystick.stack import Stack, open_stack
from tests.support.callers import SIGNING_KEY
from tests.support.examples import definitions_of

SERVICES = ("catalogue", "sla-monitor", "billing")
# Whoever sends it may do and see everything; whoever does not is unknown.
HEADERS = {"Authorization": "Bearer tester"}


def _bearer(request: Request) -> Principal | None:
    is_tester = request.headers.get("Authorization") == HEADERS["Authorization"]
    return Principal.local("tester") if is_tester else None


def applications(stack: Stack) -> dict[str, FastAPI]:
    """The public application of each service, by its name."""
    return {
        app.name: create_app(
            app.title,
            app.public_routes(illustrative=False),
            types=app.types,
            authentication=Authentication(_bearer),
        )
        for app in (stack.catalogue, stack.monitor, stack.billing)
    }


@contextmanager
def opened_applications(folder: Path, definitions: Sequence[AnyDefinition] = ()) -> Iterator[dict[str, FastAPI]]:
    """The services' applications on the folder, which know the definitions."""
    with asyncio.Runner() as runner:
        opened = open_stack(folder, clock=WallClock(), sign_in={"SIGNING_KEY": SIGNING_KEY})
        stack = runner.run(opened.__aenter__())
        try:
            if definitions:
                runner.run(stack.record(definitions))
                runner.run(stack.drain())
            yield applications(stack)
        finally:
            runner.run(opened.__aexit__(None, None, None))


@contextmanager
def described(folder: Path) -> Iterator[dict[str, BaseSchema]]:
    """Each service's description, which calls it when a case is called; they know an example."""
    with opened_applications(folder, definitions_of("adur-worthing")) as apps:
        yield {name: schemathesis.openapi.from_asgi("/openapi.json", app) for name, app in apps.items()}
