"""Routes of tallies: the file itself, the keys that seal it, and a council's acknowledgement of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from billing.routes.read_back import ReadBack
from billing.routes.steps import step_problems
from billing.statements.acknowledgements import Acknowledgements
from billing.statements.tallies import Tallies
from billing.tally.acknowledging import Acknowledgement, NoAcknowledgement
from billing.tally.writing import MEDIA_TYPE, SUFFIX, NoSealingKey
from shared.auth.roles import Action
from shared.http import (
    Caller,
    CallerScope,
    Json,
    JsonBody,
    JsonList,
    MonthParameter,
    MonthScope,
    PathId,
    Problem,
    answers,
    answers_many,
    json_request_body,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, SERVICE_UNAVAILABLE

KEYS_PATH = "/.well-known/statement-keys.json"
_KEYS_CACHED_S = 60
_CHUNK = 64 * 1024
_ACKNOWLEDGEMENT = "/v1/statements/{council}/{month}/acknowledgement"
_FILE: dict[int | str, dict[str, Any]] = {200: {"description": "The tally", "content": {MEDIA_TYPE: {}}}}


TYPES = (Acknowledgement,)


def router(tallies: Tallies, public_keys: Callable[[], Mapping[str, object]]) -> APIRouter:
    """`/v1/statements/{council}/{month}.tally`, and the keys that seal it, which anybody may ask."""
    routes = APIRouter(tags=["billing"])

    @routes.get(
        "/v1/statements/{council}/{month}.tally",
        dependencies=[requires(Action.READ_EVIDENCE)],
        response_class=Response,
        responses=_FILE,
    )
    def get_tally(caller: MonthScope, council: PathId, month: MonthParameter) -> Response:
        """The statement with all that it stands on: `tallystick verify` checks it without asking anybody."""
        with step_problems():
            try:
                file = tallies.file(council, month, scope=caller.narrowed_to(council))
            except NoSealingKey as missing:
                raise Problem(SERVICE_UNAVAILABLE, str(missing)) from missing
        name = f"{council}-{month}.{SUFFIX}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(_chunks(file), media_type=MEDIA_TYPE, headers=headers)

    @routes.get(
        KEYS_PATH,
        name="get_statement_keys",
        responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    )
    def get_statement_keys() -> Json:
        """Every public key by which a statement was ever sealed (RFC 7517), the newest first."""
        return Json(public_keys(), headers={"Cache-Control": f"public, max-age={_KEYS_CACHED_S}"})

    return routes


def acknowledgement_router(acknowledgements: Acknowledgements, read_back: ReadBack) -> APIRouter:
    """What a council has signed of a statement, kept and shown."""
    routes = APIRouter(tags=["billing"])

    @routes.get(
        f"{_ACKNOWLEDGEMENT}s",
        dependencies=[requires(Action.READ_EVIDENCE)],
        responses=answers_many(Acknowledgement),
    )
    def list_acknowledgements(caller: CallerScope, council: PathId, month: MonthParameter) -> Json:
        """What the council has signed of the month's statement, for whoever verifies its tally."""
        with step_problems():
            return JsonList(acknowledgements.of(council, month, scope=caller))

    @routes.post(
        _ACKNOWLEDGEMENT,
        dependencies=[requires(Action.ACKNOWLEDGE_STATEMENT)],
        responses=answers(Acknowledgement) | refuses(CONFLICT),
        openapi_extra=json_request_body(Acknowledgement),
    )
    async def acknowledge_statement(caller: Caller, council: PathId, month: MonthParameter, body: JsonBody) -> Json:
        """The council's signature of what was issued is kept, for ever and once however often it is sent."""
        signed = read_as(body, Acknowledgement)
        await read_back.require_for_request()
        with step_problems():
            try:
                return Json(await run_in_threadpool(acknowledgements.add, caller, council, month, signed))
            except NoAcknowledgement as refused:
                raise Problem(CONFLICT, str(refused)) from refused

    return routes


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
