"""People at browsers: known by their session cookie, sent to sign in where they are not, and back to where they were.

A page that is opened with a cookie which is due, expired or void leads over the catalogue, which renews it or asks to
sign in. What is no page is refused, as for anybody else.
"""

import re
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from shared.auth.issued import IssuedAccess
from shared.auth.principal import Principal
from shared.auth.sessions import Session, SessionVerifier, current_session
from shared.auth.signatures import InvalidToken
from shared.clock import Clock
from shared.instants import epoch_s

SIGN_IN_PATH, RENEW_PATH = "/sign-in", "/session/renew"
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}")
# Whoever signs in goes on to something else than signing in or out.
_NO_RETURN = re.compile(r"/(sign-in|sign-out|signed-out|session)(?![^/?#])")
_SESSION = "tallystick.session"
_RENEWABLE = "tallystick.renewable"
_PAGES = frozenset({"GET", "HEAD"})


class InvalidSession(Exception):
    """The cookie proves nothing now. The reason is for the log."""


class RenewSession(Exception):
    """The page is to be opened again with a newer cookie."""


def cookie_name(name: str, *, secure: bool) -> str:
    """The name of a cookie: with `__Host-`, browsers take it from this host alone, and over HTTPS alone."""
    return f"__Host-tallystick-{name}" if secure else f"tallystick-{name}"


def set_cookie(response: Response, name: str, value: str, *, secure: bool, max_age_s: int | None = None) -> None:
    """The browser keeps the cookie until it is closed, or for `max_age_s`; no script can read it."""
    response.set_cookie(
        cookie_name(name, secure=secure),
        value,
        max_age=max_age_s,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def forget_cookie(response: Response, name: str, *, secure: bool) -> None:
    """The browser keeps the cookie no longer."""
    response.delete_cookie(cookie_name(name, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")


def own_path(text: str) -> str:
    """The address to go on to if it is a path of this installation, else `/`: nobody is sent to another site."""
    return text if _OWN_PATH.fullmatch(text) and not _NO_RETURN.match(text) else "/"


class SessionCookies:
    """Who has signed in at a browser, by its cookie and by what is known of the access `issued`."""

    def __init__(self, issued: IssuedAccess, clock: Clock, *, audience: str, secure: bool) -> None:
        self._verifier = SessionVerifier(lambda: issued.keys(clock.now()), issued.revoked, audience=audience)
        self._clock = clock
        self.secure = secure

    def cookie(self, request: Request) -> str | None:
        """The cookie as the browser sent it; None without one."""
        return request.cookies.get(cookie_name("session", secure=self.secure))

    def principal(self, request: Request) -> Principal | None:
        """Who has signed in at that browser; None without a cookie. Raises `InvalidSession` and `RenewSession`."""
        cookie = self.cookie(request)
        if cookie is None:
            return None
        now_s = epoch_s(self._clock.now())
        try:
            session = self._verifier.session(cookie, now_s=now_s)
        except InvalidToken as refused:
            request.scope[_RENEWABLE] = str(refused) in {"revoked", "expired"}
            raise InvalidSession(str(refused)) from refused
        request.scope[_SESSION] = session
        current_session.set(session)
        if session.is_due(now_s) and opens_page(request):
            raise RenewSession
        return session.principal


def session_of_request(request: Request) -> Session | None:
    """The session by which the caller is known; None for whoever is not known by a cookie."""
    found: Session | None = request.scope.get(_SESSION)
    return found


def opens_page(request: Request) -> bool:
    """Whether a browser asks for a page to show, rather than a program for an answer."""
    is_navigation = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    return request.method in _PAGES and is_navigation and "text/html" in request.headers.get("Accept", "")


def sign_in_redirect(request: Request) -> Response | None:
    """The way to sign in, or to a newer cookie, for a browser that wants a page; None for anybody else."""
    if not opens_page(request):
        return None
    return redirect_to_renewal(request) if request.scope.get(_RENEWABLE) else _redirect(SIGN_IN_PATH, request)


def redirect_to_renewal(request: Request) -> Response:
    """Over the catalogue, which renews the session, and back."""
    return _redirect(RENEW_PATH, request)


def _redirect(path: str, request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    next_ = own_path(f"{request.url.path}{query}")
    answer = RedirectResponse(f"{path}?{urlencode({'next': next_})}", status_code=303)
    answer.headers["Cache-Control"] = "no-store"
    return answer
