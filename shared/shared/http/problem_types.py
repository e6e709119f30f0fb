"""Every kind of refusal, in one list, each with what to do about it."""

from dataclasses import dataclass

PROBLEMS_PATH = "/problems"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """Why a request was refused, and what helps. `slug` ends the problem's `type`, where `help` can be read."""

    slug: str
    status: int
    title: str
    help: str

    @property
    def type(self) -> str:
        """The problem's `type`, relative to the service that answered."""
        return f"{PROBLEMS_PATH}/{self.slug}"


INVALID_JSON = ProblemType(
    "bad-json",
    400,
    "The body is not the JSON we read",
    ("Send one JSON value in UTF-8 without a byte order mark, with each key once and numbers that are finite."),
)
INVALID_QUERY = ProblemType(
    "bad-query",
    400,
    "The query is not understood",
    "Use the parameters that this path documents, each at most once.",
)
INVALID_CURSOR = ProblemType(
    "bad-cursor",
    400,
    "The cursor is not ours",
    "Follow the link of the page before, unchanged, or begin again without a cursor.",
)
BAD_REQUEST = ProblemType(
    "bad-request",
    400,
    "The request is not understood",
    "Compare it with this service's openapi.json.",
)
UNAUTHENTICATED = ProblemType(
    "unauthenticated",
    401,
    "Who is asking is not known",
    "Send a valid credential in one Authorization header.",
)
FORBIDDEN = ProblemType(
    "forbidden",
    403,
    "This credential may not do that",
    "Ask the provider for the role that it needs.",
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    "Nothing is here",
    "Check the path and the id; what other councils own is not here for you.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    "This path has no such method",
    "Use a method that the Allow header names.",
)
NOT_ACCEPTABLE = ProblemType(
    "not-acceptable",
    406,
    "We have no such format",
    "Ask for a media type that this path documents.",
)
REQUEST_TIMEOUT = ProblemType(
    "too-slow",
    408,
    "The body took too long to come",
    "Send it at once, or in smaller parts.",
)
CONFLICT = ProblemType(
    "conflict",
    409,
    "The present state does not allow that",
    "Read the detail, look at the resource again, then decide.",
)
PRECONDITION_FAILED = ProblemType(
    "stale-version",
    412,
    "Somebody changed it first",
    "Read the newest version, redo the change on it, and send its ETag in If-Match.",
)
CONTENT_TOO_LARGE = ProblemType(
    "too-large",
    413,
    "The body is too large",
    "Send it in smaller parts.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unreadable-type",
    415,
    "We do not read that content type",
    "Send a content type that this path documents, in UTF-8 and without Content-Encoding.",
)
INVALID_REQUEST = ProblemType(
    "invalid",
    422,
    "Something in it is wrong",
    ("Each entry of `errors` names a place and what was expected there. Put all of them right and send it again."),
)
PRECONDITION_REQUIRED = ProblemType(
    "version-required",
    428,
    "If-Match is missing",
    "Read the newest version and send its ETag in If-Match, so that nobody's change is overwritten.",
)
TOO_MANY = ProblemType(
    "too-many",
    429,
    "Too many requests",
    "Wait as long as Retry-After says.",
)
INTERNAL_ERROR = ProblemType(
    "internal",
    500,
    "We failed",
    "Try again; if it stays, tell the provider the `instance`.",
)
SERVICE_UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    "Not possible at the moment",
    "Try again after as long as Retry-After says.",
)

PROBLEM_TYPES = (
    BAD_REQUEST,
    INVALID_JSON,
    INVALID_QUERY,
    INVALID_CURSOR,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    REQUEST_TIMEOUT,
    CONFLICT,
    PRECONDITION_FAILED,
    CONTENT_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_REQUEST,
    PRECONDITION_REQUIRED,
    TOO_MANY,
    INTERNAL_ERROR,
    SERVICE_UNAVAILABLE,
)


def problem_type_of_status(status: int) -> ProblemType:
    """The most general kind of an HTTP status; statuses without one of their own fall to their class's."""
    exact = [kind for kind in PROBLEM_TYPES if kind.status == status]
    return exact[0] if exact else BAD_REQUEST if status < 500 else INTERNAL_ERROR
