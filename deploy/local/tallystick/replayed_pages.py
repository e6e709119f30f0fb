"""The pages of a folder as of the last replay into it: on this machine, for whoever has the link, and only to read."""

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from pathlib import Path
from secrets import token_urlsafe

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.http import Authentication, CallerScope, create_app, requires
from shared.http.browsers import own_path, set_cookie
from shared.running.servers import server_config
from shared.scope import Scope as Councils
from shared.settings import LOOPBACK_NAMES
from shared.web.pages import environment, problem_page, shown_as_of, site_routes
from tallystick.console import answer, err, out
from tallystick.demo.home_page import HomePage, documents_router, page_of_month
from tallystick.local_server import StoppableServer, listening_socket
from tallystick.replay.export_register import judged_as_of
from tallystick.stack import Stack, open_as_judged

_COOKIE = "pages"
# Reads everything of the folder, and may change nothing.
_ROLE = "auditor"
_TITLE = "Replayed data"


@dataclass(frozen=True, slots=True)
class PagesLink:
    """The link that the command prints, at `address`: who opens it is known by a cookie until the command ends."""

    address: str
    _key: str = field(default_factory=token_urlsafe)
    _cookie: str = field(default_factory=token_urlsafe)

    def __str__(self) -> str:
        return f"{self.address}/sign-in/start?key={self._key}"

    def viewer(self, request: Request) -> Principal | None:
        """Whoever has opened the link; None for anybody else."""
        sent = request.cookies.get(f"tallystick-{_COOKIE}", "")
        if not compare_digest(sent.encode(), self._cookie.encode()):
            return None
        return Principal.of("tallystick-pages", "person", [_ROLE], Councils.all())

    def router(self) -> APIRouter:
        """The link, and what is shown to whoever has not opened it."""
        routes = APIRouter(include_in_schema=False)
        template = environment("tallystick").get_template("link_needed.html")

        @routes.get("/sign-in", response_class=HTMLResponse)
        def link_needed(next: str = "/") -> Response:  # noqa: ARG001 (the name in the address)
            return HTMLResponse(template.render(), status_code=403)

        @routes.get("/sign-in/start")
        def open_link(key: str, next: str = "/") -> Response:
            if not compare_digest(key.encode(), self._key.encode()):
                return link_needed()
            answered = RedirectResponse(own_path(next), status_code=303)
            set_cookie(answered, _COOKIE, self._cookie, secure=False)
            return answered

        return routes


class ShownAsOf:
    """Every page is of the instant `at`, and says so."""

    def __init__(self, app: ASGIApp, at: datetime | None) -> None:
        self._app, self._at = app, at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shown_as_of.set(self._at)
        await self._app(scope, receive, send)


def pages_application(stack: Stack, as_of: datetime | None, link: PagesLink) -> FastAPI:
    """The pages and the API of the folder, for whoever has opened the link."""
    routers = [
        _home(stack),
        link.router(),
        documents_router(),
        stack.monitor.pages(illustrative=False, runbooks="/docs/runbooks/"),
        stack.monitor.router,
        stack.billing.router,
        *(each.reference for each in (stack.monitor, stack.billing)),
    ]
    served = create_app(
        _TITLE,
        routers,
        types=[*stack.monitor.types, *stack.billing.types],
        cursor_key=stack.monitor.cursor_key,
        authentication=Authentication(link.viewer),
        hosts=LOOPBACK_NAMES,
        problem_page=problem_page,
    )
    served.add_middleware(ShownAsOf, at=as_of)
    return served


async def serve_pages(folder: Path, port: int, *, as_json: bool) -> None:
    """The folder's pages have been served, from the first free port on, until Ctrl-C."""

    def report(line: str) -> None:
        (err if as_json else out).print(line)

    with closing(listening_socket(port, report)) as listening:
        host, found_port = listening.getsockname()[:2]
        link, as_of = PagesLink(f"http://{host}:{found_port}"), judged_as_of(folder)
        async with open_as_judged(folder) as stack:
            await stack.monitor.catch_up()
            await stack.billing.decisions.catch_up()
            app = pages_application(stack, as_of, link)
            server = StoppableServer(server_config(app), close_streams=stack.monitor.streams.close)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_announce(server, link, as_of, as_json=as_json))
                await server.serve(sockets=[listening])
    report("Stopped. Nothing was changed.")


async def _announce(server: StoppableServer, link: PagesLink, as_of: datetime | None, *, as_json: bool) -> None:
    while not server.started and not server.should_exit:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.02)
    lines = [
        f"Open {link}  (Ctrl-C stops it)",
        "It is for whoever reads this terminal, on this machine. The pages only show what is stored.",
    ]
    answer({"address": str(link), "as_of": as_of}, lines, as_json=as_json)


def _home(stack: Stack) -> APIRouter:
    """The page of the newest month with a verdict, with links to all of them."""
    from sla_monitor.reports.attainment import months_decided

    routes = APIRouter(include_in_schema=False)
    template = environment("tallystick").get_template("replayed.html")

    @routes.get("/", response_class=HTMLResponse, dependencies=[requires(Action.READ_FIGURES)])
    def home(caller: CallerScope) -> str:
        months = sorted(months_decided(stack.monitor.sources, caller), reverse=True)
        newest = page_of_month(stack, months[0], caller, partnership=_TITLE) if months else HomePage(_TITLE, None)
        return template.render(page=newest, months=months)

    routes.include_router(site_routes())
    return routes
