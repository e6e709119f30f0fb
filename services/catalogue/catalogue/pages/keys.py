"""Pages by which people make, change and revoke the keys of their machines: client credentials, shown once."""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from catalogue.clients import ClientHandlers, WantedClient
from catalogue.domain.clients import LONGEST_VALIDITY, Client, RefusedClient, UnknownClient, require_may_make
from catalogue.ports import RequestUnderWay
from shared.auth.principal import InvalidPrincipal, Principal
from shared.auth.roles import ROLES, Action
from shared.clock import Clock
from shared.contracts.scalars import ID_PATTERN
from shared.http import Caller, PathId, Problem, requires
from shared.http.forms import FormBody, SentForm
from shared.http.problem_types import NOT_FOUND
from shared.scope import Scope
from shared.web.pages import environment
from shared.web.strings import text

_NO_STORE = {"Cache-Control": "no-store"}
_DEFAULT_DAYS = 90
_MAX_TITLE = 100
_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class KeyPages:
    """What the pages need; `councils` gives ids and names of those that a scope may see."""

    clients: ClientHandlers
    councils: Callable[[Scope], Sequence[tuple[str, str]]]
    clock: Clock


def router(pages: KeyPages) -> APIRouter:
    """`/keys`: those that the caller may manage, a new one, and what may be done to one."""
    routes = APIRouter(
        prefix="/keys",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        dependencies=[requires(Action.MANAGE_CREDENTIALS)],
    )
    _add_making(routes, pages)
    _add_changing(routes, pages)
    return routes


def _add_making(routes: APIRouter, pages: KeyPages) -> None:
    @routes.get("")
    def listing(caller: Caller) -> Response:
        """Every key that the caller may manage, the ones in use first."""
        found = sorted(pages.clients.listing(caller), key=lambda each: (each.revoked_at is not None, each.title))
        return _page(pages, "keys.html", clients=found)

    @routes.get("/new")
    def ask(caller: Caller) -> Response:
        """What the key is for."""
        return _page(pages, "key_new.html", **_form_values(pages, caller, SentForm({}), ""))

    @routes.post("/new")
    def make(caller: Caller, form: FormBody) -> Response:
        """The key, with its secret for this once; or what is wrong with what was asked for."""
        try:
            wanted, valid_for = _wanted(form), _valid_for(form)
            client, secret = pages.clients.make(caller, wanted, valid_for=valid_for, request=form.one("request"))
        except (RefusedClient, InvalidPrincipal, RequestUnderWay) as refused:
            fault = str(refused) or text("keys.under_way")
            return _page(pages, "key_new.html", status=422, **_form_values(pages, caller, form, fault))
        return _page(pages, "key.html", client=client, secret=secret, made=True, request=_request_key())


def _add_changing(routes: APIRouter, pages: KeyPages) -> None:
    @routes.get("/{id}")
    def one(id: PathId, caller: Caller) -> Response:
        """A key, and what may be done to it."""
        return _page(pages, "key.html", client=_found(pages, caller, id), request=_request_key())

    @routes.post("/{id}/secret")
    def new_secret(id: PathId, caller: Caller, form: FormBody) -> Response:
        """A second secret, which is shown this once and holds beside the first."""
        try:
            client, secret = pages.clients.new_secret(
                caller, id, valid_for=timedelta(days=_DEFAULT_DAYS), request=form.one("request")
            )
        except UnknownClient as refused:
            raise Problem(NOT_FOUND) from refused
        except RefusedClient as refused:
            client = _found(pages, caller, id)
            return _page(pages, "key.html", status=422, client=client, fault=str(refused), request=_request_key())
        return _page(pages, "key.html", client=client, secret=secret, made=True, request=_request_key())

    @routes.post("/{id}/older")
    def take_back_older(id: PathId, caller: Caller) -> Response:
        """Only the newest secret holds."""
        return _changed(id, lambda: pages.clients.take_back_older(caller, id))

    @routes.post("/{id}/revoke")
    def revoke(id: PathId, caller: Caller) -> Response:
        """The key holds no more."""
        return _changed(id, lambda: pages.clients.revoke(caller, id))


def _changed(id_: str, change: Callable[[], Client]) -> Response:
    try:
        change()
    except UnknownClient as refused:
        raise Problem(NOT_FOUND) from refused
    return RedirectResponse(f"/keys/{id_}", status_code=303, headers=_NO_STORE)


def _found(pages: KeyPages, caller: Principal, id_: str) -> Client:
    for client in pages.clients.listing(caller):
        if client.id == id_:
            return client
    raise Problem(NOT_FOUND)


def _wanted(form: SentForm) -> WantedClient:
    title = form.one("title")
    if not 0 < len(title) <= _MAX_TITLE or not title.isprintable():
        raise RefusedClient(text("keys.needs_title", most=_MAX_TITLE))
    councils, sources = form.all("council"), tuple(form.one("sources").split())
    if any(not _ID.match(each) for each in councils) or any(len(each) > 256 for each in sources):
        raise RefusedClient(text("keys.unknown_council"))
    # Without a council it is for every council, which a council's role refuses.
    return WantedClient(title, form.all("role"), councils or None, sources)


def _valid_for(form: SentForm) -> timedelta:
    days = form.one("days") or str(_DEFAULT_DAYS)
    if not days.isascii() or not days.isdigit() or not 1 <= int(days[:6]) <= LONGEST_VALIDITY.days:
        raise RefusedClient(text("keys.needs_days", most=LONGEST_VALIDITY.days))
    return timedelta(days=int(days))


def _form_values(pages: KeyPages, caller: Principal, form: SentForm, fault: str) -> dict[str, Any]:
    """What the form shows: what was sent before, and what the caller can choose."""
    return {
        "fault": fault,
        "title_value": form.one("title"),
        "sources_value": form.one("sources"),
        "days_value": form.one("days") or str(_DEFAULT_DAYS),
        "roles": [(name, role.title) for name, role in ROLES.items() if _may_grant(caller, name)],
        "chosen_roles": form.all("role"),
        "councils": pages.councils(caller.scope),
        "chosen_councils": form.all("council"),
        "sees_every_council": caller.scope.councils is None,
        "request": form.one("request") or _request_key(),
    }


def _may_grant(caller: Principal, role: str) -> bool:
    """Whether the caller could make a machine with that role for some council."""
    scope = caller.scope if caller.scope.councils is not None else Scope.of("any")
    sources = [f"/councils/{next(iter(scope.councils or ()), '')}/"] if role == "integrator" else []
    try:
        require_may_make(caller, Principal.of("new", "machine", [role], scope, sources=sources))
    except (RefusedClient, InvalidPrincipal):
        return False
    return True


def _request_key() -> str:
    """By which a form that is sent twice makes one secret."""
    return secrets.token_urlsafe(16)


def _page(pages: KeyPages, template: str, *, status: int = 200, **values: Any) -> Response:
    shown = {"secret": None, "made": False, "fault": "", "now": pages.clock.now(), **values}
    titles = {name: role.title for name, role in ROLES.items()}
    content = environment("catalogue").get_template(template).render(role_titles=titles, **shown)
    return HTMLResponse(content, status_code=status, headers=_NO_STORE)
