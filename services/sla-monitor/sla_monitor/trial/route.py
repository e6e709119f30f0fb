"""The routes of `try target`: a document in, everything that holds of it out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from shared.auth.roles import Action
from shared.faults import Fault, LocatedFault
from shared.http import Json, Problem, answers, requires, schema_ref
from shared.http.bodies import read_body
from shared.http.media_types import JSON_TYPE, content_type
from shared.http.problem_types import INVALID_JSON, INVALID_REQUEST
from shared.json_values import NotStrictJson
from sla_monitor.trial.document import TrialDocument, document_schema
from sla_monitor.trial.target import MAX_DOCUMENT_BYTES, InvalidDocument, TrialAnswer, try_target

YAML_TYPE = "application/yaml"  # RFC 9512
TYPES = (TrialDocument, TrialAnswer)
_KINDS = (JSON_TYPE, YAML_TYPE)
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {kind: {"schema": schema_ref(TrialDocument)} for kind in _KINDS}}
}


async def _sent(request: Request) -> tuple[bytes, str]:
    kind = content_type(request, _KINDS)
    return await read_body(request, max_bytes=MAX_DOCUMENT_BYTES), kind


def router() -> APIRouter:
    """`/try/target` and its schema."""
    routes = APIRouter(dependencies=[requires(Action.TRY)])

    @routes.post("/try/target", responses=answers(TrialAnswer), openapi_extra=_BODY)
    def target(sent: Annotated[tuple[bytes, str], Depends(_sent)]) -> Json:
        """Verdicts on the document's item, availability, and answers to its questions. Nothing is stored."""
        raw, kind = sent
        try:
            return Json(try_target(raw, written_in="yaml" if kind == YAML_TYPE else "json"))
        except NotStrictJson as fault:
            raise Problem(INVALID_JSON, str(fault)) from fault
        except InvalidDocument as refused:
            raise Problem(INVALID_REQUEST, faults=[_with_position(located) for located in refused.faults]) from refused

    @routes.get("/try/target/schema", responses={200: {"content": {JSON_TYPE: {"schema": {"type": "object"}}}}})
    def schema() -> Json:
        """The JSON Schema (2020-12) of the document."""
        return Json(document_schema())

    return routes


def _with_position(located: LocatedFault) -> Fault:
    fault, position = located.fault, located.position
    return fault if position is None else Fault(fault.path, f"{position}: {fault.message}")
