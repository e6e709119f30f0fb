"""The ways in which a caller can be known: a new one is one function here or in a file of its own, and one line."""

from dataclasses import replace

from starlette.requests import Request

from shared.auth.principal import Principal
from shared.auth.signatures import InvalidToken
from shared.auth.tokens import TokenVerifier
from shared.bus.access_view import AccessView
from shared.clock import Clock
from shared.http.access import Authentication, InvalidCredential, KeysUnknown, WayToBeKnown
from shared.http.browsers import InvalidSession, SessionCookies
from shared.instants import epoch_s


def authentication(view: AccessView, clock: Clock, *, audience: str, secure: bool) -> Authentication:
    """Callers are known by what the catalogue issued for `audience`, as far as `view` has read.

    With `secure`, cookies are those that browsers send over HTTPS alone.
    """
    cookies = SessionCookies(view.issued, clock, audience=audience, secure=secure)
    ways = bearer_tokens(view, clock, audience=audience), session_cookies(view, cookies)
    return Authentication(*(_inheriting(view, clock, way) for way in ways))


def _inheriting(view: AccessView, clock: Clock, way: WayToBeKnown) -> WayToBeKnown:
    """Who is known inherits the past of the councils that theirs succeeded, as of now."""

    def known(request: Request) -> Principal | None:
        caller = way(request)
        return caller and replace(caller, scope=view.successors.inheriting(caller.scope, clock.now()))

    return known


def session_cookies(view: AccessView, cookies: SessionCookies) -> WayToBeKnown:
    """By the session cookie of somebody who signed in."""

    def known(request: Request) -> Principal | None:
        if cookies.cookie(request) is None:
            return None
        _require_keys(view)
        try:
            return cookies.principal(request)
        except InvalidSession as refused:
            raise InvalidCredential(str(refused)) from refused

    return known


def bearer_tokens(view: AccessView, clock: Clock, *, audience: str) -> WayToBeKnown:
    """By an access token in the header Authorization."""
    issued = view.issued
    verifier = TokenVerifier(lambda: issued.keys(clock.now()), issued.revoked, audience=audience)

    def known(request: Request) -> Principal | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidCredential("expected the scheme Bearer")
        _require_keys(view)
        try:
            return verifier.principal(token.strip(), now_s=epoch_s(clock.now()))
        except InvalidToken as refused:
            raise InvalidCredential(str(refused)) from refused

    return known


def _require_keys(view: AccessView) -> None:
    if not (view.caught_up and view.issued.published()):
        raise KeysUnknown
