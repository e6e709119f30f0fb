"""What the catalogue does about people: give, change and take away access; sign in, renew and sign out.

Each is one transaction with the events that make it hold everywhere. Blocking: to be called from worker threads.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from joserfc.jwk import KeySet, OKPKey

from catalogue.announcements import revocation
from catalogue.domain import people
from catalogue.domain.browser_sessions import (
    BrowserSession,
    Ending,
    JustRenewed,
    ReplayedCookie,
    SessionOver,
    ended,
    first_valid_s,
    renewed,
)
from catalogue.domain.people import Access, ClaimedAccess, Identity, Person, UnknownPerson
from catalogue.ports import IdentityProvider, PeopleStore, PeopleTransaction, PersonExists, SignInAttempt
from shared.audit import AuditRecord
from shared.auth.principal import Principal
from shared.auth.sessions import Session, SessionLimits, SessionVerifier, issue_cookie, session_of
from shared.auth.signatures import InvalidToken, read_signed, require_current, sign
from shared.clock import Clock
from shared.contracts.access import HeldAccess
from shared.instants import epoch_s, epoch_us, instant
from shared.log.port import Outgoing
from shared.scope import Scope

ATTEMPT_TYPE = "sign-in+jwt"
ATTEMPT_S = 600
_MOST_ATTEMPT_CHARACTERS = 3_000


class NotStartedHere(Exception):
    """This browser has not begun the sign-in that it brings back, or too long ago, or has completed it already."""


def _void(person: Person, void_s: int) -> Outgoing:
    """The message by which whatever was issued to them in that second or before is void everywhere."""
    access = HeldAccess(roles=person.access.roles, councils=person.access.councils, sources=person.access.sources)
    return revocation(person.id, instant(void_s), ended=person.removed, access=access)


def _record(action: str, person: str, clock: Clock) -> AuditRecord:
    """The entry of the audit log about what somebody did themselves."""
    return AuditRecord(at_us=epoch_us(clock.now()), actor=person, action=action, subject=f"person:{person}")


def _access_record(action: str, person: Person, by: str, clock: Clock) -> AuditRecord:
    councils = person.access.councils
    details = {
        "roles": " ".join(person.access.roles),
        "councils": "every council" if councils is None else " ".join(councils),
    }
    at_us, subject = epoch_us(clock.now()), f"person:{person.id}"
    return AuditRecord(at_us=at_us, actor=by, action=action, subject=subject, details=details)


class PeopleService:
    """Who may sign in: changed by operators."""

    def __init__(self, store: PeopleStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def listed(self, scope: Scope, *, after: str, limit: int) -> Sequence[Person]:
        """By ascending id, after the id `after`, those of the councils in scope; also whose access was taken away."""
        found: list[Person] = []
        while len(found) < limit and (page := self._store.people(after=after, limit=limit)):
            found += [person for person in page if people.is_seen(person, scope)]
            after = page[-1].id
        return found[:limit]

    def one(self, id_: str, scope: Scope) -> Person:
        """Raises `UnknownPerson`, also for somebody with access to councils out of scope."""
        found = self._store.person(id_)
        if found is None or not people.is_seen(found, scope):
            raise UnknownPerson
        return found

    def give(self, identity: Identity, access: Access, *, by: Principal, id_: str | None = None) -> Person:
        """The person may sign in and do that; what was issued to them by now is void where it is another access.

        Raises `RefusedPerson`, `ActionNotAllowed`, and `PersonExists` where `id_` is somebody else's.
        """
        with self._store.changing() as change:
            known = change.person_of(identity.issuer, identity.subject)
            found = people.given(known, identity, access, by=by, id_=id_)
            if known is None and change.person(found.id) is not None:
                raise PersonExists
            if known is not None and (known.removed or known.access != found.access):
                found = self._void(change, found)
            change.save(found)
            change.record(_access_record("access-given", found, by.name, self._clock))
            return found

    def change(self, id_: str, access: Access, *, by: Principal, name: str | None = None) -> Person:
        """As `give`, for somebody who is known; raises `UnknownPerson`."""
        known = self.one(id_, by.scope)
        identity = Identity(issuer=known.issuer, subject=known.subject, name=name or known.name)
        return self.give(identity, access, by=by)

    def remove(self, id_: str, *, by: Principal) -> Person:
        """The person may not sign in any more, and is signed out everywhere. Raises as `change`."""
        people.require_may_change(by, id_)
        with self._store.changing() as change:
            known = change.person(id_)
            if known is None or not people.is_seen(known, by.scope):
                raise UnknownPerson
            found = msgspec.structs.replace(known, removed=True, changed_by=by.name)
            found = self._ended(change, found, "access-changed")
            change.save(found)
            change.record(_access_record("access-removed", found, by.name, self._clock))
            return found

    def sign_out_everywhere(self, id_: str) -> None:
        """Every session of the person is over, everywhere."""
        with self._store.changing() as change:
            known = change.person(id_)
            if known is not None:
                change.save(self._ended(change, known, "signed-out-everywhere"))
                change.record(_record("signed-out-everywhere", id_, self._clock))

    def _ended(self, change: PeopleTransaction, person: Person, ending: Ending) -> Person:
        now_s = epoch_s(self._clock.now())
        for each in change.open_sessions(person.id):
            change.save_session(ended(each, ending, now_s=now_s), now_s=now_s)
        return self._void(change, person)

    def _void(self, change: PeopleTransaction, person: Person) -> Person:
        """The person, to whom whatever was issued by now is void: also cookies of the second to come."""
        void_s = max(epoch_s(self._clock.now()), person.void_s)
        newest = max((each.issued_s for each in change.open_sessions(person.id)), default=void_s)
        void_s = max(void_s, newest)
        change.announce([_void(person, void_s)])
        return msgspec.structs.replace(person, void_s=void_s)


@dataclass(frozen=True, slots=True)
class CookieSigner:
    """What cookies are signed by now, and verified by; `audience` is this installation's name."""

    key: Callable[[], OKPKey]
    keys: Callable[[], KeySet]
    audience: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session, its cookie's value, and the path to go on to."""

    session: Session
    cookie: str
    next: str


