"""The routes of `try tariff`: a document in, its lines and answers out."""

from typing import Annotated

from fastapi import APIRouter, Depends

from billing.trial.document import TariffDocument, document_schema
from billing.trial.tariff import TriedTariff, try_tariff
from shared.auth.roles import Action
from shared.http import Json, answers, requires
from shared.http.documents import SCHEMA_ANSWER, SentDocument, document_body, refusing_documents, sent_document

TYPES = (TariffDocument, TriedTariff)


def router() -> APIRouter:
    """`/v1/try/tariff` and its schema."""
    routes = APIRouter(prefix="/v1/try", tags=["billing"], dependencies=[requires(Action.TRY)])

    @routes.post(
        "/tariff", name="try_tariff", responses=answers(TriedTariff), openapi_extra=document_body(TariffDocument)
    )
    def tariff(sent: Annotated[SentDocument, Depends(sent_document)]) -> Json:
        """The month's lines with their working, credits, and answers to the questions. Nothing is stored."""
        with refusing_documents():
            return Json(try_tariff(sent.raw, written_in=sent.written_in))

    @routes.get("/tariff/schema", responses=SCHEMA_ANSWER)
    def get_schema_of_tried_tariffs() -> Json:
        """The JSON Schema (2020-12) of the document."""
        return Json(document_schema())

    return routes
