"""The three services on one folder with an example in it, each with its description, as schemathesis reads them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import schemathesis
from fastapi import FastAPI
from schemathesis.schemas import BaseSchema
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.clock import WallClock
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
def described(folder: Path) -> Iterator[dict[str, BaseSchema]]:
    """Each service's description, which calls it when a case is called."""
    with asyncio.Runner() as runner:
        opened = open_stack(folder, clock=WallClock(), sign_in={"SIGNING_KEY": SIGNING_KEY})
        stack = runner.run(opened.__aenter__())
        try:
            runner.run(stack.record(definitions_of("adur-worthing")))
            runner.run(stack.drain())
            yield {
                name: schemathesis.openapi.from_asgi("/openapi.json", app) for name, app in applications(stack).items()
            }
        finally:
            runner.run(opened.__aexit__(None, None, None))
