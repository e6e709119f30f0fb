"""The media type that a body has and the one that an answer shall have (RFC 9110, sections 8.3 and 12.5.1)."""

from collections.abc import Sequence

from starlette.requests import Request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_options_header

from shared.http.problem_types import INVALID_QUERY, NOT_ACCEPTABLE, UNSUPPORTED_MEDIA_TYPE
from shared.http.problems import Problem

JSON_TYPE = "application/json"


def content_type(request: Request, accepted: Sequence[str] = (JSON_TYPE,)) -> str:
    """Which of `accepted` the body claims to be, in UTF-8 and uncompressed; raises a 415 otherwise."""
    require_one_content_type(request)
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    is_utf_8 = {name.lower(): value.lower() for name, value in parameters.items()} in ({}, {"charset": "utf-8"})
    if media_type.lower() not in accepted or not is_utf_8 or "content-encoding" in request.headers:
        raise Problem(UNSUPPORTED_MEDIA_TYPE, f"expected {' or '.join(accepted)} in UTF-8, not compressed")
    return media_type.lower()


def require_one_content_type(request: Request) -> None:
    """The request claims one type of its body at most; a 400 otherwise: another reader may believe the other one."""
    if len(request.headers.getlist("content-type")) > 1:
        raise Problem(INVALID_QUERY, "the header Content-Type is given more than once")


def preferred_media_type(request: Request, offered: Sequence[str]) -> str:
    """That of `offered` which the Accept header gives the highest quality; raises a 406 where it excludes all.

    For each type the most specific range counts, so that `text/csv;q=0, */*` excludes CSV. Of equal ones, a type that
    the header names goes before one that a wildcard covers, then the earlier one of `offered`. Parameters of ranges
    other than `q` are ignored. Without the header, everything is acceptable.
    """
    header = ",".join(request.headers.getlist("accept"))
    ranges = parse_accept_header(header or "*/*", MIMEAccept)
    accept = MIMEAccept([(media_range.partition(";")[0].strip().lower(), quality) for media_range, quality in ranges])
    named = set(accept.values())
    best = max(offered, key=lambda media_type: (accept.quality(media_type), media_type in named))
    if accept.quality(best) == 0:
        raise Problem(NOT_ACCEPTABLE, f"expected one of {', '.join(offered)} in the Accept header")
    return best
