"""Long lists in pages: an opaque cursor, and the next page as a Link (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from starlette.requests import Request

from shared.http.problem_types import INVALID_CURSOR
from shared.http.problems import Problem
from shared.http.queries import PLAIN_DIGITS

MAX_PAGE_SIZE = 200
Limit = Annotated[int, PLAIN_DIGITS, Query(ge=1, le=MAX_PAGE_SIZE, description="the most items of a page")]
Cursor = Annotated[str, Query(max_length=1000, description="from the Link header of the previous page")]

T = TypeVar("T")
_key = msgspec.json.Decoder(tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list in the order of its keys; `next_key` is None on the last one."""

    items: Sequence[T]
    next_key: tuple[str, ...] | None = None

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page."""
        if self.next_key is None:
            return None
        return base64.urlsafe_b64encode(msgspec.json.encode(self.next_key)).decode()


def page_of(found: Sequence[T], limit: int, *, key: Callable[[T], tuple[str, ...]]) -> Page[T]:
    """The first `limit` of `found`, which holds more than that where there is another page."""
    return Page(found[:limit], key(found[limit - 1]) if len(found) > limit else None)


def read_cursor(text: str | None) -> tuple[str, ...] | None:
    """The key after which the page begins, None for the first page; a 400 for a cursor of another origin."""
    if text is None:
        return None
    try:
        return _key.decode(base64.urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError) as fault:
        raise Problem(INVALID_CURSOR) from fault


def next_link(request: Request, page: Page[T]) -> dict[str, str]:
    """The Link header to the page after `page`; none on the last one. Relative, for proxies may rename the service."""
    if page.next_cursor is None:
        return {}
    url = request.url.include_query_params(cursor=page.next_cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
