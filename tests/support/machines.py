"""Programs that call the services with access tokens of their own, over a stack whose services are at work."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from shared.auth.credentials import new_client_id, new_secret
from shared.clock import WallClock
from shared.http import create_app
from tallystick.stack import Stack, open_stack

PATIENCE_S = 20


class MovableClock:
    """A clock that runs as the machine's, by as much ahead as a test sets it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Machines:
    """The services over HTTP, each with its own knowledge of who may call, and an operators' client to begin with."""

    def __init__(self, stack: Stack, services: Mapping[str, httpx2.AsyncClient], operator: tuple[str, str]) -> None:
        self.stack, self.services, self.operator = stack, services, operator
        self._operator_token = ""

    @property
    def catalogue(self) -> httpx2.AsyncClient:
        return self.services["catalogue"]

    async def token(self, client: tuple[str, str]) -> str:
        """An access token for the credentials."""
        answer = await self.catalogue.post("/v1/token", data={"grant_type": "client_credentials"}, auth=client)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def operator_token(self) -> str:
        """A token of the operators' client, asked for once."""
        self._operator_token = self._operator_token or await self.token(self.operator)
        return self._operator_token

    async def call(self, service: str, method: str, path: str, token: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return await self.services[service].request(method, path, headers=headers, **more)

    async def make(self, *roles: str, **more: Any) -> tuple[str, str]:
        """Credentials of a new client, made by the operators' own."""
        body = {"title": "Made by a test", "roles": roles, **more}
        made = await self.call("catalogue", "POST", "/v1/clients", await self.operator_token(), json=body)
        assert made.status_code == 201, made.text
        return made.json()["client"]["id"], made.json()["client_secret"]


@asynccontextmanager
async def machines(folder: Path, *, clock: Any = None) -> AsyncIterator[Machines]:
    """The three services on `folder`, at work until the block is left."""
    async with open_stack(folder, clock=clock or WallClock()) as stack:
        operator = new_client_id(), new_secret()
        await asyncio.to_thread(stack.catalogue.clients.bootstrap, *operator)
        stop, apps = asyncio.Event(), (stack.catalogue, stack.monitor, stack.billing)
        services = {app.name: _client(app) for app in apps}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stack.run(stop))
            on = Machines(stack, services, operator)
            try:
                await answered(lambda: _gives_tokens(on))
                yield on
            finally:
                stop.set()


async def answered(found: Any) -> Any:
    """What `found` answers, once it is true; fails where it never is."""
    async with asyncio.timeout(PATIENCE_S):
        while not (value := await found()):  # noqa: ASYNC110 (nothing announces it)
            await asyncio.sleep(0.02)
    return value


async def _gives_tokens(on: Machines) -> bool:
    answer = await on.catalogue.post("/v1/token", data={"grant_type": "client_credentials"}, auth=on.operator)
    if answer.status_code != 200:
        return False
    token = answer.json()["access_token"]
    asked = [await on.call(name, "GET", "/v1/nothing", token) for name in on.services]
    known = [await on.call(name, "GET", path, token) for name, path in KNOWN.items()]
    return all(each.status_code == 404 for each in asked) and all(each.status_code != 503 for each in known)


# A path of each service that every provider's role may read.
KNOWN = {
    "catalogue": "/v1/councils",
    "sla-monitor": "/v1/attainment",
    "billing": "/v1/statements?month=2026-03",
}


def _client(app: Any) -> httpx2.AsyncClient:
    routes = app.public_routes(illustrative=False)
    served = create_app(app.title, routes, types=app.types, authentication=app.authentication)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url=f"http://{app.name}")
