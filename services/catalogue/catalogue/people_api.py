"""People over HTTP, for operators: who may sign in, what they may do, and that they no longer may."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from fastapi import APIRouter
from msgspec import Meta

from catalogue.domain.people import Access, Identity, Origin, Person, RefusedPerson, UnknownPerson
from catalogue.people import PeopleService
from catalogue.ports import PersonExists
from shared.auth.roles import Action
from shared.contracts.scalars import Id
from shared.faults import Fault
from shared.http import (
    Caller,
    CallerScope,
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
    page_of,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, INVALID_REQUEST, NOT_FOUND

_CouncilIds = Annotated[tuple[Id, ...], Meta(max_length=100)]
_Councils = Annotated[
    _CouncilIds | None, Meta(description="null for every council, which the provider's roles alone can have")
]
_Name = Annotated[str, Meta(max_length=100, description="for display alone")]
_Sources = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=20)]


class AccessChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody may do from now on."""

    roles: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=10)]
    councils: _Councils
    sources: _Sources = ()
    name: _Name | None = None

    @property
    def access(self) -> Access:
        """It, as the domain has it."""
        return Access(roles=self.roles, councils=self.councils, sources=self.sources)


class NewPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to let in. The provider of sign-ins knows them by `subject`; `issuer` is by default the one in use."""

    subject: Annotated[str, Meta(min_length=1, max_length=255)]
    roles: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=10)]
    councils: _Councils
    sources: _Sources = ()
    name: _Name = ""
    issuer: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    id: Annotated[
        Id | None, Meta(description="how decisions record them, for ever; by default made from the subject")
    ] = None


class KnownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in, or might until `removed`. `origin` is `claimed` where a claim gave their access."""

    id: str
    issuer: str
    subject: str
    name: str
    roles: tuple[str, ...]
    councils: tuple[str, ...] | None
    sources: tuple[str, ...]
    origin: Origin
    changed_by: str
    removed: bool


PEOPLE_TYPES = (NewPerson, AccessChange, KnownPerson)


def router(people: PeopleService, *, issuer: str) -> APIRouter:
    """`/people`; `issuer` is the provider of sign-ins that is in use."""
    routes = APIRouter(prefix="/v1/people", tags=["people"], dependencies=[requires(Action.MANAGE_ACCESS)])
    meanings = {201: "They may sign in now"}

    @routes.get("", responses=pages_of(KnownPerson))
    def list_people(scope: CallerScope, paging: RequestedPage, limit: Limit = 50) -> Json:
        """Everybody who may sign in, or might until they were removed, by ascending id."""
        page = page_of(
            people.listed(scope, after=paging.after_text, limit=limit + 1), limit, key=lambda each: (each.id,)
        )
        return JsonList([known_person(each) for each in page.items], headers=paging.next_link(page))

    @routes.get("/{id}", responses=answers(KnownPerson))
    def get_person(id: PathId, scope: CallerScope) -> Json:
        """One of them."""
        with _refusals():
            return Json(known_person(people.one(id, scope)))

    @routes.post(
        "",
        status_code=201,
        responses=json_responses(KnownPerson, meanings) | refuses(CONFLICT),
        openapi_extra=json_request_body(NewPerson),
    )
    def add_person(body: JsonBody, caller: Caller) -> Json:
        """Somebody may sign in; whoever could already has this access now."""
        wanted = read_as(body, NewPerson)
        identity = Identity(issuer=wanted.issuer or issuer, subject=wanted.subject, name=wanted.name)
        if not identity.issuer:
            raise Problem(INVALID_REQUEST, faults=[Fault(("issuer",), "expected one: OIDC_ISSUER is not set")])
        access = Access(roles=wanted.roles, councils=wanted.councils, sources=wanted.sources)
        with _refusals():
            return Json(known_person(people.give(identity, access, by=caller, id_=wanted.id)), status_code=201)

    @routes.put(
        "/{id}", responses=answers(KnownPerson) | refuses(CONFLICT), openapi_extra=json_request_body(AccessChange)
    )
    def change_person(id: PathId, body: JsonBody, caller: Caller) -> Json:
        """They may do this from now on, and nothing else: within five seconds, everywhere."""
        wanted = read_as(body, AccessChange)
        with _refusals():
            return Json(known_person(people.change(id, wanted.access, by=caller, name=wanted.name)))

    @routes.delete("/{id}", responses=answers(KnownPerson))
    def remove_person(id: PathId, caller: Caller) -> Json:
        """They may not sign in any more, and are signed out everywhere within five seconds."""
        with _refusals():
            return Json(known_person(people.remove(id, by=caller)))

    return routes


def known_person(person: Person) -> KnownPerson:
    """The person as answers show them."""
    return KnownPerson(
        id=person.id,
        issuer=person.issuer,
        subject=person.subject,
        name=person.name,
        roles=person.access.roles,
        councils=person.access.councils,
        sources=person.access.sources,
        origin=person.origin,
        changed_by=person.changed_by,
        removed=person.removed,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UnknownPerson as refused:
        raise Problem(NOT_FOUND) from refused
    except PersonExists as refused:
        raise Problem(CONFLICT, "another person has this id") from refused
    except RefusedPerson as refused:
        raise Problem(INVALID_REQUEST, str(refused)) from refused
