"""Long lists in pages: an opaque cursor, and the next page as a Link (RFC 8288).

A cursor says where a page ended, and is signed: it is good for the same list, asked for in the same way by a caller who
may see the same councils. Any other is refused as one that this service did not make.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Depends, Query
from starlette.requests import Request

from shared.http.problem_types import INVALID_CURSOR
from shared.http.problems import Problem
from shared.http.queries import PLAIN_DIGITS, CallerScope
from shared.scope import Scope

MAX_PAGE_SIZE = 200
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="the most items of a page"), PLAIN_DIGITS]
Cursor = Annotated[str, Query(max_length=1000, description="from the Link header of the previous page")]

T = TypeVar("T")
_key = msgspec.json.Decoder(tuple[str, ...])
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_SIGNATURE_BYTES = 16
# They may change from page to page.
_NOT_SIGNED = {"cursor", "limit"}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list in the order of its keys; `next_key` is None on the last one."""

    items: Sequence[T]
    next_key: tuple[str, ...] | None = None


def page_of(found: Sequence[T], limit: int, *, key: Callable[[T], tuple[str, ...]]) -> Page[T]:
    """The first `limit` of `found`, which holds more than that where there is another page."""
    return Page(found[:limit], key(found[limit - 1]) if len(found) > limit else None)


@dataclass(frozen=True, slots=True)
class Paging:
    """Where the page begins that a request asks for: after the key `after`, None for the first; and the way on."""

    request: Request
    scope: Scope
    after: tuple[str, ...] | None

    @property
    def after_text(self) -> str:
        """`after` of a list whose key is one text: "" for the first page. Raises a 400 for a cursor of another list."""
        match self.after:
            case None:
                return ""
            case (text,):
                return text
            case _:
                raise Problem(INVALID_CURSOR)

    @property
    def after_number(self) -> int:
        """`after` of a list whose key is a whole number above 0: 0 for the first page. Raises as `after_text`."""
        text = self.after_text
        if text and not _NUMBER.fullmatch(text):
            raise Problem(INVALID_CURSOR)
        return int(text or 0)

    def page(self, found: Sequence[T], limit: int, *, key: Callable[[T], str]) -> Page[T]:
        """The page of a list that is at hand, whose keys are unique: after the item that the cursor names.

        No item where that one is in the list no more. Raises as `after_text`.
        """
        if after := self.after_text:
            places = [place for place, each in enumerate(found) if key(each) == after]
            found = found[places[0] + 1 :] if places else []
        return page_of(found[: limit + 1], limit, key=lambda each: (key(each),))

    def next_address(self, page: Page[T]) -> str | None:
        """The address of the page after `page`, relative, for proxies may rename the service; None on the last one."""
        if page.next_key is None:
            return None
        url = self.request.url.include_query_params(cursor=_written(self.request, self.scope, page.next_key))
        return f"{url.path}?{url.query}"

    def next_link(self, page: Page[T]) -> dict[str, str]:
        """The Link header to the page after `page`; none on the last one."""
        address = self.next_address(page)
        return {} if address is None else {"Link": f'<{address}>; rel="next"'}


async def _paging(request: Request, caller: CallerScope, cursor: Cursor | None = None) -> Paging:
    """Raises a 400 for a cursor that was made for another list or caller, or by somebody else."""
    return Paging(request, caller, None if cursor is None else _read(request, caller, cursor))


# What a route of a list asks for; the query parameter `cursor` is read by it.
RequestedPage = Annotated[Paging, Depends(_paging)]


def _written(request: Request, scope: Scope, key: tuple[str, ...]) -> str:
    encoded = msgspec.json.encode(key)
    return base64.urlsafe_b64encode(_signature(request, scope, encoded) + encoded).decode()


def _read(request: Request, scope: Scope, cursor: str) -> tuple[str, ...]:
    try:
        decoded = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as fault:
        raise Problem(INVALID_CURSOR) from fault
    signature, encoded = decoded[:_SIGNATURE_BYTES], decoded[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(request, scope, encoded)):
        raise Problem(INVALID_CURSOR)
    return _key.decode(encoded)


def _signature(request: Request, scope: Scope, encoded: bytes) -> bytes:
    """Over the list (path and parameters), who asks for it (the councils in scope), and the key."""
    parameters = sorted(item for item in request.query_params.multi_items() if item[0] not in _NOT_SIGNED)
    councils = None if scope.councils is None else sorted(scope.councils)
    signed = msgspec.json.encode((request.url.path, parameters, councils, encoded.decode("latin-1")))
    key: bytes = request.app.state.cursor_key
    return hmac.digest(key, signed, "sha256")[:_SIGNATURE_BYTES]
