"""Refusals as RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec
from starlette.responses import Response

from shared.faults import Fault
from shared.http.problem_types import ProblemType

PROBLEM_JSON = "application/problem+json"


class ProblemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault: `pointer` into the body (a JSON pointer as a URI fragment), or the name of a `parameter`."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `instance` is this refusal's own id: quote it when asking for help."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: tuple[ProblemError, ...] = ()


class Problem(Exception):
    """The request is refused. Neither `detail` nor a fault repeats a value that was sent."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        faults: Sequence[Fault] = (),
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{kind.status} {kind.slug}: {detail}")
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = (
            *(ProblemError(pointer=fault.pointer, detail=fault.message) for fault in faults),
            *(ProblemError(parameter=name, detail=message) for name, message in (parameters or {}).items()),
        )

    def response(self) -> Response:
        """The refusal as problem+json, with an `instance` of its own."""
        body = ProblemDetails(
            type=self.kind.type,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            instance=f"urn:uuid:{uuid4()}",
            errors=self.errors,
        )
        return Response(
            msgspec.json.encode(body), status_code=self.kind.status, headers=self.headers, media_type=PROBLEM_JSON
        )
