"""Refused requests as RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec
from starlette.responses import Response

from shared.faults import MAX_LISTED, Fault, listed
from shared.http.problem_types import ProblemType

PROBLEM_JSON = "application/problem+json"
# Names of fields may have been sent, and be as long as a body.
_MOST_CHARACTERS = 200


class ProblemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault: `pointer` into the body (a JSON pointer as a URI fragment), or the name of a `parameter`.

    A pointer of more than 200 characters is cut, and ends with "…". Of an event, `reason` is the code by which
    quarantine counts such faults, and `help` a page that explains it.
    Of many, the last has neither and says how many more there are.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    reason: str | None = None
    help: str | None = None


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `instance` is the id of this one refusal: quote it when you ask for help."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: tuple[ProblemError, ...] = ()


class Problem(Exception):
    """The request is refused. Neither `detail` nor a fault repeats a value that was sent.

    Without a `detail`, the answer has the help text of the problem's type.
    """

    def __init__(
        self,
        problem_type: ProblemType,
        detail: str = "",
        *,
        faults: Sequence[Fault] = (),
        parameters: Mapping[str, str] | None = None,
        errors: Sequence[ProblemError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{problem_type.status} {problem_type.title}: {detail}")
        self.headers = dict(headers or {})
        self.details = ProblemDetails(
            type=problem_type.uri,
            title=problem_type.title,
            status=problem_type.status,
            detail=detail or problem_type.help,
            instance=f"urn:uuid:{uuid4()}",
            errors=(
                *(ProblemError(pointer=cut(each.pointer), detail=cut(each.message)) for each in faults[:MAX_LISTED]),
                *(ProblemError(detail=line) for line in listed(faults)[MAX_LISTED:]),
                *errors[:MAX_LISTED],
                *(ProblemError(detail=line) for line in listed(errors)[MAX_LISTED:]),
                *(ProblemError(parameter=name, detail=message) for name, message in (parameters or {}).items()),
            ),
        )

    def response(self) -> Response:
        """The refusal as problem+json."""
        return Response(
            msgspec.json.encode(self.details),
            status_code=self.details.status,
            headers=self.headers,
            media_type=PROBLEM_JSON,
        )


def cut(text: str) -> str:
    """The text as far as an answer repeats what was sent."""
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
