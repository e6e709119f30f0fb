"""What the handlers need from the world: somewhere to keep versions."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import NamedTuple, Protocol

import msgspec

from catalogue.domain.browser_sessions import BrowserSession
from catalogue.domain.clients import Client
from catalogue.domain.people import Identity, Person
from catalogue.domain.received_events import EventStatus, ReceivedEvent
from catalogue.domain.versions import Catalogue, CatalogueVersion, DefinitionKey, Kind
from shared.audit import AuditRecord
from shared.contracts.proposals import ProposalData
from shared.log.port import Outgoing, Place
from shared.scope import Scope
from shared.sql.inbox import InsertResult


class StoredProposal(NamedTuple):
    """A change that takes two people, under its id."""

    id: str
    data: ProposalData


class VersionTransaction(Protocol):
    """One transaction that no other one overlaps; what it appends is stored when its context ends without an error."""

    def catalogue(self) -> Catalogue:
        """Every version of everything, ascending."""

    def waiting(self) -> frozenset[str]:
        """The ids of the messages that wait to be published."""

    def append(
        self,
        versions: Sequence[CatalogueVersion],
        announcements: Sequence[Outgoing],
        *,
        actor: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Store `versions`, who recorded them (in the audit log, with `details`), and what is to be announced."""

    def announce(self, announcements: Sequence[Outgoing]) -> None:
        """Store what is to be announced of versions that are there."""

    def proposal(self, id_: str) -> StoredProposal | None:
        """The proposal of that id."""

    def waiting_proposals(self) -> Sequence[StoredProposal]:
        """Those that nobody has decided about."""

    def save_proposal(self, proposal: StoredProposal) -> None:
        """The proposal is stored as it is now."""

    def record(self, record: AuditRecord) -> None:
        """The record is an entry of the audit log once the transaction has ended well."""


class VersionStore(Protocol):
    """The versions of every definition: appended, never edited. Safe to share between threads."""

    def recording(self) -> AbstractContextManager[VersionTransaction]:
        """A transaction that may append; waits until no other one is open."""

    def recorded(self) -> tuple[Catalogue, frozenset[str]]:
        """Every version of everything, ascending, and the ids of the messages that wait to be published."""

    def versions(self, key: DefinitionKey, scope: Scope) -> Sequence[CatalogueVersion]:
        """The versions of one definition that the scope may see, ascending."""

    def listing(
        self, kind: Kind, scope: Scope, *, on: date | None, after: str, limit: int
    ) -> Sequence[CatalogueVersion]:
        """By ascending id, after the id `after`: of each the version in force on a day, or its newest; if in scope."""

    def proposals(self) -> Sequence[StoredProposal]:
        """Every proposal, the newest first."""


class RequestUnderWay(Exception):
    """Another request of the same key is being answered at this moment."""


class ClientTransaction(Protocol):
    """One transaction; what it changes is stored when its context ends without an error."""

    def client(self, id_: str) -> Client | None:
        """The client of that id, which no other transaction changes until this one has ended."""

    def made_for(self, maker: str, request: str) -> Client | None:
        """The client that `maker` made with a request of that key."""

    def add(self, client: Client) -> None:
        """The client is stored; its id is a new one. Raises `RequestUnderWay`."""

    def replace(self, client: Client) -> None:
        """The client of its id is as given."""

    def announce(self, announcements: Sequence[Outgoing]) -> None:
        """Store what is to be announced."""

    def record(self, record: AuditRecord) -> None:
        """The record is an entry of the audit log once the transaction has ended well."""


class ClientStore(Protocol):
    """Machines that may call. Safe to share between threads."""

    def changing(self) -> AbstractContextManager[ClientTransaction]:
        """A transaction that may change clients."""

    def client(self, id_: str) -> Client | None:
        """The client of that id."""

    def all(self) -> Sequence[Client]:
        """Every client, by id; also those that are revoked."""


class ProviderUnreachable(Exception):
    """The OpenID provider gives no answer now."""


class ProviderRefused(Exception):
    """The OpenID provider refused, or its answer proves nothing. The reason is for the log and for operators."""


class SignInAttempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sign-in under way in one browser, which keeps it signed in a cookie. Times are epoch seconds.

    `state`, `nonce` and `verifier` are known to that browser and to nobody else; `next` is the path to go on to.
    """

    state: str
    nonce: str
    verifier: str
    next: str
    iat: int
    exp: int


class IdentityProvider(Protocol):
    """Who people are is known elsewhere. Blocking; each may raise `ProviderUnreachable` and `ProviderRefused`."""

    def authorization_address(self, attempt: SignInAttempt) -> str:
        """Where the browser is sent to sign in."""

    def identity(self, attempt: SignInAttempt, answer: Mapping[str, str]) -> Identity:
        """Who has signed in, by what the browser brought back: the parameters of the provider's answer."""

    def sign_out_address(self) -> str | None:
        """Where people sign out of the provider itself; None where it has no such address, or none is known now."""


class PersonExists(Exception):
    """Another person has this id, or is this subject of the provider."""


class PeopleTransaction(Protocol):
    """One transaction over people and sessions: what it reads stays so until it ends. All or nothing is stored."""

    def person(self, id_: str) -> Person | None:
        """Whoever has that id, also if removed."""

    def person_of(self, issuer: str, subject: str) -> Person | None:
        """Whoever the provider knows by that subject, also if removed."""

    def save(self, found: Person) -> None:
        """The person is stored as they are now; raises `PersonExists`."""

    def session(self, id_: str) -> BrowserSession | None:
        """The session of that id, also if it is over."""

    def open_sessions(self, person_id: str) -> Sequence[BrowserSession]:
        """The person's sessions that nobody has ended."""

    def save_session(self, found: BrowserSession, *, now_s: int) -> None:
        """The session is stored as it is now; those that began long ago may be forgotten."""

    def record(self, record: AuditRecord) -> None:
        """The record is an entry of the audit log once the transaction has ended well."""

    def use(self, state: str, *, expires_s: int, now_s: int) -> bool:
        """Whether the sign-in of that state is completed for the first time, which is remembered until it expires."""

    def announce(self, messages: Sequence[Outgoing]) -> None:
        """The messages will be published once the transaction has ended well."""


class PeopleStore(Protocol):
    """People and their sessions. Safe to share between threads."""

    def changing(self) -> AbstractContextManager[PeopleTransaction]:
        """A transaction that may change them."""

    def people(self, *, after: str, limit: int) -> Sequence[Person]:
        """By ascending id, after the id `after`; also those removed."""

    def person(self, id_: str) -> Person | None:
        """Whoever has that id, also if removed."""

    def is_current(self, session: str, *, issued_s: int) -> bool:
        """Whether the session is not over, and its cookie of that second the one that counts."""


class WaitingEvent(Outgoing, frozen=True, gc=False):
    """An event that waits to be published, and its place in the queue."""

    position: int


class ReceivedEventStore(Protocol):
    """Events that were received over HTTP, and what became of them. Blocking; whatever needs the database may raise
    `Busy`."""

    def receive(
        self, requests: Sequence[tuple[str, Sequence[ReceivedEvent]]], *, now_us: int
    ) -> list[list[InsertResult]]:
        """What each event of each request is; those of a request are stored together, unless one is a conflict.

        `requests` are the senders with their events. One transaction.
        """

    def preview(self, events: Sequence[ReceivedEvent]) -> list[InsertResult]:
        """What `receive` would return now for one request; nothing is stored."""

    def waiting(self) -> int:
        """How many events are not known to be published."""

    def oldest_waiting(self) -> Sequence[WaitingEvent]:
        """The first of them in the order of receiving."""

    def published(self, places: Mapping[int, Place], *, now_us: int) -> None:
        """The events at those positions are in the log at those places."""

    def status(self, source: str, id_: str, scope: Scope) -> EventStatus | None:
        """What is known of an event of a council in scope; None where there is none."""

    def listed(
        self, scope: Scope, sources: Sequence[str] | None, *, after: int, newest: bool, limit: int
    ) -> list[EventStatus]:
        """The first events after that number of the sources (None: of any), or the newest ones, always ascending."""

    def forget(self, *, before_us: int) -> int:
        """Published events received before that instant are gone, so many at once; returns how many."""
