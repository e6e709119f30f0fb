"""Events over HTTP: `POST /v1/events` in every mode of CloudEvents, `GET /v1/events` for what became of one."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, unquote

import msgspec
from fastapi import APIRouter
from starlette.requests import Request

from catalogue.domain.event_reports import EventReceipt, EventReceipts
from catalogue.domain.received_events import (
    MAX_EVENTS,
    NOT_YOURS,
    EventFault,
    ReceivedEvent,
    RefusedEvent,
    conflict_at,
    faults_of,
    receive,
)
from catalogue.events import EventHandlers, Overloaded
from catalogue.events_status import EVENTS_PATH, STATUS_TYPES, add_status_routes
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.contracts.cloudevents import (
    BATCH_TYPE,
    HTTP_PREFIX,
    JSON_TYPE,
    STRUCTURED_TYPE,
    NotCloudEvent,
    is_json,
    structured,
)
from shared.contracts.schema import examples
from shared.faults import Fault, Path
from shared.http import (
    Caller,
    Json,
    Problem,
    ProblemType,
    json_responses,
    refuses,
    requires,
    schema_ref,
)
from shared.http.bodies import read_body
from shared.http.media_types import content_type, require_one_content_type
from shared.http.problem_types import (
    CONFLICT,
    INVALID_JSON,
    INVALID_REQUEST,
    NOT_PERMITTED,
    SERVICE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_MEDIA_TYPE,
)
from shared.http.problems import ProblemError, cut
from shared.http.queries import FlagParameter
from shared.http.rates import AttemptLimit
from shared.instants import epoch_ms
from shared.json_values import NotStrictJson, strict_json
from shared.log.provided import PROVIDED
from shared.sql.inbox import InsertResult

_RETRY_AFTER_S = 5
# A body that takes longer than a few milliseconds to look through is looked through in a thread.
_MOST_AT_ONCE_BYTES = 16_384
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+", re.ASCII)  # what an address holds as it is
_batch = msgspec.json.Decoder(list[msgspec.Raw])


_SENT = sorted(PROVIDED, key=lambda each: str(each.__struct_config__.tag))
TYPES: Sequence[type] = (EventReceipts, *STATUS_TYPES, *_SENT)


def events_router(handlers: EventHandlers, limit: AttemptLimit) -> APIRouter:
    """`/v1/events`; `limit` is that of each source."""
    routes = APIRouter(prefix=EVENTS_PATH, tags=["events"], dependencies=[requires(Action.SEND_EVENTS)])

    @routes.post(
        "",
        name="send_events",
        status_code=202,
        responses=_RECEIPTS | refuses(CONFLICT, TOO_MANY_REQUESTS),
        openapi_extra={"requestBody": _body()},
    )
    async def send(request: Request, caller: Caller, dry_run: FlagParameter = False) -> Json:
        """Receive events: one, structured or in binary mode, or a batch. All of them are received, or none."""
        sent = await _sent(request)
        now_ms = epoch_ms(handlers.clock.now())
        found = await _looked_through(sent, caller, now_ms)
        events = _valid(sent, found)
        _require_rate(limit, events)
        results = await _results(handlers, caller, events, dry_run=dry_run)
        if conflicts := [
            conflict_at(at) for at, result in zip(sent.places, results, strict=True) if result is InsertResult.CONFLICT
        ]:
            raise _refusal(CONFLICT, conflicts)
        return _receipts(events, results, dry_run=dry_run)

    add_status_routes(routes, handlers)
    return routes


@dataclass(frozen=True, slots=True)
class _Sent:
    """The events of a request in structured mode, and where each is in the body."""

    values: Sequence[bytes]
    places: Sequence[Path]


async def _sent(request: Request) -> _Sent:
    attributes = dict(_attributes(request))
    if attributes:
        return await _binary(request, attributes)
    media_type = content_type(request, (STRUCTURED_TYPE, BATCH_TYPE))
    body = await read_body(request)
    if media_type == STRUCTURED_TYPE:
        return _Sent([body], [()])
    values = _split(body)
    return _Sent(values, [(index,) for index in range(len(values))])


def _attributes(request: Request) -> Iterator[tuple[str, str]]:
    """Those of binary mode, from headers; a media type of CloudEvents' own says that they are in the body."""
    require_one_content_type(request)
    if request.headers.get("content-type", "").lower().startswith("application/cloudevents"):
        return
    seen = set()
    for name, text in request.headers.items():
        if name.startswith(HTTP_PREFIX):
            if name in seen:
                raise Problem(INVALID_REQUEST, errors=[_no_cloud_event("attributes", "expected each header once")])
            seen.add(name)
            yield name[len(HTTP_PREFIX) :], _decoded(text)


def _decoded(text: str) -> str:
    """Section 3.1.3.2 of the HTTP binding: a quoted text without its quotes, then the percent-encoded UTF-8 decoded.

    What is not ASCII has to be percent-encoded: of raw bytes nobody says in which encoding they are.
    """
    if quoted := _QUOTED.fullmatch(text):
        text = _ESCAPED.sub(r"\1", quoted[1])
    try:
        if text.isascii():
            return unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    expected = "expected percent-encoded text in UTF-8 in the headers"
    raise Problem(INVALID_REQUEST, errors=[_no_cloud_event("attributes", expected)])


