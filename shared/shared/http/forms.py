"""Forms that pages send, and the proof that a page of Tallystick sent them.

A browser sends its session cookie with whatever another site makes it send. So a request that changes something and
whose caller is known by a cookie must hold the session's CSRF token, which other sites cannot read: in the field `csrf`
of a form, or in the header X-CSRF-Token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends
from starlette.requests import Request

from shared.auth.sessions import Session
from shared.http.bodies import read_body
from shared.http.media_types import content_type
from shared.http.problem_types import FORM_NOT_CONFIRMED, INVALID_FORM
from shared.http.problems import Problem

FORM_TYPE = "application/x-www-form-urlencoded"
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
MAX_FORM_BYTES = 65_536
_MAX_FIELDS = 200
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_READ = "tallystick.form"


@dataclass(frozen=True, slots=True)
class SentForm:
    """What was sent, by the names of its fields."""

    fields: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """The field's value without spaces around it, empty where it was not sent; a 400 where it was sent twice."""
        values = self.fields.get(name, ("",))
        if len(values) > 1:
            raise Problem(INVALID_FORM)
        return values[0].strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the field, in the order of the form."""
        return self.fields.get(name, ())


async def read_form(request: Request) -> SentForm:
    """The form in the body, read once however often it is asked for; a 400, 413 or 415 where there is none."""
    found: SentForm | None = request.scope.get(_READ)
    if found is None:
        content_type(request, [FORM_TYPE])
        found = request.scope[_READ] = _form(await read_body(request, max_bytes=MAX_FORM_BYTES))
    return found


# A parameter of this type makes an endpoint read a form.
FormBody = Annotated[SentForm, Depends(read_form)]


async def require_csrf(request: Request, session: Session) -> None:
    """Raises a 403 for a request that changes something unless it holds the session's CSRF token.

    Where the browser says that another site caused it, no token helps.
    """
    if request.method in _SAFE_METHODS:
        return
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and request.headers.get("Content-Type", "").lower().startswith(FORM_TYPE):
        sent = (await read_form(request)).one(CSRF_FIELD)
    elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    if elsewhere or not session.has_csrf(sent or ""):
        raise Problem(FORM_NOT_CONFIRMED)


def _form(body: bytes) -> SentForm:
    try:
        fields = parse_qs(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as fault:
        raise Problem(INVALID_FORM) from fault
    return SentForm({name: tuple(values) for name, values in fields.items()})
