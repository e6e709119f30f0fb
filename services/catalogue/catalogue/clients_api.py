"""Clients and their secrets over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from msgspec import Meta, Struct

from catalogue.clients import ClientHandlers, WantedClient
from catalogue.domain.clients import LONGEST_VALIDITY, Client, RefusedClient, UnknownClient
from catalogue.ports import RequestUnderWay
from shared.auth.principal import InvalidPrincipal
from shared.auth.roles import Action
from shared.contracts.scalars import Id, Instant
from shared.faults import Fault
from shared.http import (
    Caller,
    Json,
    JsonBody,
    JsonList,
    Limit,
    PathId,
    Problem,
    RequestedPage,
    answers,
    json_request_body,
    json_responses,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, INVALID_REQUEST, NOT_FOUND

_DEFAULT_DAYS = 90
_NO_STORE = {"Cache-Control": "no-store"}
_Days = Annotated[int, Meta(ge=1, le=LONGEST_VALIDITY.days)]
_ShortText = Annotated[str, Meta(min_length=1, max_length=100)]
RequestKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="of your choice: the same request sent again under it changes nothing, and shows no secret",
    ),
]


class ClientRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A client to be made. Without `councils`, for every council; an integrator names the `sources` it sends as."""

    title: _ShortText
    roles: Annotated[tuple[_ShortText, ...], Meta(min_length=1, max_length=10)]
    councils: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=500)] | None = None
    sources: Annotated[tuple[_ShortText, ...], Meta(max_length=100)] = ()
    valid_days: _Days = _DEFAULT_DAYS


class SecretRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A secret to be made, which is valid for so many days."""

    valid_days: _Days = _DEFAULT_DAYS


class SecretReport(Struct, frozen=True):
    """From when until when a secret holds. Of the secret itself only a hash is kept."""

    made_at: Instant
    expires_at: Instant


class ClientReport(Struct, frozen=True):
    """A client as it is now. `councils` is null for every council."""

    id: str
    title: str
    roles: tuple[str, ...]
    councils: tuple[str, ...] | None
    sources: tuple[str, ...]
    made_by: str
    secrets: tuple[SecretReport, ...]
    revoked_at: datetime | None


class ClientWithSecret(Struct, frozen=True):
    """A client, and the secret that was made: shown this once. Null where the same request had been made before."""

    client: ClientReport
    client_secret: str | None


TYPES = (ClientRequest, SecretRequest, ClientReport, ClientWithSecret)


def clients_router(handlers: ClientHandlers) -> APIRouter:
    """`/v1/clients`: those that the caller may manage."""
    routes = APIRouter(prefix="/v1/clients", tags=["access"], dependencies=[requires(Action.MANAGE_CREDENTIALS)])
    shown_once = {201: "Made: its secret is shown this once", 200: "Made before by the same request"}

    @routes.get("", name="list_clients", responses=pages_of(ClientReport))
    def listing(caller: Caller, paging: RequestedPage, limit: Limit = 50) -> Json:
        """Every client that the caller may manage, also those that are revoked."""
        page = paging.page(handlers.listing(caller), limit, key=lambda each: each.id)
        return JsonList([client_report(each) for each in page.items], headers=paging.next_link(page))

    @routes.post(
        "",
        name="make_client",
        status_code=201,
        responses=json_responses(ClientWithSecret, shown_once) | refuses(CONFLICT),
        openapi_extra=json_request_body(ClientRequest),
    )
    def make(caller: Caller, body: JsonBody, request_key: RequestKey = None) -> Json:
        """A client is made, with its first secret."""
        sent = read_as(body, ClientRequest)
        wanted = WantedClient(sent.title, sent.roles, sent.councils, sent.sources)
        with _refusals():
            made = handlers.make(caller, wanted, valid_for=timedelta(days=sent.valid_days), request=request_key or "")
        return _with_secret(*made)

    @routes.post(
        "/{id}/secrets",
        name="make_client_secret",
        status_code=201,
        responses=json_responses(ClientWithSecret, shown_once) | refuses(CONFLICT),
        openapi_extra=json_request_body(SecretRequest),
    )
    def new_secret(id: PathId, caller: Caller, body: JsonBody, request_key: RequestKey = None) -> Json:
        """A second secret, which holds beside the one in use until the older one is taken back or expires."""
        valid_for = timedelta(days=read_as(body, SecretRequest).valid_days)
        with _refusals():
            made = handlers.new_secret(caller, id, valid_for=valid_for, request=request_key or "")
        return _with_secret(*made)

    @routes.delete("/{id}/secrets/older", name="take_back_older_secret", responses=answers(ClientReport))
    def take_back_older(id: PathId, caller: Caller) -> Json:
        """Only the newest secret holds, and every token issued by now is void."""
        with _refusals():
            return Json(client_report(handlers.take_back_older(caller, id)))

    @routes.delete("/{id}", name="revoke_client", responses=answers(ClientReport))
    def revoke(id: PathId, caller: Caller) -> Json:
        """The client proves nothing any more, for ever, nor do its tokens."""
        with _refusals():
            return Json(client_report(handlers.revoke(caller, id)))

    return routes


@contextmanager
def _refusals() -> Iterator[None]:
    """Which status each broken rule is answered with."""
    try:
        yield
    except UnknownClient as refused:
        raise Problem(NOT_FOUND) from refused
    except RequestUnderWay as refused:
        raise Problem(CONFLICT, "a request of this key is being answered: send it again") from refused
    except (InvalidPrincipal, RefusedClient) as refused:
        raise Problem(INVALID_REQUEST, faults=[Fault((), str(refused))]) from refused


def _with_secret(client: Client, secret: str | None) -> Json:
    body = ClientWithSecret(client_report(client), secret)
    return Json(body, status_code=HTTPStatus.OK if secret is None else HTTPStatus.CREATED, headers=_NO_STORE)


def client_report(client: Client) -> ClientReport:
    """The client as answers show it."""
    secrets = tuple(SecretReport(each.made_at, each.expires_at) for each in client.secrets)
    return ClientReport(
        id=client.id,
        title=client.title,
        roles=client.roles,
        councils=client.councils,
        sources=client.sources,
        made_by=client.made_by,
        secrets=secrets,
        revoked_at=client.revoked_at,
    )
