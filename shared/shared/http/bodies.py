"""Request bodies, read strictly: what JSON leaves open (doubled keys, NaN, other encodings) is refused, not guessed."""

import asyncio
import codecs
import json
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn, TypeVar

from fastapi import Depends
from starlette.requests import Request

from shared.http.documents import ref
from shared.http.kinds import BAD_JSON, INVALID, TOO_LARGE, TOO_SLOW, UNREADABLE_TYPE
from shared.http.problems import Problem
from shared.shapes import Misshapen, shaped

MAX_BODY_BYTES = 1_048_576
MAX_BODY_WAIT_S = 30.0
JSON_TYPE = "application/json"
# The rest of the body is not read, so the connection cannot serve another request.
_HANG_UP = {"Connection": "close"}

T = TypeVar("T")


class NotStrictJson(ValueError):
    """The bytes are no JSON, or JSON that two readers could read in two ways. The message repeats none of them."""


def strict_json(raw: bytes) -> Any:
    """The one value that `raw` holds; raises `NotStrictJson`. Its type is the sender's choice."""
    if not raw:
        raise NotStrictJson("the body is empty")
    if raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotStrictJson("the body begins with a byte order mark")
    try:
        return json.loads(raw.decode(), object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except UnicodeDecodeError as fault:
        raise NotStrictJson(f"the body is not UTF-8 at byte {fault.start}") from fault
    except json.JSONDecodeError as fault:
        raise NotStrictJson(f"{fault.msg.lower()} at line {fault.lineno}, column {fault.colno}") from fault
    except RecursionError as fault:
        raise NotStrictJson("the body is nested too deeply") from fault
    except NotStrictJson:
        raise
    except ValueError as fault:  # an integer of more digits than Python converts
        raise NotStrictJson("a number is too long") from fault


def content_type(request: Request, accepted: Sequence[str] = (JSON_TYPE,)) -> str:
    """Which of `accepted` the body claims to be, in UTF-8 and uncompressed; otherwise a 415."""
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.strip().replace('"', "")
    readable = charset in {"", "charset=utf-8"} and "content-encoding" not in request.headers
    if kind.strip() not in accepted or not readable:
        raise Problem(UNREADABLE_TYPE, f"expected {' or '.join(accepted)} in UTF-8, not compressed")
    return kind.strip()


async def read_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body; a 413 where it is longer than `max_bytes`, a 408 where it takes longer than `MAX_BODY_WAIT_S`."""
    parts, length = [], 0
    try:
        async with asyncio.timeout(MAX_BODY_WAIT_S):
            async for part in request.stream():
                parts.append(part)
                length += len(part)
                if length > max_bytes:
                    raise Problem(TOO_LARGE, f"at most {max_bytes} bytes", headers=_HANG_UP)
    except TimeoutError as fault:
        raise Problem(TOO_SLOW, headers=_HANG_UP) from fault
    return b"".join(parts)


async def _json_body(request: Request) -> Any:
    content_type(request)
    try:
        return strict_json(await read_body(request))
    except NotStrictJson as fault:
        raise Problem(BAD_JSON, str(fault)) from fault


# A parameter of this type makes an endpoint read strict JSON; plain values, to be given to `read_as`.
JsonBody = Annotated[Any, Depends(_json_body)]


def read_as(value: object, expected: type[T]) -> T:
    """A plain value as an `expected`; otherwise a 422 that lists every fault."""
    try:
        return shaped(value, expected)
    except Misshapen as refused:
        raise Problem(INVALID, faults=refused.faults) from refused


def json_request_body(expected: type) -> dict[str, Any]:
    """OpenAPI's words for a `JsonBody` of `expected`, for an endpoint's `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {JSON_TYPE: {"schema": ref(expected)}}}}


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotStrictJson("an object holds the same key twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON")
