"""Every problem type (RFC 9457) that a request can be refused with, and what to do about each."""

from dataclasses import dataclass
from http import HTTPStatus

PROBLEMS_PATH = "/problems"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """Why a request was refused. `help` says what happened, then what to do; empty where the status says it all."""

    status: int
    title: str
    help: str = ""

    @property
    def slug(self) -> str:
        """The title as the last part of a path: `invalid-json`."""
        return self.title.lower().replace(" ", "-")

    @property
    def uri(self) -> str:
        """The problem's `type`, relative to the service that answered: there the help can be read."""
        return f"{PROBLEMS_PATH}/{self.slug}" if self.help else "about:blank"


INVALID_JSON = ProblemType(
    400,
    "Invalid JSON",
    "The body could not be read. Send one JSON value in UTF-8 without a byte order mark, with each key once.",
)
INVALID_QUERY = ProblemType(
    400,
    "Invalid query",
    "The query has a parameter that is unknown, repeated or invalid. Use the parameters that this path documents.",
)
INVALID_CURSOR = ProblemType(
    400,
    "Invalid cursor",
    "The cursor is not from this service. Follow the previous page's next link unchanged, or start without a cursor.",
)
UNAUTHENTICATED = ProblemType(
    401,
    "Unauthorized",
    "It is not known who asks, or what proves it has expired or was revoked. Sign in again; a program asks POST "
    "/v1/token for a new access token with its client's credentials and sends it as Authorization: Bearer.",
)
NOT_PERMITTED = ProblemType(
    403,
    "Forbidden",
    "None of your roles allows this. Ask whoever manages access at the provider if you need it.",
)
INVALID_FORM = ProblemType(
    400, "Invalid form", "The form could not be read, or has a field twice. Open its page again and send it from there."
)
FORM_NOT_CONFIRMED = ProblemType(
    403,
    "Form not confirmed",
    "The request does not show that a page of this service made it. Open the page again and send its form; a program "
    "sends an access token instead of a cookie.",
)
INVALID_HOST = ProblemType(
    400, "Invalid host", "The Host header is missing, repeated or not a host. Send the name of the service, once."
)
INVALID_HEAD = ProblemType(
    400, "Invalid head", "The request could not be read. Send one that follows RFC 9112, as every HTTP library does."
)
NOT_FOUND = ProblemType(
    404, "Not found", "There is nothing here, or nothing that you may see. Check the path and the ids in it."
)
MONTH_NOT_BEGUN = ProblemType(
    404,
    "Month not begun",
    "The month has not begun and has no figures yet. Ask for the present month or an earlier one.",
)
METHOD_NOT_ALLOWED = ProblemType(
    405, "Method not allowed", "This path does not have that method. Use one that the Allow header names."
)
NOT_ACCEPTABLE = ProblemType(
    406, "Not acceptable", "No format here matches the Accept header. Ask for a media type that this path documents."
)
REQUEST_TIMEOUT = ProblemType(
    408, "Request timeout", "The request took too long to arrive. Send it again without pauses, or in smaller parts."
)
CONFLICT = ProblemType(
    409,
    "Conflict",
    "The request does not fit the current state of the resource. Read the resource again, then decide.",
)
PRECONDITION_FAILED = ProblemType(
    412,
    "Precondition failed",
    "The resource has changed since you read it. Read the newest version, redo the change, send its ETag in If-Match.",
)
CONTENT_TOO_LARGE = ProblemType(
    413, "Content too large", "The body is larger than this service reads. Send it in smaller parts."
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    415,
    "Unsupported media type",
    "This path does not read that content type. Send one that it documents, in UTF-8 and without Content-Encoding.",
)
MISDIRECTED_REQUEST = ProblemType(
    421,
    "Misdirected request",
    "This service does not answer under that name. Use its own address, or ask its operator to add the name to "
    "ALLOWED_HOSTS.",
)
INVALID_REQUEST = ProblemType(
    422,
    "Invalid request",
    "The body can be read but is not valid. Correct every place that `errors` names, then send it again.",
)
PRECONDITION_REQUIRED = ProblemType(
    428,
    "Precondition required",
    "If-Match is missing. Read the newest version and send its ETag, so that nobody's change is overwritten.",
)
TOO_MANY_REQUESTS = ProblemType(
    429, "Too many requests", "Too many attempts. Try again after the seconds in Retry-After."
)
REQUEST_HEADER_FIELDS_TOO_LARGE = ProblemType(
    431,
    "Request header fields too large",
    "The address and headers of the request are longer than this service reads. Send fewer cookies or parameters.",
)
INTERNAL_ERROR = ProblemType(
    500,
    "Internal error",
    "The service failed. Send the request again; if that fails too, give the provider this problem's `instance`.",
)
NOT_IMPLEMENTED = ProblemType(
    501, "Not implemented", "No path has that method. Use GET, HEAD, OPTIONS, or one that the path documents."
)
SERVICE_UNAVAILABLE = ProblemType(
    503,
    "Service unavailable",
    "The service cannot answer at the moment. Send the request again after the seconds in Retry-After.",
)

PROBLEM_TYPES = tuple(each for each in tuple(globals().values()) if isinstance(each, ProblemType))
# Of several of one status the first is the general one; 400 has none.
_BY_STATUS = {each.status: each for each in reversed(PROBLEM_TYPES) if each.status != HTTPStatus.BAD_REQUEST}


def problem_type_of_status(status: int) -> ProblemType:
    """The problem type of an HTTP status; `about:blank` with the status's own phrase where it has none or several."""
    return _BY_STATUS.get(status) or ProblemType(status, HTTPStatus(status).phrase)
