"""`tallystick people`: who may sign in, what they may do, and that they no longer may."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.scope import Scope
from tallystick.authorisation import confirm, login_name
from tallystick.console import answer, fail, plain_table, var_folder
from tallystick.options import Json, Yes
from tallystick.servers import service_api
from tallystick.stack import Stack, open_existing_stack, open_stack

if TYPE_CHECKING:
    from catalogue.people import PeopleService
    from catalogue.people_api import KnownPerson

T = TypeVar("T")
app = typer.Typer(add_completion=False)

Roles = Annotated[list[str], typer.Option("--role", help="What they may do; once for each role.")]
Councils = Annotated[list[str] | None, typer.Option("--council", help="For which council; without it, for every one.")]
Sources = Annotated[list[str] | None, typer.Option("--source", help="As which source an integrator sends.")]
Name = Annotated[str | None, typer.Option("--name", help="For display alone: a job title rather than a name.")]
PersonId = Annotated[str, typer.Argument(metavar="ID", help="As `tallystick people list` shows it.")]
_HEADINGS = ("Id", "Name", "Roles", "Councils", "State")
_PAGE = 200


@app.command("list")
def list_people(as_json: Json = False) -> None:
    """Everybody who may sign in, or might until they were removed."""
    from catalogue.people_api import KnownPerson, known_person

    if (api := service_api("GET /v1/people")) is not None:
        found = api.items("people", query={"limit": str(_PAGE)}, of=KnownPerson)
    else:
        found = _here(
            lambda people: [known_person(each) for each in people.listed(Scope.all(), after="", limit=_PAGE)],
            open_existing_stack,
        )
    lines = plain_table(_HEADINGS, map(_cells, found)) if found else ["Nobody may sign in yet."]
    answer(found, lines, as_json=as_json)


@app.command()
def add(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    subject: Annotated[str, typer.Argument(help="Their subject at the provider of sign-ins: their page shows it.")],
    role: Roles,
    council: Councils = None,
    source: Sources = None,
    name: Name = None,
    issuer: Annotated[str | None, typer.Option(help="Their provider, if it is another than OIDC_ISSUER.")] = None,
    person_id: Annotated[str | None, typer.Option("--id", help="How decisions record them, for ever.")] = None,
    as_json: Json = False,
) -> None:
    """Somebody may sign in; whoever could already has this access from now on."""
    from catalogue.domain.people import Access, Identity
    from catalogue.people_api import KnownPerson, NewPerson, known_person
    from catalogue.settings import CatalogueSettings
    from shared.auth.principal import Principal

    access = Access(roles=tuple(role), councils=tuple(council) if council else None, sources=tuple(source or ()))
    if (api := service_api("POST /v1/people")) is not None:
        wanted = NewPerson(
            subject=subject,
            roles=access.roles,
            councils=access.councils,
            sources=access.sources,
            name=name or "",
            issuer=issuer,
            id=person_id,
        )
        found = _decoded(api.post("people", body=wanted), KnownPerson)
    else:
        provider = issuer or CatalogueSettings(TALLYSTICK_VAR=var_folder()).oidc_issuer
        if not provider:
            fail("Their provider of sign-ins is not known.", do="Set OIDC_ISSUER, or name it with --issuer.")
        identity, by = Identity(issuer=provider, subject=subject, name=name or ""), Principal.local(login_name())
        found = _here(lambda people: known_person(people.give(identity, access, by=by, id_=person_id)))
    answer(found, [f"{found.id} may sign in."], as_json=as_json)


@app.command()
def change(  # noqa: PLR0917 (as `add`)
    person_id: PersonId,
    role: Roles,
    council: Councils = None,
    source: Sources = None,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """They may do this from now on and nothing else: within five seconds, everywhere."""
    from catalogue.domain.people import Access
    from catalogue.people_api import AccessChange, KnownPerson, known_person
    from shared.auth.principal import Principal

    access = Access(roles=tuple(role), councils=tuple(council) if council else None, sources=tuple(source or ()))
    if (api := service_api("PUT /v1/people/{id}")) is not None:
        wanted = AccessChange(roles=access.roles, councils=access.councils, sources=access.sources, name=name)
        found = _decoded(api.put("people", person_id, body=wanted), KnownPerson)
    else:
        by = Principal.local(login_name())
        found = _here(lambda people: known_person(people.change(person_id, access, by=by, name=name)))
    answer(found, [f"{found.id} is {', '.join(found.roles)} now."], as_json=as_json)


@app.command()
def remove(person_id: PersonId, yes: Yes = False, as_json: Json = False) -> None:
    """They may not sign in any more, and are signed out everywhere within five seconds."""
    from catalogue.people_api import KnownPerson, known_person
    from shared.auth.principal import Principal

    confirm(f"May {person_id} not sign in any more?", yes=yes)
    if (api := service_api("DELETE /v1/people/{id}")) is not None:
        found = _decoded(api.delete("people", person_id), KnownPerson)
    else:
        by = Principal.local(login_name())
        found = _here(lambda people: known_person(people.remove(person_id, by=by)))
    answer(found, [f"{found.id} may not sign in any more."], as_json=as_json)


def _here(
    act: "Callable[[PeopleService], T]",
    opened: Callable[[Path], AbstractAsyncContextManager[Stack]] = open_stack,
) -> T:
    """What the act on the people of this machine's folder comes to; ends the command where it is refused."""
    from catalogue.domain.people import RefusedPerson, UnknownPerson
    from catalogue.ports import PersonExists

    async def acted() -> T:
        async with opened(var_folder()) as stack:
            await stack.catalogue.audit.require_complete()
            done = await asyncio.to_thread(act, stack.catalogue.people)
            await stack.catalogue.publish_waiting()
            return done

    try:
        return asyncio.run(acted())
    except UnknownPerson:
        fail("Nobody of that id is known.", do="`tallystick people list` shows everybody. Nothing was changed.")
    except PersonExists:
        fail("Another person has that id.", do="Choose another with --id. Nothing was changed.")
    except RefusedPerson as refused:
        fail(f"That cannot be: {refused}.", do="docs/access.md has the roles. Nothing was changed.")


def _decoded(content: bytes, expected: type[T]) -> T:
    import msgspec

    return msgspec.json.decode(content, type=expected)


def _cells(person: "KnownPerson") -> tuple[str, ...]:
    councils = "every council" if person.councils is None else ", ".join(person.councils)
    return person.id, person.name, ", ".join(person.roles), councils, "removed" if person.removed else person.origin
