"""Every kind of refusal, in one list, each with what to do about it."""

from dataclasses import dataclass

PROBLEMS_PATH = "/problems"


@dataclass(frozen=True, slots=True)
class Kind:
    """Why a request was refused, and what helps. `slug` ends the problem's `type`, where `help` can be read."""

    slug: str
    status: int
    title: str
    help: str

    @property
    def type(self) -> str:
        """The problem's `type`, relative to the service that answered."""
        return f"{PROBLEMS_PATH}/{self.slug}"


BAD_JSON = Kind(
    "bad-json",
    400,
    "The body is not the JSON we read",
    ("Send one JSON value in UTF-8 without a byte order mark, with each key once and numbers that are finite."),
)
BAD_QUERY = Kind(
    "bad-query",
    400,
    "The query is not understood",
    "Use the parameters that this path documents, each at most once.",
)
BAD_CURSOR = Kind(
    "bad-cursor",
    400,
    "The cursor is not ours",
    "Follow the link of the page before, unchanged, or begin again without a cursor.",
)
BAD_REQUEST = Kind(
    "bad-request",
    400,
    "The request is not understood",
    "Compare it with this service's openapi.json.",
)
UNAUTHENTICATED = Kind(
    "unauthenticated",
    401,
    "Who is asking is not known",
    "Send a valid credential in one Authorization header.",
)
FORBIDDEN = Kind(
    "forbidden",
    403,
    "This credential may not do that",
    "Ask the provider for the role that it needs.",
)
NOT_FOUND = Kind(
    "not-found",
    404,
    "Nothing is here",
    "Check the path and the id; what other councils own is not here for you.",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "This path has no such method",
    "Use a method that the Allow header names.",
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable",
    406,
    "We have no such format",
    "Ask for a media type that this path documents.",
)
TOO_SLOW = Kind(
    "too-slow",
    408,
    "The body took too long to come",
    "Send it at once, or in smaller parts.",
)
CONFLICT = Kind(
    "conflict",
    409,
    "The present state does not allow that",
    "Read the detail, look at the resource again, then decide.",
)
STALE_VERSION = Kind(
    "stale-version",
    412,
    "Somebody changed it first",
    "Read the newest version, redo the change on it, and send its ETag in If-Match.",
)
TOO_LARGE = Kind(
    "too-large",
    413,
    "The body is too large",
    "Send it in smaller parts.",
)
UNREADABLE_TYPE = Kind(
    "unreadable-type",
    415,
    "We do not read that content type",
    "Send a content type that this path documents, in UTF-8 and without Content-Encoding.",
)
INVALID = Kind(
    "invalid",
    422,
    "Something in it is wrong",
    ("Each entry of `errors` names a place and what was expected there. Put all of them right and send it again."),
)
VERSION_REQUIRED = Kind(
    "version-required",
    428,
    "If-Match is missing",
    "Read the newest version and send its ETag in If-Match, so that nobody's change is overwritten.",
)
TOO_MANY = Kind(
    "too-many",
    429,
    "Too many requests",
    "Wait as long as Retry-After says.",
)
INTERNAL = Kind(
    "internal",
    500,
    "We failed",
    "Try again; if it stays, tell the provider the `instance`.",
)
UNAVAILABLE = Kind(
    "unavailable",
    503,
    "Not possible at the moment",
    "Try again after as long as Retry-After says.",
)

KINDS = (
    BAD_REQUEST,
    BAD_JSON,
    BAD_QUERY,
    BAD_CURSOR,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    TOO_SLOW,
    CONFLICT,
    STALE_VERSION,
    TOO_LARGE,
    UNREADABLE_TYPE,
    INVALID,
    VERSION_REQUIRED,
    TOO_MANY,
    INTERNAL,
    UNAVAILABLE,
)


def kind_of_status(status: int) -> Kind:
    """The most general kind of an HTTP status; statuses without one of their own fall to their class's."""
    exact = [kind for kind in KINDS if kind.status == status]
    return exact[0] if exact else BAD_REQUEST if status < 500 else INTERNAL
