"""Every problem type (RFC 9457) that a request can be refused with, and what to do about each."""

from dataclasses import dataclass
from http import HTTPStatus

PROBLEMS_PATH = "/problems"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """Why a request was refused. `help` says what happened, then what to do; it can be read at the problem's `type`."""

    slug: str
    status: int
    title: str
    help: str

    @property
    def uri(self) -> str:
        """The problem's `type`, relative to the service that answered; `about:blank` where the status says it all."""
        return f"{PROBLEMS_PATH}/{self.slug}" if self.slug else "about:blank"


INVALID_JSON = ProblemType(
    "invalid-json",
    400,
    "Invalid JSON",
    "The body could not be read. Send one JSON value in UTF-8 without a byte order mark, with each key once and with "
    "finite numbers.",
)
INVALID_QUERY = ProblemType(
    "invalid-query",
    400,
    "Invalid query parameters",
    "The query holds a parameter that this path does not have, has twice, or cannot use. Send each documented "
    "parameter at most once, with a value as `errors` describes it.",
)
INVALID_CURSOR = ProblemType(
    "invalid-cursor",
    400,
    "Invalid cursor",
    "The cursor was not made by this service. Follow the next link of the previous page unchanged, or start again "
    "without a cursor.",
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    "Not found",
    "There is nothing at this path, or nothing that you may see. Check the path and the ids in it.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "Method not allowed",
    "This path does not have that method. Use one that the Allow header names.",
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable",
    406,
    "Not acceptable",
    "No format of this resource matches the Accept header. Ask for a media type that this path documents.",
)
REQUEST_TIMEOUT = ProblemType(
    "request-timeout",
    408,
    "Request timeout",
    "The body took too long to arrive. Send it again without pauses, or in smaller parts.",
)
CONFLICT = ProblemType(
    "conflict",
    409,
    "Conflict",
    "The request does not fit the current state of the resource. Read the detail and the resource, then decide again.",
)
PRECONDITION_FAILED = ProblemType(
    "precondition-failed",
    412,
    "Precondition failed",
    "Somebody else changed the resource first. Read the newest version, make your change to it, and send its ETag in "
    "If-Match.",
)
CONTENT_TOO_LARGE = ProblemType(
    "content-too-large",
    413,
    "Content too large",
    "The body is larger than this service reads. Send it in smaller parts.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    "Unsupported media type",
    "The body has a type that this path does not read. Send a content type that it documents, in UTF-8 and without "
    "Content-Encoding.",
)
INVALID_REQUEST = ProblemType(
    "invalid-request",
    422,
    "Invalid request",
    "The body could be read, but its content is not valid. Each entry of `errors` names a place and what was expected "
    "there: correct all of them and send the request again.",
)
PRECONDITION_REQUIRED = ProblemType(
    "precondition-required",
    428,
    "Precondition required",
    "The If-Match header is missing. Read the newest version and send its ETag in If-Match, so that nobody's change "
    "is overwritten.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "Internal error",
    "The service failed. Send the request again; if it fails again, give the `instance` of this problem to the "
    "provider, who finds it in the log.",
)
SERVICE_UNAVAILABLE = ProblemType(
    "service-unavailable",
    503,
    "Service unavailable",
    "The service cannot answer at the moment. Send the request again after the time in Retry-After.",
)

PROBLEM_TYPES = tuple(each for each in tuple(globals().values()) if isinstance(each, ProblemType))
_BY_STATUS = {each.status: each for each in PROBLEM_TYPES if each.status != HTTPStatus.BAD_REQUEST}  # 400 has several


def problem_type_of_status(status: int) -> ProblemType:
    """The problem type of an HTTP status; `about:blank` with the status's own phrase where it has none or several."""
    return _BY_STATUS.get(status) or ProblemType("", status, HTTPStatus(status).phrase, "")
