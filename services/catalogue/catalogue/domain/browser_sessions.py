"""Sessions of signed-in people: which of a session's cookies counts, and what becomes of one that does not.

Each renewal makes another cookie and voids the one before. Tabs that were opened together send the old one once more
within moments; later, whoever sends it has a copy, and the session ends.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from shared.auth.sessions import SessionLimits

# Tabs that a browser opens together have asked by then.
TOGETHER_S = 10

Ending = Literal["signed-out", "signed-out-everywhere", "access-changed", "replayed"]


class BrowserSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of a person, and when the one cookie that counts was issued; in seconds since 1970."""

    id: str
    person: str
    started_s: int
    issued_s: int
    ended_s: int | None = None
    ending: Ending | None = None


class SessionOver(Exception):
    """The session has ended, or is as old as sessions may be: sign in again."""


class ReplayedCookie(Exception):
    """A cookie that was replaced came again: the session must end."""


@dataclass(frozen=True, slots=True)
class JustRenewed:
    """Another tab has renewed it moments ago: the browser has, or is about to have, its new cookie."""


def renewed(
    session: BrowserSession, *, cookie_issued_s: int, void_s: int, now_s: int, limits: SessionLimits
) -> BrowserSession | JustRenewed:
    """The session with another cookie, issued after all that is void. Raises `SessionOver` and `ReplayedCookie`.

    `void_s` is the last second of which whatever was issued to its person is void.
    """
    if session.ended_s is not None or now_s >= session.started_s + limits.absolute_s:
        raise SessionOver
    if cookie_issued_s != session.issued_s:
        if cookie_issued_s < session.issued_s and now_s - session.issued_s <= TOGETHER_S:
            return JustRenewed()
        raise ReplayedCookie
    if now_s > session.issued_s + limits.idle_s:
        raise SessionOver
    return msgspec.structs.replace(session, issued_s=first_valid_s(now_s, void_s, session.issued_s))


def first_valid_s(now_s: int, *void_s: int) -> int:
    """The second in which something issued now counts as issued: after every second that is void."""
    return max(now_s, *(second + 1 for second in void_s))


def ended(session: BrowserSession, ending: Ending, *, now_s: int) -> BrowserSession:
    """The session as one that is over, for ever."""
    if session.ended_s is not None:
        return session
    return msgspec.structs.replace(session, ended_s=now_s, ending=ending)
