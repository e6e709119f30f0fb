"""What was taken back or decided and this database has lost, since it was restored from an older copy, holds again.

The log of the catalogue's changes keeps the newest of each client, person, session and proposal. Nothing is signed
before all of it holds, so that no copy of a database revives a revoked client or somebody who was removed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
import structlog

from catalogue.domain.browser_sessions import ended
from catalogue.domain.clients import Client, revoked
from catalogue.domain.people import Access, Person
from catalogue.ports import ClientStore, PeopleStore, PeopleTransaction, StoredProposal, VersionStore
from shared.audit import AuditRecord
from shared.clock import Clock
from shared.contracts.access import AccessRevokedData
from shared.contracts.proposals import ProposalData
from shared.instants import epoch_s, epoch_us

TakenBack = Mapping[str, AccessRevokedData]
_PAGE = 200
log = structlog.get_logger()


class Stores(NamedTuple):
    """Where the catalogue keeps what can be taken back."""

    clients: ClientStore
    people: PeopleStore
    versions: VersionStore


def read_back(stores: Stores, taken_back: TakenBack, proposals: Mapping[str, ProposalData], clock: Clock) -> int:
    """All of it holds; how much of it had been lost. Blocks; done again it changes nothing."""
    at = clock.now()
    found = _clients(stores.clients, taken_back, at) + _people(stores.people, taken_back, at)
    found += _proposals(stores.versions, proposals, at)
    if found:
        log.warning("catalogue.read_back", entries=found)
    return found


def _clients(store: ClientStore, taken_back: TakenBack, at: datetime) -> int:
    lost = 0
    for client in store.all():
        taken = taken_back.get(client.id)
        if taken is None or _without_lost(client, taken) == client:
            continue
        with store.changing() as change:
            current = change.client(client.id)
            if current is not None and (known := _without_lost(current, taken)) != current:
                change.replace(known)
                change.record(_record(f"client:{client.id}", at))
                lost += 1
    return lost


def _without_lost(client: Client, taken: AccessRevokedData) -> Client:
    """The client without what its newest revocation ended: all of it, or the secrets that were made before."""
    if taken.ended:
        return revoked(client, at=taken.revoked_at)
    if taken.secrets_from is None:
        return client
    held = tuple(each for each in client.secrets if each.made_at >= taken.secrets_from)
    return msgspec.structs.replace(client, secrets=held)


def _people(store: PeopleStore, taken_back: TakenBack, at: datetime) -> int:
    lost, after = 0, ""
    while page := store.people(after=after, limit=_PAGE):
        for person in page:
            with store.changing() as change:
                lost += _person(change, person.id, taken_back, at)
        after = page[-1].id
    return lost


def _person(change: PeopleTransaction, id_: str, taken_back: TakenBack, at: datetime) -> int:
    lost, person, taken = 0, change.person(id_), taken_back.get(id_)
    if person is not None and taken is not None and epoch_s(taken.revoked_at) > person.void_s:
        change.save(_as_published(person, taken))
        change.record(_record(f"person:{id_}", at))
        lost += 1
    for session in change.open_sessions(id_):
        of_session = taken_back.get(session.id)
        if of_session is not None and epoch_s(of_session.revoked_at) >= session.issued_s:
            change.save_session(ended(session, "signed-out", now_s=epoch_s(at)), now_s=epoch_s(at))
            lost += 1
    return lost


def _as_published(person: Person, taken: AccessRevokedData) -> Person:
    held = taken.access
    access = person.access
    if held is not None:
        access = Access(roles=held.roles, councils=held.councils, sources=held.sources)
    return msgspec.structs.replace(
        person, access=access, removed=taken.ended, void_s=epoch_s(taken.revoked_at), changed_by="log"
    )


def _proposals(store: VersionStore, proposals: Mapping[str, ProposalData], at: datetime) -> int:
    known = {each.id: each.data for each in store.proposals()}
    lost = {
        id_: data for id_, data in proposals.items() if id_ not in known or _is_further(data.status, known[id_].status)
    }
    if not lost:
        return 0
    with store.recording() as recording:
        for id_, data in lost.items():
            recording.save_proposal(StoredProposal(id_, data))
            recording.record(_record(f"proposal:{id_}", at))
    return len(lost)


def _is_further(status: str, than: str) -> bool:
    return than == "proposed" != status


def _record(subject: str, at: datetime) -> AuditRecord:
    return AuditRecord(at_us=epoch_us(at), actor="catalogue", action="read-back", subject=subject)
