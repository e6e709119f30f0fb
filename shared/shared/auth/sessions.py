"""Session cookies: who a signed-in person is, signed by the catalogue, checked by every service without asking anybody.

The catalogue keeps each session; its cookie says who it is for and lives as long as somebody may be idle. Renewed, it
is another cookie, and the one before is void. What a form sends to change something must hold the session's CSRF token:
a page of another site can make a browser send the cookie, and cannot read the token.
"""

import hmac
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import msgspec
from joserfc.jwk import KeySet, OKPKey
from msgspec import Meta

from shared.auth.principal import InvalidPrincipal, Principal
from shared.auth.roles import Action
from shared.auth.signatures import (
    ISSUER,
    ClaimedRoles,
    ClaimText,
    InvalidToken,
    ScopeClaim,
    claimed_scope,
    read_signed,
    require_current,
    scope_claim,
    sign,
)

SESSION_TYPE = "session+jwt"
# Browsers keep no cookie of more than 4,096 bytes, its name and attributes among them.
MAX_COOKIE_CHARACTERS = 3_900
LONGEST_SESSION_S = 86_400
# A page that is opened with a cookie older than this leads over the catalogue, which renews it.
RENEW_AFTER_S = 300
MAX_NAME_LENGTH = 100


class SessionLimits(NamedTuple):
    """How long somebody may do nothing, and how long a session lasts whatever they do; in seconds."""

    idle_s: int = 30 * 60
    absolute_s: int = 12 * 60 * 60


class _SessionClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All is required: a claim that is left out never means more."""

    iss: Literal["tallystick/catalogue"]
    aud: ClaimText
    sub: ClaimText
    sid: ClaimText
    iat: int
    exp: int
    started: int
    csrf: ClaimText
    name: Annotated[str, Meta(max_length=MAX_NAME_LENGTH)]
    roles: ClaimedRoles
    scope: ScopeClaim
    sources: Annotated[tuple[ClaimText, ...], Meta(max_length=100)]


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person's session, as one of its cookies says. Times are epoch seconds.

    `name` is what people call its person, for display alone. `issued_s` tells its cookies apart.
    """

    id: str
    principal: Principal
    name: str
    csrf: str
    started_s: int
    issued_s: int
    expires_s: int

    def has_csrf(self, sent: str) -> bool:
        """Whether what a form sent is the session's own token."""
        return hmac.compare_digest(self.csrf.encode(), sent.encode())

    @property
    def may_close_months(self) -> bool:
        """Whether the page of a month's close is for whoever it is."""
        return self.principal.may(Action.APPROVE_STATEMENT)

    @property
    def may_query_statements(self) -> bool:
        """Whether the form to query a line is for whoever it is."""
        return self.principal.may(Action.QUERY_STATEMENT)

    def is_due(self, now_s: int) -> bool:
        """Whether the next page should renew it."""
        return now_s - self.issued_s >= RENEW_AFTER_S


# The session of whoever a page is made for, for the header of every page; set for the time of one request.
current_session: ContextVar[Session | None] = ContextVar("current_session", default=None)


def session_of(
    principal: Principal, *, id_: str, name: str, csrf: str, started_s: int, issued_s: int, limits: SessionLimits
) -> Session:
    """The person's session with a cookie issued at `issued_s`; it expires by whichever limit comes first."""
    expires_s = min(issued_s + limits.idle_s, started_s + limits.absolute_s)
    return Session(id_, principal, name[:MAX_NAME_LENGTH], csrf, started_s, issued_s, expires_s)


def issue_cookie(session: Session, key: OKPKey, *, audience: str) -> str:
    """The cookie's value. Raises `ValueError` where no browser would keep it: too many councils are named."""
    claims = _SessionClaims(
        iss=ISSUER,
        aud=audience,
        sub=session.principal.name,
        sid=session.id,
        iat=session.issued_s,
        exp=session.expires_s,
        started=session.started_s,
        csrf=session.csrf,
        name=session.name,
        roles=tuple(sorted(session.principal.roles)),
        scope=scope_claim(session.principal.scope),
        sources=tuple(sorted(session.principal.sources)),
    )
    cookie = sign(claims, key, type_=SESSION_TYPE)
    if len(cookie) > MAX_COOKIE_CHARACTERS:
        raise ValueError(f"a cookie holds {MAX_COOKIE_CHARACTERS} characters, and this one has {len(cookie)}")
    return cookie


class SessionVerifier:
    """Whose session a cookie is of. `keys` are the catalogue's as known now, `revoked` the subjects by since when.

    A subject is a person, all of whose cookies are void, or one session, whose earlier cookies are.
    """

    def __init__(self, keys: Callable[[], KeySet], revoked: Callable[[], Mapping[str, int]], *, audience: str) -> None:
        self._keys, self._revoked, self._audience = keys, revoked, audience

    def session(self, cookie: str, *, now_s: int) -> Session:
        """Raises `InvalidToken` unless all of it is right at `now_s` (epoch seconds)."""
        session, revoked = self.unless_expired(cookie, now_s=now_s), self._revoked()
        if session.issued_s <= max(revoked.get(session.id, -1), revoked.get(session.principal.name, -1)):
            raise InvalidToken("revoked")
        return session

    def unless_expired(self, cookie: str, *, now_s: int) -> Session:
        """As `session`, also for a cookie that was revoked: for whoever looks at the session itself."""
        claims = read_signed(cookie, _SessionClaims, self._keys(), type_=SESSION_TYPE, longest=MAX_COOKIE_CHARACTERS)
        require_current(
            issued_s=claims.iat, begins_s=claims.iat, expires_s=claims.exp, longest_s=LONGEST_SESSION_S, now_s=now_s
        )
        if claims.aud != self._audience:
            raise InvalidToken("for another audience")
        if claims.exp > claims.started + LONGEST_SESSION_S:
            raise InvalidToken("lives too long")
        try:
            scope = claimed_scope(claims.scope)
            principal = Principal.of(claims.sub, "person", claims.roles, scope, sources=claims.sources)
        except InvalidPrincipal as fault:
            raise InvalidToken(str(fault)) from None
        return Session(claims.sid, principal, claims.name, claims.csrf, claims.started, claims.iat, claims.exp)
