"""The routes of `try target`: a document in, everything that holds of it out."""

from typing import Annotated

from fastapi import APIRouter, Depends

from shared.auth.roles import Action
from shared.http import Json, answers, requires
from shared.http.documents import SCHEMA_ANSWER, SentDocument, document_body, refusing_documents, sent_document
from sla_monitor.trial.document import TrialDocument, document_schema
from sla_monitor.trial.target import TrialAnswer, try_target

TYPES = (TrialDocument, TrialAnswer)


def router() -> APIRouter:
    """`/try/target` and its schema."""
    routes = APIRouter(dependencies=[requires(Action.TRY)])

    @routes.post(
        "/try/target", name="try_target", responses=answers(TrialAnswer), openapi_extra=document_body(TrialDocument)
    )
    def target(sent: Annotated[SentDocument, Depends(sent_document)]) -> Json:
        """Verdicts on the document's item, availability, and answers to its questions. Nothing is stored."""
        with refusing_documents():
            return Json(try_target(sent.raw, written_in=sent.written_in))

    @routes.get("/try/target/schema", responses=SCHEMA_ANSWER)
    def get_schema_of_tried_targets() -> Json:
        """The JSON Schema (2020-12) of the document."""
        return Json(document_schema())

    return routes
