"""`tallystick clients`: the programs that may call, and their secrets, each shown once."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tallystick.authorisation import confirm, local_principal
from tallystick.console import answer, fail, plain_table, var_folder
from tallystick.options import Json, Yes
from tallystick.servers import service_api
from tallystick.stack import Stack, open_existing_stack, open_stack

if TYPE_CHECKING:
    from catalogue.clients import ClientHandlers
    from catalogue.clients_api import ClientReport, ClientWithSecret

T = TypeVar("T")
app = typer.Typer(add_completion=False)

Days = Annotated[int, typer.Option("--days", min=1, max=366, help="For how many days the secret holds.")]
ClientId = Annotated[str, typer.Argument(metavar="ID", help="As `tallystick clients list` shows it.")]
_HEADINGS = ("Id", "Title", "Roles", "Councils", "Secrets hold until", "State")
_DEFAULT_DAYS = 90
_MOST = 200


@app.command("list")
def list_clients(as_json: Json = False) -> None:
    """Every program that may call, or might until it was revoked; no secret. The first 200 of those on servers."""
    from catalogue.clients_api import ClientReport, client_report

    if (api := service_api("GET /v1/clients")) is not None:
        found = api.items("clients", query={"limit": str(_MOST)}, of=ClientReport)
    else:
        by = local_principal()
        found = _here(lambda clients: [client_report(each) for each in clients.listing(by)], open_existing_stack)
    lines = plain_table(_HEADINGS, map(_cells, found)) if found else ["No program may call yet."]
    answer(found, lines, as_json=as_json)


@app.command()
def add(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    title: Annotated[str, typer.Argument(help="What it is for, as people will know it.")],
    role: Annotated[list[str], typer.Option("--role", help="What it may do; once for each role.")],
    council: Annotated[
        list[str] | None, typer.Option("--council", help="For which council; without it, for every one.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="As which source an integrator sends.")] = None,
    days: Days = _DEFAULT_DAYS,
    as_json: Json = False,
) -> None:
    """A program may call from now on; its secret is shown this once."""
    from catalogue.clients import WantedClient
    from catalogue.clients_api import ClientRequest, ClientWithSecret, client_report

    councils = tuple(council) if council else None
    if (api := service_api("POST /v1/clients")) is not None:
        wanted = ClientRequest(title, tuple(role), councils, tuple(source or ()), days)
        made = _decoded(api.post("clients", body=wanted), ClientWithSecret)
    else:
        by, asked = local_principal(), WantedClient(title, tuple(role), councils, tuple(source or ()))

        def make(clients: "ClientHandlers") -> ClientWithSecret:
            client, secret = clients.make(by, asked, valid_for=timedelta(days=days))
            return ClientWithSecret(client_report(client), secret)

        made = _here(make)
    _show_once(made, as_json=as_json)


@app.command()
def rotate(
    client_id: ClientId,
    drop_older: Annotated[
        bool, typer.Option("--drop-older", help="End the older secret, once the program uses the newer one.")
    ] = False,
    days: Days = _DEFAULT_DAYS,
    as_json: Json = False,
) -> None:
    """A second secret holds beside the one in use, and is shown this once; with --drop-older only the newest does."""
    from catalogue.clients_api import ClientReport, ClientWithSecret, SecretRequest, client_report

    if drop_older:
        if (api := service_api("DELETE /v1/clients/{id}/secrets/older")) is not None:
            left = _decoded(api.delete("clients", client_id, "secrets", "older"), ClientReport)
        else:
            by = local_principal()
            left = _here(lambda clients: client_report(clients.take_back_older(by, client_id)))
        answer(left, [f"Only the newest secret of {left.id} holds."], as_json=as_json)
        return
    if (api := service_api("POST /v1/clients/{id}/secrets")) is not None:
        made = _decoded(api.post("clients", client_id, "secrets", body=SecretRequest(days)), ClientWithSecret)
    else:
        who = local_principal()

        def renew(clients: "ClientHandlers") -> ClientWithSecret:
            client, secret = clients.new_secret(who, client_id, valid_for=timedelta(days=days))
            return ClientWithSecret(client_report(client), secret)

        made = _here(renew)
    _show_once(made, as_json=as_json)


@app.command()
def revoke(client_id: ClientId, yes: Yes = False, as_json: Json = False) -> None:
    """It proves nothing any more, for ever, nor do its tokens: within five seconds, everywhere."""
    from catalogue.clients_api import ClientReport, client_report

    confirm(f"May {client_id} not call any more, for ever?", yes=yes)
    if (api := service_api("DELETE /v1/clients/{id}")) is not None:
        found = _decoded(api.delete("clients", client_id), ClientReport)
    else:
        by = local_principal()
        found = _here(lambda clients: client_report(clients.revoke(by, client_id)))
    answer(found, [f"{found.id} may not call any more."], as_json=as_json)


def _show_once(made: "ClientWithSecret", *, as_json: bool) -> None:
    lines = [
        f"TALLYSTICK_CLIENT_ID={made.client.id}",
        f"TALLYSTICK_CLIENT_SECRET={made.client_secret}",
        "The secret is shown this once: put it where the program reads it, and nowhere else.",
    ]
    answer(made, lines, as_json=as_json)


def _here(
    act: "Callable[[ClientHandlers], T]",
    opened: Callable[[Path], AbstractAsyncContextManager[Stack]] = open_stack,
) -> T:
    """What the act on the clients of this machine's folder comes to; ends the command where it is refused."""
    from catalogue.domain.clients import RefusedClient, UnknownClient
    from shared.auth.principal import InvalidPrincipal

    async def acted() -> T:
        async with opened(var_folder()) as stack:
            await stack.catalogue.audit.require_complete()
            done = await asyncio.to_thread(act, stack.catalogue.clients)
            await stack.catalogue.publish_waiting()
            return done

    try:
        return asyncio.run(acted())
    except UnknownClient:
        fail("No program of that id is known.", do="`tallystick clients list` shows them all. Nothing was changed.")
    except (RefusedClient, InvalidPrincipal) as refused:
        fail(f"That cannot be: {refused}.", do="docs/access.md has the roles. Nothing was changed.")


def _decoded(content: bytes, expected: type[T]) -> T:
    import msgspec

    return msgspec.json.decode(content, type=expected)


def _cells(client: "ClientReport") -> tuple[str, ...]:
    councils = "every council" if client.councils is None else ", ".join(client.councils)
    until = ", ".join(f"{each.expires_at:%Y-%m-%d}" for each in client.secrets)
    state = "in use" if client.revoked_at is None else f"revoked {client.revoked_at:%Y-%m-%d}"
    return client.id, client.title, ", ".join(client.roles), councils, until or "-", state
