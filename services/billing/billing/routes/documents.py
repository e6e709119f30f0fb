"""Routes to issued documents by their numbers, and to credit notes in each form."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from billing.documents.answers import answer, file_answer
from billing.documents.credit_note_view import credit_note_path
from billing.documents.forms import CREDIT_NOTE_FORMS
from billing.documents.view import statement_path
from billing.domain.credit_note import CreditNote, credit_note_of
from billing.ports import StoredDocument
from billing.statements.drafts import Statements
from shared.auth.roles import Action
from shared.http import (
    CallerScope,
    Json,
    JsonList,
    PathId,
    Problem,
    answers_many,
    preferred_media_type,
    requires,
)
from shared.http.problem_types import NOT_FOUND
from shared.scope import Scope

_FORMS = {form.suffix: form for form in CREDIT_NOTE_FORMS}
_MEDIA_TYPES = {form.media_type.partition(";")[0]: form for form in CREDIT_NOTE_FORMS}
_NUMBER = r"(?:[A-Z0-9]{1,8}-)?20[0-9]{2}-[0-9]{2}\.C?[0-9]{4,7}"
_FILE = re.compile(rf"({_NUMBER})(?:\.({'|'.join(_FORMS)}))?")
_Number = Annotated[str, Path(pattern=f"^{_NUMBER}$", description="like 2026-27.0001 or 2026-27.C0001")]
_CREDIT_NOTE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The credit note", "content": {media_type: {} for media_type in _MEDIA_TYPES}}
}


class DocumentSummary(Struct, frozen=True):
    """An issued document in brief. `previous` is the SHA-256 of the council's document before it from the provider."""

    number: str
    provider: str
    kind: str
    council: str
    month: str
    issued_at: str
    total_pence: int
    sha256: str
    previous: str | None
    href: str


TYPES = (DocumentSummary,)


def router(statements: Statements) -> APIRouter:
    """The routes under /v1/documents and /v1/credit-notes."""
    routes = APIRouter(prefix="/v1", tags=["billing"], dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/documents/{number}", responses=answers_many(DocumentSummary))
    def get_documents(caller: CallerScope, number: _Number) -> Json:
        """Which council and month a number belongs to; each provider has numbers of its own."""
        found = statements.numbered(number, scope=caller)
        if not found:
            raise Problem(NOT_FOUND, "no document of a council of yours has that number")
        return JsonList([_summary(each) for each in found])

    @routes.get("/credit-notes/{council}/{number}", responses=_CREDIT_NOTE)
    def get_credit_note(request: Request, caller: CallerScope, council: PathId, number: PathId) -> Response:
        """The credit note in the form that Accept prefers, or as a file: with the suffix of a form after its number."""
        named = _FILE.fullmatch(number)
        if named is None:
            raise Problem(NOT_FOUND, _NO_SUCH)
        note = _credit_note(statements, council, named[1], scope=caller.narrowed_to(council))
        if named[2] is None:
            return answer(note, _MEDIA_TYPES[preferred_media_type(request, tuple(_MEDIA_TYPES))])
        return file_answer(note, _FORMS[named[2]], f"credit-note-{council}-{number}")

    return routes


_NO_SUCH = "the council has no credit note of that number"


def _credit_note(statements: Statements, council: str, number: str, *, scope: Scope) -> CreditNote:
    found = statements.numbered(number, scope=scope)
    of_council = [each for each in found if each.council == council and each.kind == "credit-note"]
    if not of_council:
        raise Problem(NOT_FOUND, _NO_SUCH)
    return credit_note_of(of_council[0].content)


def _summary(document: StoredDocument) -> DocumentSummary:
    is_statement = document.kind == "statement"
    path = (
        statement_path(document.council, document.month)
        if is_statement
        else credit_note_path(document.council, document.number)
    )
    return DocumentSummary(
        number=document.number,
        provider=document.provider,
        kind=document.kind,
        council=document.council,
        month=str(document.month),
        issued_at=document.issued_at.isoformat(),
        total_pence=document.total_pence,
        sha256=document.sha256,
        previous=document.previous,
        href=path,
    )
