"""Which requests go into the audit log, and that they are in it before they are answered.

One table: refusals, whatever changes something, exports, tokens, and the provider's views of councils' data.
What a council reads of its own data on a page is not recorded.
"""

from typing import Any, Protocol

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.audit import AuditRecord
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.http.access import action_of, caller_of
from shared.http.problem_types import SERVICE_UNAVAILABLE
from shared.http.problems import Problem
from shared.http.rates import Networks
from shared.http.repeated import RepeatedActs, repeated
from shared.log.processor import Busy
from shared.sql.audit import AuditLogDiffers

REFUSED, EXPORTED, VIEWED = "refused", "exported", "viewed"
# Recorded in the transaction of the change itself: of events each row has its sender, and they are too many for a log
# that is kept for ever.
_WITH_THE_CHANGE = frozenset(
    {
        Action.PROPOSE_CATALOGUE,
        Action.APPROVE_CATALOGUE,
        Action.MANAGE_ACCESS,
        Action.MANAGE_CREDENTIALS,
        Action.SEND_EVENTS,
    }
)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_FILES = ("text/csv", "application/pdf", "application/jsonl", "application/gzip")
_MAX_SUBJECT = 300
_RETRY_AFTER_S = "5"


class AuditWriter(Protocol):
    """Where entries go."""

    @property
    def now_us(self) -> int:
        """The present instant."""

    async def require_complete(self) -> None:
        """Entries can be added; raises `Busy` and `AuditLogDiffers`."""

    async def record(self, record: AuditRecord) -> None:
        """The record is committed; raises as `require_complete`."""


class AuditedHttp:
    """An ASGI application whose answers wait until what they tell of is in the audit log; without that, none is given.

    A change may have been made all the same: it is made again under the same id, or refused as made.
    """

    def __init__(self, app: ASGIApp, audit: AuditWriter, trusted: Networks = ()) -> None:
        """Of strangers behind the networks `trusted`, their gateways say where they are."""
        self._app, self._audit, self._trusted = app, audit, trusted
        self._repeated = RepeatedActs()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _READS and not await self._is_ready():
            await _UNAVAILABLE(scope, receive, send)
            return
        is_unavailable = False

        async def send_recorded(message: Message) -> None:
            nonlocal is_unavailable
            if message["type"] == "http.response.start":
                is_unavailable = not await self._is_recorded(scope, message)
                if is_unavailable:
                    await _UNAVAILABLE(scope, receive, send)
            if not is_unavailable:
                await send(message)

        await self._app(scope, receive, send_recorded)

    async def _is_ready(self) -> bool:
        try:
            await self._audit.require_complete()
        except (Busy, AuditLogDiffers):
            return False
        return True

    async def _is_recorded(self, scope: Scope, start: Message) -> bool:
        at_us = self._audit.now_us
        records = list(self._repeated.due(at_us))
        record, is_known = record_of(scope, start, at_us=at_us), caller_of(scope) is not None
        again = repeated(scope, start, is_known=is_known, at_us=at_us, trusted=self._trusted)
        records += [] if record is None else [record]
        records += [] if again is None else self._repeated.add(again)
        try:
            for each in records:
                await self._audit.record(each)
        except (Busy, AuditLogDiffers):
            return False
        return True


def record_of(scope: Scope, start: Message, *, at_us: int) -> AuditRecord | None:
    """What an answer that begins so is in the audit log; None for one that is not recorded."""
    caller = caller_of(scope)
    action = action_of(_dependant(scope))
    if caller is None or action is None:
        return None
    what = _what(scope, start, caller, action)
    if what is None:
        return None
    return AuditRecord(
        at_us=at_us,
        actor=caller.name,
        action=what,
        subject=f"{scope['method']} {scope['path']}"[:_MAX_SUBJECT],
        council=_council(scope),
        details={"kind": caller.kind, "may": action.value},
    )


def _what(scope: Scope, start: Message, caller: Principal, action: Action) -> str | None:
    if start["status"] in (401, 403):
        return REFUSED
    if start["status"] >= 400 or scope["method"] == "OPTIONS":
        return None
    if scope["method"] not in _READS:
        return None if action in _WITH_THE_CHANGE else action.name.lower().replace("_", "-")
    if caller.kind == "local":
        return None  # the files are on its own machine, where it can read them without a service
    if _is_file(start):
        return EXPORTED
    return VIEWED if "provider" in caller.sides else None


def _is_file(start: Message) -> bool:
    headers = Headers(raw=list(start.get("headers", ())))
    return "content-disposition" in headers or headers.get("content-type", "").startswith(_FILES)


def _council(scope: Scope) -> str | None:
    """The one council that the request is about, where it names one."""
    named = scope.get("path_params", {}).get("council") or QueryParams(scope["query_string"]).get("council")
    return named if isinstance(named, str) and len(named) <= 64 else None


def _dependant(scope: Scope) -> Any:
    route = scope.get("fastapi", {}).get("effective_route_context", scope.get("route"))
    return getattr(route, "dependant", None)


_UNAVAILABLE = Problem(
    SERVICE_UNAVAILABLE, "the audit log cannot be written now", headers={"Retry-After": _RETRY_AFTER_S}
).response()
