"""Request bodies, read strictly: what JSON leaves open (doubled keys, NaN, other encodings) is refused, not guessed."""

import asyncio
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import Request

from shared.http.media_types import JSON_TYPE, content_type
from shared.http.openapi import schema_ref
from shared.http.problem_types import CONTENT_TOO_LARGE, INVALID_JSON, INVALID_REQUEST, REQUEST_TIMEOUT
from shared.http.problems import Problem
from shared.json_values import NotStrictJson, strict_json
from shared.validation import InvalidValue, validated

MAX_BODY_BYTES = 1_048_576
MAX_BODY_WAIT_S = 30.0
# The rest of the body is not read, so the connection cannot serve another request.
_HANG_UP = {"Connection": "close"}

T = TypeVar("T")


async def read_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body; a 413 where it is longer than `max_bytes`, a 408 where it takes longer than `MAX_BODY_WAIT_S`."""
    parts, length = [], 0
    try:
        async with asyncio.timeout(MAX_BODY_WAIT_S):
            async for part in request.stream():
                parts.append(part)
                length += len(part)
                if length > max_bytes:
                    raise Problem(CONTENT_TOO_LARGE, f"at most {max_bytes} bytes", headers=_HANG_UP)
    except TimeoutError as fault:
        raise Problem(REQUEST_TIMEOUT, headers=_HANG_UP) from fault
    return b"".join(parts)


async def _json_body(request: Request) -> Any:
    content_type(request)
    try:
        return strict_json(await read_body(request))
    except NotStrictJson as fault:
        raise Problem(INVALID_JSON, str(fault)) from fault


# A parameter of this type makes an endpoint read strict JSON; plain values, to be given to `read_as`.
JsonBody = Annotated[Any, Depends(_json_body)]


def read_as(value: object, expected: type[T]) -> T:
    """A plain value as an `expected`; otherwise a 422 that lists every fault."""
    try:
        return validated(value, expected)
    except InvalidValue as refused:
        raise Problem(INVALID_REQUEST, faults=refused.faults) from refused


def json_request_body(expected: type) -> dict[str, Any]:
    """OpenAPI's description of a `JsonBody` of `expected`, for an endpoint's `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {JSON_TYPE: {"schema": schema_ref(expected)}}}}
