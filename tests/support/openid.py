"""The demo's OpenID provider, served on loopback while a test asks it, and made to err in one way at a time."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tallystick.demo.openid_provider import DemoPerson, DemoProvider
from tests.support.service_process import eventually

OPERATOR = DemoPerson("operator", "Provider operator", "provider-operators")
FINANCE = DemoPerson("finance-adur", "Finance officer, Adur", "adur-finance")
PEOPLE = {person.id: person for person in (OPERATOR, FINANCE)}
RETURN_ADDRESS = "http://127.0.0.1:8080/sign-in/return"


class ErringProvider(DemoProvider):
    """A provider whose identity tokens are as `changed` makes them."""

    changed: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def claims(self, person: DemoPerson, nonce: str) -> dict[str, Any]:
        """The right claims, changed."""
        right = super().claims(person, nonce)
        return right if self.changed is None else self.changed(right)


@contextmanager
def serving(listening: socket.socket, app: ASGIApp) -> Iterator[None]:
    """The application answers at the socket until the block is left."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    try:
        eventually(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def provider_on_loopback(return_address: str = RETURN_ADDRESS) -> Iterator[ErringProvider]:
    """A provider that answers at its issuer's address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        issuer = f"http://127.0.0.1:{listening.getsockname()[1]}/demo-provider"
        provider = ErringProvider(issuer, PEOPLE, return_address=return_address, continue_at="/sign-in/start")
        with serving(listening, provider.application()):
            yield provider
