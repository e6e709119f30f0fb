"""Documents in the bodies of requests: JSON or YAML, and what is answered to those that are refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from fastapi import Request

from shared.documents import MAX_DOCUMENT_BYTES, InvalidDocument, WrittenIn
from shared.faults import Fault, LocatedFault
from shared.http.bodies import read_body
from shared.http.media_types import JSON_TYPE, content_type
from shared.http.openapi import schema_ref
from shared.http.problem_types import INVALID_JSON, INVALID_REQUEST
from shared.http.problems import Problem
from shared.json_values import NotStrictJson

YAML_TYPE = "application/yaml"  # RFC 9512
SCHEMA_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {JSON_TYPE: {"schema": {"type": "object"}}}}}
_KINDS = (JSON_TYPE, YAML_TYPE)


class SentDocument(NamedTuple):
    """The bytes of a body, and what they are written in."""

    raw: bytes
    written_in: WrittenIn


def document_body(expected: type) -> dict[str, Any]:
    """What OpenAPI says of a body that is a document of the type."""
    content = {kind: {"schema": schema_ref(expected)} for kind in _KINDS}
    return {"requestBody": {"required": True, "content": content}}


async def sent_document(request: Request) -> SentDocument:
    """The request's document, not read yet."""
    kind = content_type(request, _KINDS)
    raw = await read_body(request, max_bytes=MAX_DOCUMENT_BYTES)
    return SentDocument(raw, "yaml" if kind == YAML_TYPE else "json")


@contextmanager
def refusing_documents() -> Iterator[None]:
    """A document that is refused within is answered as a problem, with each fault and its line."""
    try:
        yield
    except NotStrictJson as fault:
        raise Problem(INVALID_JSON, str(fault)) from fault
    except InvalidDocument as refused:
        raise Problem(INVALID_REQUEST, faults=[_with_position(located) for located in refused.faults]) from refused


def _with_position(located: LocatedFault) -> Fault:
    fault, position = located.fault, located.position
    return fault if position is None else Fault(fault.path, f"{position}: {fault.message}")
