"""The catalogue over HTTP: every definition, its versions, and new versions by PUT."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header

from catalogue.domain.proposals import NEEDS_APPROVAL, party_words
from catalogue.domain.versions import DEFINITION_TYPES, PLURALS, CatalogueVersion, DefinitionKey, Kind, key_of
from catalogue.handlers import CatalogueHandlers, ExpectedVersions, UnknownDefinition
from catalogue.ports import StoredProposal
from catalogue.proposals import ProposalHandlers
from catalogue.proposals_api import ProposalReport, Reason, refusals, report_of
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.definitions import AnyDefinition, council_of
from shared.contracts.scalars import Instant
from shared.faults import Fault
from shared.http import (
    Caller,
    CallerScope,
    DateParameter,
    InstantParameter,
    Json,
    JsonBody,
    JsonList,
    Limit,
    Paging,
    PathId,
    Problem,
    RequestedPage,
    json_request_body,
    json_responses,
    page_of,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import (
    CONFLICT,
    INVALID_REQUEST,
    NOT_PERMITTED,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
)
from shared.scope import Scope

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_ETAG = re.compile(f'"({_NUMBER.pattern})"', re.ASCII)
IfMatch = Annotated[str | None, Header(description="the ETag of the version that is replaced, where there is one")]


def _version_type(kind: Kind) -> type[msgspec.Struct]:
    fields = [("version", int), ("recorded_at", Instant), ("definition", DEFINITION_TYPES[kind])]
    return msgspec.defstruct(f"{DEFINITION_TYPES[kind].__name__}Version", fields, frozen=True, kw_only=True)


VERSION_TYPES: dict[Kind, type[msgspec.Struct]] = {kind: _version_type(kind) for kind in DEFINITION_TYPES}
# What `shared.http.create_app` needs to describe this API.
API_TYPES: tuple[type, ...] = (*DEFINITION_TYPES.values(), *VERSION_TYPES.values())


def router(handlers: CatalogueHandlers, proposals: ProposalHandlers, clock: Clock) -> APIRouter:
    """The routes of all kinds, and of the changes that two people make."""
    routes = APIRouter(prefix="/v1")
    for kind in DEFINITION_TYPES:
        of_kind = APIRouter(prefix=f"/{PLURALS[kind]}", tags=[PLURALS[kind]])
        _add_reads(of_kind, kind, handlers)
        if kind in NEEDS_APPROVAL:
            _add_proposing_put(of_kind, kind, handlers, proposals, clock)
        else:
            _add_put(of_kind, kind, handlers, clock)
        routes.include_router(of_kind)
    return routes


def _add_reads(routes: APIRouter, kind: Kind, handlers: CatalogueHandlers) -> None:
    one = json_responses(VERSION_TYPES[kind], {200: "A version"})
    many = pages_of(VERSION_TYPES[kind])

    needs = [requires(Action.READ_FIGURES if kind == "tariff" else Action.READ_CATALOGUE)]

    @routes.get("", name=f"list_{PLURALS[kind]}", dependencies=needs, responses=many)
    def list_all(
        caller: CallerScope, paging: RequestedPage, limit: Limit = 50, as_of: DateParameter | None = None
    ) -> Json:
        """Of each id, by ascending id, the newest version, or the one in force on `as_of`."""
        scope = caller.with_definitions()
        found = handlers.listing(kind, scope, on=as_of, after=paging.after_text, limit=limit + 1)
        return _page(paging, found, limit, key=lambda version: version.key.id)

    @routes.get("/{id}", name=f"get_{kind}", dependencies=needs, responses=one)
    def get(
        id: PathId, caller: CallerScope, as_of: DateParameter | None = None, known_at: InstantParameter | None = None
    ) -> Json:
        """The newest version, which a PUT replaces; or the one in force on `as_of`, as far as known at `known_at`."""
        with refusals():
            return _answer(
                handlers.version(DefinitionKey(kind, id), caller.with_definitions(), on=as_of, known_at=known_at)
            )

    @routes.get("/{id}/versions", name=f"list_versions_of_{kind}", dependencies=needs, responses=many)
    def history(id: PathId, caller: CallerScope, paging: RequestedPage, limit: Limit = 50) -> Json:
        """Every version, ascending."""
        after = paging.after_number
        with refusals():
            versions = handlers.history(DefinitionKey(kind, id), caller.with_definitions())
        found = [version for version in versions if version.number > after]
        return _page(paging, found, limit, key=lambda version: str(version.number))


def _add_put(routes: APIRouter, kind: Kind, handlers: CatalogueHandlers, clock: Clock) -> None:
    @routes.put("/{id}", status_code=201, **_put(kind, _RECORDED))
    def put(id: PathId, body: JsonBody, caller: Caller, if_match: IfMatch = None) -> Json:
        """A new version is recorded; where the id has one already, If-Match must name it."""
        definition, expected = _definition(id, body, kind), _expected(if_match)
        with refusals():
            _require_in_scope(handlers, definition, caller.scope)
            version, is_new = handlers.replace(definition, expected=expected, at=clock.now(), actor=caller.name)
        return _answer(version, status_code=201 if is_new else 200)


def _add_proposing_put(
    routes: APIRouter, kind: Kind, handlers: CatalogueHandlers, proposals: ProposalHandlers, clock: Clock
) -> None:
    meanings = {202: "Proposed: it is recorded once somebody else has approved it"}
    proposed = json_responses(ProposalReport, meanings)

    @routes.put("/{id}", status_code=202, **_put(kind, _RECORDED, proposed))
    def put(id: PathId, body: JsonBody, caller: Caller, if_match: IfMatch = None, reason: Reason = "") -> Json:
        """A new version is proposed, for prices and terms take two people; If-Match as for every kind.

        On a local stack, which is one person's, it is recorded.
        """
        definition, expected, now = _definition(id, body, kind), _expected(if_match), clock.now()
        with refusals():
            _require_in_scope(handlers, definition, caller.scope)
            if caller.kind == "local":
                version, is_new = handlers.replace(definition, expected=expected, at=now, actor=caller.name)
                return _answer(version, status_code=201 if is_new else 200)
            found = proposals.replace(definition, expected=expected, party=party_words(caller, reason.strip(), now))
        return report_of(found, status_code=202) if isinstance(found, StoredProposal) else _answer(found)


_RECORDED = {201: "The new version", 200: "Equal to the newest version: nothing was added"}


def _put(kind: Kind, meanings: dict[int, str], *others: dict[int | str, dict[str, Any]]) -> dict[str, Any]:
    """How a PUT of the kind is described."""
    refusals = refuses(CONFLICT, PRECONDITION_FAILED, PRECONDITION_REQUIRED)
    responses = json_responses(VERSION_TYPES[kind], meanings) | refusals
    for other in others:
        responses |= other
    return {
        "name": f"put_{kind}",
        "dependencies": [requires(Action.PROPOSE_CATALOGUE)],
        "responses": responses,
        "openapi_extra": json_request_body(DEFINITION_TYPES[kind]),
    }


def _definition(id_: str, body: bytes, kind: Kind) -> AnyDefinition:
    definition: AnyDefinition = read_as(body, DEFINITION_TYPES[kind])
    if definition.id != id_:
        raise Problem(INVALID_REQUEST, faults=[Fault(("id",), "expected the id of the path")])
    return definition


def _require_in_scope(handlers: CatalogueHandlers, definition: AnyDefinition, scope: Scope) -> None:
    """Raises `UnknownDefinition` unless the caller sees what there is, and the council of what there is to be.

    So an id of another council's is answered as one that nobody has: a new one takes somebody who sees every council.
    And so does what councils share, as calendars: it is about councils out of scope too. Raises `Problem`.
    """
    if scope.councils is None:
        return
    key, council = key_of(definition), council_of(definition)
    if council is None and key.kind != "tariff":
        raise Problem(NOT_PERMITTED, "what councils share is changed by somebody who sees every council")
    if council is not None and not scope.allows(council):
        raise UnknownDefinition
    handlers.history(key, scope)


def _expected(if_match: str | None) -> ExpectedVersions | None:
    if if_match is None:
        return None
    tags = [tag.strip() for tag in if_match.split(",")]
    # A weak tag (W/"3") never matches, as RFC 9110 asks of If-Match.
    numbers = frozenset(int(found[1]) for tag in tags if (found := _ETAG.fullmatch(tag)))
    return ExpectedVersions(numbers, any=tags == ["*"])


def _body(version: CatalogueVersion) -> dict[str, Any]:
    """An instance of its kind's `VERSION_TYPES`, once encoded."""
    return {"version": version.number, "recorded_at": version.recorded_at, "definition": version.definition}


def _answer(version: CatalogueVersion, *, status_code: int = 200) -> Json:
    return Json(_body(version), status_code=status_code, headers={"ETag": f'"{version.number}"'})


def _page(
    paging: Paging, found: Sequence[CatalogueVersion], limit: int, *, key: Callable[[CatalogueVersion], str]
) -> Json:
    page = page_of(found, limit, key=lambda version: (key(version),))
    return JsonList([_body(version) for version in page.items], headers=paging.next_link(page))