class SignInService:
    """Signing in with the provider, renewing a session's cookie, and signing out."""

    def __init__(
        self,
        store: PeopleStore,
        provider: IdentityProvider,
        signer: CookieSigner,
        clock: Clock,
        *,
        mapping: ClaimedAccess,
        limits: SessionLimits,
    ) -> None:
        self._store, self._provider, self._signer, self._clock = store, provider, signer, clock
        self._mapping, self._limits = mapping, limits
        self._verifier = SessionVerifier(signer.keys, dict, audience=signer.audience)

    def begin(self, next_: str) -> tuple[SignInAttempt, str, str]:
        """An attempt, the cookie by which the browser keeps it, and the address at the provider to go to.

        Raises `ProviderUnreachable` and `ProviderRefused`.
        """
        now_s = self._now_s()
        attempt = SignInAttempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            next=next_,
            iat=now_s,
            exp=now_s + ATTEMPT_S,
        )
        address = self._provider.authorization_address(attempt)
        return attempt, sign(attempt, self._signer.key(), type_=ATTEMPT_TYPE), address

    def complete(self, kept: str, answer: Mapping[str, str], *, previous: str | None = None) -> SignedIn:
        """Whoever the provider names is signed in, with a new session; the browser's `previous` one is over.

        Raises `NotStartedHere`, `ProviderUnreachable`, `ProviderRefused`, and `UnknownPerson`.
        """
        attempt = self._attempt(kept)
        if not secrets.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise NotStartedHere("the state is another browser's")
        with self._store.changing() as change:
            state = sha256(attempt.state.encode()).hexdigest()
            if not change.use(state, expires_s=attempt.exp, now_s=self._now_s()):
                raise NotStartedHere("the sign-in was completed already")
        identity = self._provider.identity(attempt, answer)
        with self._store.changing() as change:
            signed_in = self._signed_in(change, identity, previous, attempt.next)
        if signed_in is None:
            raise UnknownPerson(identity.subject)
        return signed_in

    def renew(self, cookie: str) -> SignedIn | JustRenewed:
        """Another cookie of the session, with the access that its person has now; the one before is void.

        Raises `SessionOver`: sign in again. A cookie that was replaced a while ago ends its session.
        """
        try:
            found = self._verifier.unless_expired(cookie, now_s=self._now_s())
        except InvalidToken as refused:
            raise SessionOver from refused
        with self._store.changing() as change:
            session, person = change.session(found.id), change.person(found.principal.name)
            if session is None or person is None or person.removed:
                raise SessionOver
            now_s = self._now_s()
            try:
                new = renewed(
                    session, cookie_issued_s=found.issued_s, void_s=person.void_s, now_s=now_s, limits=self._limits
                )
            except ReplayedCookie:
                new = ended(session, "replayed", now_s=now_s)
                change.record(_record("session-replayed", person.id, self._clock))
            if isinstance(new, JustRenewed):
                return new
            change.save_session(new, now_s=now_s)
            change.announce([revocation(new.id, instant(max(new.issued_s - 1, session.issued_s)))])
            if new.ended_s is None:
                return self._cookie(new, person, csrf=found.csrf, next_="/")
        raise SessionOver

    def is_current(self, session: Session) -> bool:
        """Whether it is not over, and its cookie the one that counts. Asks the database."""
        return self._store.is_current(session.id, issued_s=session.issued_s)

    def sign_out(self, session: Session) -> None:
        """The session is over, everywhere."""
        with self._store.changing() as change:
            self._end_session(change, session.id, "signed-out")

    def sign_out_address(self) -> str | None:
        """Where people sign out of the provider too; None where there is no such address."""
        return self._provider.sign_out_address()

    def _now_s(self) -> int:
        return epoch_s(self._clock.now())

    def _attempt(self, kept: str) -> SignInAttempt:
        try:
            attempt = read_signed(
                kept, SignInAttempt, self._signer.keys(), type_=ATTEMPT_TYPE, longest=_MOST_ATTEMPT_CHARACTERS
            )
            require_current(
                issued_s=attempt.iat,
                begins_s=attempt.iat,
                expires_s=attempt.exp,
                longest_s=ATTEMPT_S,
                now_s=self._now_s(),
            )
        except InvalidToken as refused:
            raise NotStartedHere(str(refused)) from refused
        return attempt

    def _signed_in(
        self, change: PeopleTransaction, identity: Identity, previous: str | None, next_: str
    ) -> SignedIn | None:
        """A new session of whoever it is; None where they have no access. Either is recorded."""
        known = change.person_of(identity.issuer, identity.subject)
        try:
            person = people.signed_in(known, identity, self._mapping)
        except UnknownPerson:
            id_ = known.id if known else people.person_id(identity.issuer, identity.subject)
            change.record(_record("sign-in-refused", id_, self._clock))
            return None
        if known is not None and known.access != person.access:
            person = self._with_access_changed(change, person)
        if person != known:
            change.save(person)
        self._end(change, previous, "signed-out")
        change.record(_record("signed-in", person.id, self._clock))
        return self._started(change, person, next_)

    def _with_access_changed(self, change: PeopleTransaction, person: Person) -> Person:
        void_s = max(self._now_s() - 1, person.void_s)
        change.announce([_void(person, void_s)])
        return msgspec.structs.replace(person, void_s=void_s)

    def _started(self, change: PeopleTransaction, person: Person, next_: str) -> SignedIn:
        now_s = self._now_s()
        session = BrowserSession(
            id=secrets.token_urlsafe(24),
            person=person.id,
            started_s=now_s,
            issued_s=first_valid_s(now_s, person.void_s),
        )
        change.save_session(session, now_s=now_s)
        return self._cookie(session, person, csrf=secrets.token_urlsafe(32), next_=next_)

    def _cookie(self, session: BrowserSession, person: Person, *, csrf: str, next_: str) -> SignedIn:
        shown = session_of(
            person.principal,
            id_=session.id,
            name=person.name,
            csrf=csrf,
            started_s=session.started_s,
            issued_s=session.issued_s,
            limits=self._limits,
        )
        return SignedIn(shown, issue_cookie(shown, self._signer.key(), audience=self._signer.audience), next_)

    def _end(self, change: PeopleTransaction, cookie: str | None, ending: Ending) -> None:
        if cookie is None:
            return
        try:
            found = self._verifier.unless_expired(cookie, now_s=self._now_s())
        except InvalidToken:
            return
        self._end_session(change, found.id, ending)

    def _end_session(self, change: PeopleTransaction, id_: str, ending: Ending) -> None:
        session, now_s = change.session(id_), self._now_s()
        if session is not None and session.ended_s is None:
            change.save_session(ended(session, ending, now_s=now_s), now_s=now_s)
            change.record(_record(ending, session.person, self._clock))
            change.announce([revocation(id_, instant(max(now_s, session.issued_s)))])