async def _binary(request: Request, attributes: dict[str, str]) -> _Sent:
    media_type = request.headers.get("content-type", "")
    if "content-encoding" in request.headers or not is_json(media_type):
        raise Problem(UNSUPPORTED_MEDIA_TYPE, f"expected {JSON_TYPE} beside headers of attributes, not compressed")
    body = await read_body(request)
    try:
        return _Sent([structured(attributes, media_type, body)], [()])
    except NotCloudEvent as refused:
        raise Problem(INVALID_REQUEST, errors=[_no_cloud_event(refused.attribute, refused.expected)]) from refused


def _no_cloud_event(attribute: str, expected: str) -> ProblemError:
    return _error(EventFault(Fault((attribute,), expected), "UNREADABLE"))


def _split(body: bytes) -> list[bytes]:
    try:
        found = _batch.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        try:
            strict_json(body)
        except NotStrictJson as why:
            raise Problem(INVALID_JSON, str(why)) from fault
        raise Problem(INVALID_REQUEST, faults=[Fault((), "expected a list of events")]) from fault
    if len(found) > MAX_EVENTS:
        raise Problem(INVALID_REQUEST, faults=[Fault((), f"expected at most {MAX_EVENTS:,} events")])
    return list(map(bytes, found))


async def _looked_through(sent: _Sent, caller: Principal, now_ms: int) -> list[ReceivedEvent | RefusedEvent]:
    def look() -> list[ReceivedEvent | RefusedEvent]:
        return [receive(value, caller, now_ms=now_ms) for value in sent.values]

    return look() if sum(map(len, sent.values)) <= _MOST_AT_ONCE_BYTES else await asyncio.to_thread(look)


def _valid(sent: _Sent, found: Sequence[ReceivedEvent | RefusedEvent]) -> list[ReceivedEvent]:
    """All of them; raises the problem that lists every fault where there is one."""
    valid = [event for event in found if isinstance(event, ReceivedEvent)]
    if len(valid) == len(found):
        return valid
    faults = faults_of(found, sent.places)
    foreign = any(fault.reason == NOT_YOURS for fault in faults)
    raise _refusal(NOT_PERMITTED if foreign else INVALID_REQUEST, faults)


def _refusal(kind: ProblemType, faults: Sequence[EventFault]) -> Problem:
    detail = (
        f"{kind.help.rstrip('.')}. Nothing of the request was received."
        if kind is not NOT_PERMITTED
        else (
            "The request has events of another source or council than your client may send for; nothing was received."
        )
    )
    return Problem(kind, detail, errors=[_error(each) for each in faults])


def _error(found: EventFault) -> ProblemError:
    fault = found.fault
    return ProblemError(
        pointer=cut(fault.pointer), detail=cut(fault.message), reason=found.reason, help=f"/events#{found.reason}"
    )


def _require_rate(limit: AttemptLimit, events: Sequence[ReceivedEvent]) -> None:
    counts = Counter(event.source for event in events)
    waits = [limit.wait_for_s(source, cost=count) for source, count in counts.items()]
    if any(wait is not None for wait in waits):
        wait_s = max(wait for wait in waits if wait is not None)
        raise Problem(TOO_MANY_REQUESTS, headers={"Retry-After": str(wait_s)})


async def _results(
    handlers: EventHandlers, caller: Principal, events: Sequence[ReceivedEvent], *, dry_run: bool
) -> list[InsertResult]:
    if not events:
        return []
    if dry_run:
        return await handlers.preview(events)
    try:
        return await handlers.receive(caller, events)
    except Overloaded as full:
        detail = "more events wait for the log than are held back; nothing of the request was received"
        raise Problem(SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(_RETRY_AFTER_S)}) from full


def _receipts(events: Sequence[ReceivedEvent], results: Sequence[InsertResult], *, dry_run: bool) -> Json:
    receipts = tuple(
        EventReceipt(
            event.source,
            event.id,
            "received" if result is InsertResult.NEW else "duplicate",
            _href(event.source, event.id),
        )
        for event, result in zip(events, results, strict=True)
    )
    headers = {"Location": receipts[0].href} if len(receipts) == 1 and not dry_run else {}
    status = HTTPStatus.OK if dry_run else HTTPStatus.ACCEPTED
    return Json(EventReceipts(dry_run, receipts), status_code=status, headers=headers)


def _href(source: str, id_: str) -> str:
    return f"{EVENTS_PATH}?source={_quoted(source)}&id={id_ if _PLAIN.fullmatch(id_) else quote_plus(id_)}"


@lru_cache(maxsize=1_000)  # a source has many events, and few characters that need no quoting
def _quoted(source: str) -> str:
    return quote_plus(source)


# RFC 7230, section 3.2.6.
_QUOTED, _ESCAPED = re.compile(r'"((?:[^"\\]|\\.)*)"'), re.compile(r"\\(.)")
_RECEIPTS: dict[int | str, dict[str, Any]] = json_responses(
    EventReceipts, {202: "Received: they are stored, and will be published", 200: "Valid: a dry run stores nothing"}
)


def _body() -> dict[str, Any]:
    """OpenAPI's description of what is sent, with an example of each type of event."""
    event = {"anyOf": [schema_ref(each) for each in _SENT]}
    shown = examples()
    names = [str(each.__struct_config__.tag) for each in _SENT]
    one = {"schema": event, "examples": {name: {"value": shown[name]} for name in names}}
    batch = {"schema": {"type": "array", "items": event, "maxItems": MAX_EVENTS}}
    alone = {"schema": {"type": "object", "description": "the data alone; the attributes are headers, ce-id …"}}
    return {"required": True, "content": {STRUCTURED_TYPE: one, BATCH_TYPE: batch, JSON_TYPE: alone}}
