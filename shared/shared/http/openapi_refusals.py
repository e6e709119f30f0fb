"""What an OpenAPI document says of refusals: each answer that an operation can give instead, as problem details.

What follows from an operation's form is added here, once for all services: a 401 where somebody has to be known, a 413
where a body is read. A route names only the rest, by `refuses`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from fastapi.routing import iter_route_contexts

from shared.http.access import action_of
from shared.http.openapi import schema_ref
from shared.http.problem_types import (
    CONTENT_TOO_LARGE,
    INTERNAL_ERROR,
    INVALID_QUERY,
    INVALID_REQUEST,
    MISDIRECTED_REQUEST,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    NOT_PERMITTED,
    PROBLEM_TYPES,
    REQUEST_HEADER_FIELDS_TOO_LARGE,
    REQUEST_TIMEOUT,
    SERVICE_UNAVAILABLE,
    UNAUTHENTICATED,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemType,
    problem_type_of_status,
)
from shared.http.problems import PROBLEM_JSON, Problem, ProblemDetails

TOKEN_SCHEME = "access_token"  # noqa: S105 (the name of a scheme)
_SCHEMES = {
    TOKEN_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token from POST /v1/token. Pages know people by a cookie instead.",
    }
}
_EVERY = (
    INVALID_QUERY,
    MISDIRECTED_REQUEST,
    REQUEST_HEADER_FIELDS_TOO_LARGE,
    INTERNAL_ERROR,
    SERVICE_UNAVAILABLE,
)
_OF_CALLERS = (UNAUTHENTICATED, NOT_PERMITTED)
_OF_BODIES = (REQUEST_TIMEOUT, CONTENT_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)
# What an application is made with: it keeps FastAPI from describing a form of refusal that is not ours.
UNSAID: dict[int | str, dict[str, Any]] = {"4XX": {"description": "replaced by `describe_refusals`"}}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "how to prove who asks (RFC 6750)"},
    429: {"Retry-After": "the seconds after which to try again"},
    503: {"Retry-After": "the seconds after which to try again; without it, an operator has to act first"},
}
_INSTANCE = "urn:uuid:7d0ec5a4-4a1c-4a4c-8f57-d0c26a2d3a5e"
# Parameters of a query that may name what there is not: a month that has not begun, a council of somebody else.
_FOUND_OR_NOT = frozenset({"month", "council"})
_WRITTEN = {"csv": "CSV", "openslo": "OpenSLO", "sla": "SLA"}
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


def refuses(*problems: ProblemType) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of refusals that do not follow from an operation's form, for a route's `responses`."""
    return {each.status: _reference(each.status) for each in problems}


def describe_refusals(document: dict[str, Any], routes: Any) -> None:
    """Every operation of `document` names each of its refusals and how its caller is known; changes it in place.

    Its summary is its id in words.
    """
    components = document.setdefault("components", {})
    components["responses"] = {_name(status): _response(status) for status in _statuses()}
    components["securitySchemes"] = _SCHEMES
    needs_caller = {
        (context.path_format, method.lower())
        for context in iter_route_contexts(routes)
        for method in context.methods or ()
        if action_of(getattr(context, "dependant", None)) is not None
    }
    for path, method, operation in operations(document):
        _describe(operation, needs_caller=(path, method) in needs_caller)


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method in small letters, and operation, of all of an OpenAPI document."""
    for path, methods in document.get("paths", {}).items():
        yield from ((path, method, operation) for method, operation in methods.items() if method in _METHODS)


def _describe(operation: dict[str, Any], *, needs_caller: bool) -> None:
    operation["summary"] = _words(operation["operationId"])
    answers = operation["responses"]
    for unsaid in UNSAID:
        answers.pop(unsaid, None)
    for problem in _following(operation, needs_caller=needs_caller):
        described = answers.setdefault(str(problem.status), _reference(problem.status))
        if "content" in described:  # the route has a form of refusal of its own: RFC 6749's
            described["content"] |= _response(problem.status)["content"]
    operation["responses"] = dict(sorted(answers.items()))
    operation["security"] = [{TOKEN_SCHEME: []}] if needs_caller else []


def _following(operation: Mapping[str, Any], *, needs_caller: bool) -> Iterator[ProblemType]:
    """What can be refused by an operation's form alone."""
    yield from _EVERY
    parameters = operation.get("parameters", ())
    if needs_caller:
        yield from _OF_CALLERS
    if any(each["in"] == "path" or each["name"] in _FOUND_OR_NOT for each in parameters):
        yield NOT_FOUND
    if "requestBody" in operation:
        yield from _OF_BODIES
    if any(len(each.get("content", ())) > 1 for each in operation["responses"].values()):
        yield NOT_ACCEPTABLE


def _words(operation_id: str) -> str:
    """The id of an operation as a sentence's beginning: "Get attainment CSV"."""
    words = [_WRITTEN.get(word, word) for word in operation_id.split("_")]
    return " ".join([words[0].capitalize(), *words[1:]])


def _reference(status: int) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: int) -> str:
    """The status's general title as one word: `NotFound`."""
    return "".join(word.capitalize() for word in problem_type_of_status(status).title.split())


def _statuses() -> list[int]:
    return sorted({each.status for each in PROBLEM_TYPES})


def _response(status: int) -> dict[str, Any]:
    """The refusals of a status, each with an example as it is answered."""
    kinds = [each for each in PROBLEM_TYPES if each.status == status]
    headers = {
        name: {"description": meaning, "schema": {"type": "string"}}
        for name, meaning in _HEADERS.get(status, {}).items()
    }
    return {
        "description": " / ".join(each.title for each in kinds),
        **({"headers": headers} if headers else {}),
        "content": {
            PROBLEM_JSON: {
                "schema": schema_ref(ProblemDetails),
                "examples": {each.slug: {"summary": each.title, "value": _example(each)} for each in kinds},
            }
        },
    }


def _example(kind: ProblemType) -> Any:
    details = msgspec.structs.replace(Problem(kind).details, instance=_INSTANCE)
    return msgspec.to_builtins(details)
