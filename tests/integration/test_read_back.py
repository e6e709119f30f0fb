"""A catalogue whose database was restored from an older copy: what was taken back since is not revived."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogue.app import CatalogueApp
from catalogue.clients import WantedClient
from catalogue.domain.clients import Client, WrongCredentials
from catalogue.domain.people import Access, Identity
from catalogue.handlers import ExpectedVersions
from catalogue.ports import StoredProposal
from shared.auth.credentials import new_client_id, new_secret
from shared.auth.principal import Principal
from shared.clock import WallClock
from shared.contracts.proposals import PartyWords
from shared.http.access import KeysUnknown
from shared.scope import Scope
from tallystick.stack import open_stack
from tests.support.definitions import tariff, whole

OPERATOR = Principal.of("operator", "person", ["operator"], Scope.all())
APPROVER = Principal.of("approver", "person", ["approver"], Scope.all())
WANTED = WantedClient("Program", ("council-viewer",), ("adur",))
VIEWER = Access(roles=("council-viewer",), councils=("adur",))
YEAR = timedelta(days=366)


def restored(folder: Path, before: Callable[[CatalogueApp], Any], after: Callable[[CatalogueApp, Any], None]) -> Any:
    """What `before` made in a catalogue, whose database is then as it was before `after` was done."""

    async def lived() -> Any:
        async with open_stack(folder) as stack:
            await stack.record(whole())
            await stack.catalogue.publish_key()
            made = await asyncio.to_thread(before, stack.catalogue)
            await stack.catalogue.publish_waiting()
            await stack.catalogue.audit.publish()
        shutil.copy(folder / "catalogue.db", folder / "copy.db")
        async with open_stack(folder) as stack:
            await stack.catalogue.publish_key()
            await asyncio.to_thread(after, stack.catalogue, made)
            await stack.catalogue.publish_waiting()
            await stack.catalogue.audit.publish()
        return made

    made = asyncio.run(lived())
    for rest in folder.glob("catalogue.db-*"):
        rest.unlink()
    shutil.copy(folder / "copy.db", folder / "catalogue.db")
    return made


def in_it(folder: Path, check: Callable[[CatalogueApp], None]) -> None:
    async def checked() -> None:
        async with open_stack(folder) as stack:
            with pytest.raises(KeysUnknown):
                stack.catalogue.keys.current()
            await stack.catalogue.publish_key()
            stack.catalogue.keys.current()
            assert await stack.catalogue.read_back() == 0
            await asyncio.to_thread(check, stack.catalogue)

    asyncio.run(checked())


def client(app: CatalogueApp) -> tuple[Client, str]:
    made, secret = app.clients.make(OPERATOR, WANTED, valid_for=YEAR)
    assert secret is not None
    return made, secret


def is_valid(app: CatalogueApp, id_: str, secret: str) -> bool:
    try:
        app.clients.authenticate(id_, secret)
    except WrongCredentials:
        return False
    return True


def test_a_revoked_client_stays_revoked_and_another_goes_on(tmp_path: Path) -> None:
    made = restored(tmp_path, lambda app: (client(app), client(app)), lambda app, made: revoke(app, made[0][0].id))

    def check(app: CatalogueApp) -> None:
        (first, secret), (second, other) = made
        assert not is_valid(app, first.id, secret)
        assert is_valid(app, second.id, other)
        assert {each.id: each.revoked_at is None for each in app.clients.listing(OPERATOR)} == {
            first.id: False,
            second.id: True,
        }

    in_it(tmp_path, check)


def revoke(app: CatalogueApp, id_: str) -> None:
    app.clients.revoke(OPERATOR, id_)


def test_a_secret_that_was_taken_back_holds_no_more(tmp_path: Path) -> None:
    def change(app: CatalogueApp, made: tuple[Client, str]) -> None:
        app.clients.new_secret(OPERATOR, made[0].id, valid_for=YEAR)
        app.clients.take_back_older(OPERATOR, made[0].id)

    made, secret = restored(tmp_path, client, change)

    def check(app: CatalogueApp) -> None:
        assert not is_valid(app, made.id, secret)
        _, fresh = app.clients.new_secret(OPERATOR, made.id, valid_for=YEAR)
        assert fresh is not None
        assert is_valid(app, made.id, fresh)

    in_it(tmp_path, check)


def test_the_secret_that_bootstrap_replaced_holds_no_more(tmp_path: Path) -> None:
    id_, leaked, new = new_client_id(), new_secret(), new_secret()
    restored(tmp_path, lambda app: app.clients.bootstrap(id_, leaked), lambda app, _: boot(app, id_, new))

    in_it(tmp_path, lambda app: forget(is_valid(app, id_, leaked)))


def boot(app: CatalogueApp, id_: str, secret: str) -> None:
    app.clients.bootstrap(id_, secret)


def forget(revived: bool) -> None:
    assert not revived


def person(app: CatalogueApp, access: Access = VIEWER) -> str:
    return app.people.give(Identity(issuer="https://i", subject="s"), access, by=OPERATOR).id


@pytest.mark.parametrize("how", ["removed", "changed", "let in again"])
def test_what_a_person_may_do_is_as_it_was_last_decided(tmp_path: Path, how: str) -> None:
    auditor = Access(roles=("auditor",), councils=None)

    def change(app: CatalogueApp, id_: str) -> None:
        if how == "changed":
            app.people.change(id_, auditor, by=OPERATOR)
            return
        app.people.remove(id_, by=OPERATOR)
        if how == "let in again":
            person(app, auditor)

    id_ = restored(tmp_path, person, change)

    def check(app: CatalogueApp) -> None:
        found = app.people.one(id_, Scope.all())
        assert found.removed == (how == "removed")
        assert found.access == (VIEWER if how == "removed" else auditor)

    in_it(tmp_path, check)


def test_what_was_decided_about_a_proposal_is_decided(tmp_path: Path) -> None:
    def propose(app: CatalogueApp, name: str = "Dearer") -> str:
        party = PartyWords(side="provider", by="operator", at=WallClock().now(), words="")
        found = app.proposals.replace(tariff(name=name), expected=ExpectedVersions(any=True), party=party)
        assert isinstance(found, StoredProposal)
        return found.id

    later: list[str] = []

    def decide(app: CatalogueApp, id_: str) -> None:
        app.proposals.decide(APPROVER, id_, "reject", words="No", at=WallClock().now())
        later.append(propose(app, "Cheaper"))

    id_ = restored(tmp_path, propose, decide)

    def check(app: CatalogueApp) -> None:
        status = {each.id: each.data.status for each in app.proposals.listing(Scope.all())}
        assert status == {id_: "rejected", later[0]: "proposed"}

    in_it(tmp_path, check)


def test_each_that_was_read_back_is_in_the_audit_log(tmp_path: Path) -> None:
    made, _ = restored(tmp_path, client, lambda app, made: revoke(app, made[0].id))

    def check(app: CatalogueApp) -> None:
        entries = [entry.record for entry in app.audit.read(Scope.all(), after=0, limit=100)]
        found = [(each.actor, each.action) for each in entries if each.subject == f"client:{made.id}"]
        assert found == [("operator", "client-made"), ("operator", "client-revoked"), ("catalogue", "read-back")]

    in_it(tmp_path, check)
