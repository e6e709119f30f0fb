"""Pages by which people sign in and out, and see who they are to Tallystick."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from catalogue.domain.browser_sessions import JustRenewed, SessionOver
from catalogue.domain.people import UnknownPerson
from catalogue.people import ATTEMPT_S, NotStartedHere, PeopleService, SignedIn, SignInService
from catalogue.ports import ProviderRefused, ProviderUnreachable
from shared.auth.roles import ROLES, Action
from shared.auth.sessions import Session, SessionLimits
from shared.http.access import KeysUnknown
from shared.http.audited import AuditWriter
from shared.http.browsers import (
    RENEW_PATH,
    SIGN_IN_PATH,
    SessionCookies,
    cookie_name,
    forget_cookie,
    own_path,
    session_of_request,
    set_cookie,
)
from shared.http.forms import FormBody, require_csrf
from shared.http.problem_types import SERVICE_UNAVAILABLE
from shared.http.problems import Problem
from shared.http.rates import AttemptLimit
from shared.instants import instant
from shared.sql.audit import AuditLogDiffers
from shared.web.pages import environment
from shared.web.strings import text

Next = Annotated[str, Query(alias="next", max_length=1_000, description="the path to go on to")]
OptionalSession = Annotated[Session | None, Depends(session_of_request)]
_APPROVALS = (
    Action.PROPOSE_EXCLUSION,
    Action.APPROVE_EXCLUSION,
    Action.APPROVE_CORRECTION,
    Action.APPROVE_CATALOGUE,
)
_NO_STORE = {"Cache-Control": "no-store"}
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignInPages:
    """What the pages need. `sign_ins` is None where no provider is set; `contact` says whom to ask for access.

    `councils` gives the names of those with these ids; `audit` is where sign-ins are recorded.
    """

    sign_ins: SignInService | None
    people: PeopleService
    cookies: SessionCookies
    attempts: AttemptLimit
    limits: SessionLimits
    councils: Callable[[Sequence[str]], Sequence[str]]
    contact: str
    audit: AuditWriter


def router(pages: SignInPages) -> APIRouter:
    """`/sign-in` and what follows it, `/session/renew`, `/sign-out` and `/me`."""

    async def recordable() -> None:
        """Raises the problem that answers while nothing can be recorded: then nobody signs in."""
        try:
            await pages.audit.require_complete()
        except AuditLogDiffers as fault:
            raise Problem(SERVICE_UNAVAILABLE) from fault

    needs = [Depends(recordable)]
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=needs)
    _add_sign_in(routes, pages)
    _add_session(routes, pages)
    _add_sign_out(routes, pages)
    return routes


def _add_sign_in(routes: APIRouter, pages: SignInPages) -> None:
    secure = pages.cookies.secure

    @routes.get(SIGN_IN_PATH)
    def sign_in(session: OptionalSession, next_: Next = "/") -> Response:
        """What signing in means, and the way to it."""
        if session is not None:
            return RedirectResponse(own_path(next_), status_code=303, headers=_NO_STORE)
        if pages.sign_ins is None:
            return _message(pages, "not_set_up", status=503)
        return _page("sign_in.html", next=own_path(next_))

    @routes.get(f"{SIGN_IN_PATH}/start")
    def start(request: Request, next_: Next = "/") -> Response:
        """The browser goes to the provider."""
        if pages.sign_ins is None:
            return _message(pages, "not_set_up", status=503)
        if (wait_s := pages.attempts.wait_s(request)) is not None:
            return _message(pages, "too_many", status=429, headers={"Retry-After": str(wait_s)})
        try:
            attempt, kept, address = pages.sign_ins.begin(own_path(next_))
        except (ProviderUnreachable, ProviderRefused, KeysUnknown) as fault:
            return _failed(pages, fault)
        answer = RedirectResponse(address, status_code=303, headers=_NO_STORE)
        set_cookie(answer, _attempt_cookie(attempt.state), kept, secure=secure, max_age_s=ATTEMPT_S)
        return answer

    @routes.get(f"{SIGN_IN_PATH}/return")
    def back(request: Request) -> Response:
        """Whoever the provider names is signed in, or a page says why not."""
        if pages.sign_ins is None:
            return _message(pages, "not_set_up", status=503)
        if (wait_s := pages.attempts.wait_s(request)) is not None:
            return _message(pages, "too_many", status=429, headers={"Retry-After": str(wait_s)})
        answer = dict(request.query_params)
        attempt = _attempt_cookie(answer.get("state", ""))
        kept = request.cookies.get(cookie_name(attempt, secure=secure), "")
        response = _completed(pages, pages.sign_ins, kept, answer, pages.cookies.cookie(request))
        forget_cookie(response, attempt, secure=secure)
        return response


def _completed(
    pages: SignInPages, sign_ins: SignInService, kept: str, answer: Mapping[str, str], previous: str | None
) -> Response:
    try:
        signed_in = sign_ins.complete(kept, answer, previous=previous)
    except NotStartedHere as refused:
        log.info("sign_in.refused", reason=str(refused))
        return _message(pages, "not_started_here", status=400)
    except (ProviderUnreachable, ProviderRefused, KeysUnknown) as fault:
        return _failed(pages, fault)
    except UnknownPerson as unknown:
        log.info("sign_in.unknown_person")
        return _message(pages, "unknown_person", status=403, subject=str(unknown))
    log.info("sign_in.completed", person=signed_in.session.principal.name)
    return _going_on(pages, signed_in, signed_in.next)


def _add_session(routes: APIRouter, pages: SignInPages) -> None:
    @routes.get(RENEW_PATH)
    def renew(request: Request, next_: Next = "/") -> Response:
        """The browser has a newer cookie and goes on; or it is asked to sign in."""
        cookie, next_path = pages.cookies.cookie(request), own_path(next_)
        renewed = None
        if cookie is not None and pages.sign_ins is not None:
            try:
                renewed = pages.sign_ins.renew(cookie)
            except KeysUnknown as fault:
                return _failed(pages, fault)
            except SessionOver:
                renewed = None
        match renewed:
            case JustRenewed():
                return RedirectResponse(next_path, status_code=303, headers=_NO_STORE)
            case SignedIn():
                return _going_on(pages, renewed, next_path)
            case None:
                answer = RedirectResponse(_with_next(SIGN_IN_PATH, next_path), status_code=303, headers=_NO_STORE)
                forget_cookie(answer, "session", secure=pages.cookies.secure)
                return answer

    @routes.get("/me")
    def me(session: OptionalSession) -> Response:
        """Who somebody is here: their roles, councils and session, in words."""
        if session is None:
            return RedirectResponse(_with_next(SIGN_IN_PATH, "/me"), status_code=303, headers=_NO_STORE)
        caller = session.principal
        councils = None if caller.scope.councils is None else pages.councils(sorted(caller.scope.councils))
        return _page(
            "me.html",
            session=session,
            roles=[(ROLES[role].title, sorted(each.value for each in ROLES[role].actions)) for role in caller.roles],
            councils=councils,
            started=instant(session.started_s),
            ends=instant(session.started_s + pages.limits.absolute_s),
            idle_s=pages.limits.idle_s,
            may_approve=any(caller.may(each) for each in _APPROVALS),
            may_manage_credentials=caller.may(Action.MANAGE_CREDENTIALS),
        )


def _add_sign_out(routes: APIRouter, pages: SignInPages) -> None:
    @routes.get("/sign-out")
    def ask(session: OptionalSession) -> Response:
        """Whether somebody means it, here or everywhere."""
        if session is None:
            return RedirectResponse("/signed-out", status_code=303, headers=_NO_STORE)
        return _page("sign_out.html", session=session)

    @routes.post("/sign-out")
    async def sign_out(request: Request, session: OptionalSession, form: FormBody) -> Response:
        """The session is over, or every session of its person."""
        if session is not None and pages.sign_ins is not None:
            await require_csrf(request, session)
            if form.one("everywhere"):
                await run_in_threadpool(pages.people.sign_out_everywhere, session.principal.name)
            else:
                await run_in_threadpool(pages.sign_ins.sign_out, session)
        answer = RedirectResponse("/signed-out", status_code=303, headers=_NO_STORE)
        forget_cookie(answer, "session", secure=pages.cookies.secure)
        return answer

    @routes.get("/signed-out")
    def signed_out() -> Response:
        """That it is done, and where to sign out of the provider too."""
        address = None if pages.sign_ins is None else pages.sign_ins.sign_out_address()
        return _page("signed_out.html", provider=address)


def _going_on(pages: SignInPages, signed_in: SignedIn, next_path: str) -> Response:
    answer = RedirectResponse(next_path, status_code=303, headers=_NO_STORE)
    set_cookie(answer, "session", signed_in.cookie, secure=pages.cookies.secure)
    return answer


def _failed(pages: SignInPages, fault: ProviderUnreachable | ProviderRefused | KeysUnknown) -> Response:
    log.warning("sign_in.failed", fault=type(fault).__name__, reason=str(fault))
    match fault:
        case ProviderUnreachable():
            return _message(pages, "unreachable", status=503, headers={"Retry-After": "5"})
        case KeysUnknown():
            return _message(pages, "starting", status=503, headers={"Retry-After": "1"})
        case ProviderRefused():
            return _message(pages, "refused", status=400)


def _message(
    pages: SignInPages, words: str, *, status: int, headers: Mapping[str, str] | None = None, subject: str = ""
) -> Response:
    contact = pages.contact or text("access.whoever_runs_this")
    return _page("access_message.html", status=status, headers=headers, words=words, contact=contact, subject=subject)


def _page(template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
    content = environment("catalogue").get_template(template).render(**values)
    return HTMLResponse(content, status_code=status, headers={**_NO_STORE, **(headers or {})})


def _attempt_cookie(state: str) -> str:
    """The name of the cookie by which a browser keeps one sign-in; several tabs may be under way."""
    return f"sign-in-{''.join(each for each in state[:8] if each.isascii() and each.isalnum())}"


def _with_next(path: str, next_path: str) -> str:
    return f"{path}?{urlencode({'next': next_path})}"
