"""Trying a target: a document in, everything that holds of it out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from shared.faults import Fault, LocatedFault
from shared.http import Json, Problem, ref
from shared.http.bodies import JSON_TYPE, content_type, read_body
from shared.http.kinds import BAD_JSON, INVALID
from shared.json_values import NotStrictJson
from sla_monitor.api.asking import answers
from sla_monitor.domain.trying.document import TargetTrial, document_schema
from sla_monitor.handlers.trying import MOST_BYTES, UnreadableDocument, try_target
from sla_monitor.trying_schemas import TrialBody, trial_body

YAML_TYPE = "application/yaml"  # RFC 9512
TYPES = (TargetTrial, TrialBody)
_KINDS = (JSON_TYPE, YAML_TYPE)
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {kind: {"schema": ref(TargetTrial)} for kind in _KINDS}}
}


async def _sent(request: Request) -> tuple[bytes, str]:
    kind = content_type(request, _KINDS)
    return await read_body(request, max_bytes=MOST_BYTES), kind


def router() -> APIRouter:
    """`/try/target` and its schema."""
    routes = APIRouter()

    @routes.post("/try/target", responses=answers(TrialBody), openapi_extra=_BODY)
    def target(sent: Annotated[tuple[bytes, str], Depends(_sent)]) -> Json:
        """Verdicts on the document's item, availability, and answers to its questions. Nothing is stored."""
        raw, kind = sent
        try:
            return Json(trial_body(try_target(raw, written_in="yaml" if kind == YAML_TYPE else "json")))
        except NotStrictJson as fault:
            raise Problem(BAD_JSON, str(fault)) from fault
        except UnreadableDocument as refused:
            raise Problem(INVALID, faults=[_with_place(located) for located in refused.faults]) from refused

    @routes.get("/try/target/schema", responses={200: {"content": {JSON_TYPE: {"schema": {"type": "object"}}}}})
    def schema() -> Json:
        """The JSON Schema (2020-12) of the document."""
        return Json(document_schema())

    return routes


def _with_place(located: LocatedFault) -> Fault:
    fault, place = located.fault, located.place
    return fault if place is None else Fault(fault.path, f"{place}: {fault.message}")
