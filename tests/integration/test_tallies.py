"""Tallies of issued statements: the same for ever, sealed, acknowledged, and read back after a loss."""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from billing.domain.lifecycle import StepRefused
from billing.routes.tallies import TYPES, acknowledgement_router, router
from billing.statements.acknowledgements import Acknowledgements
from billing.statements.steps import StatementSteps
from billing.statements.tallies import Tallies
from billing.store.sealing_keys import SealingKeys
from billing.store.sql import SqlStore
from billing.tally.acknowledging import Acknowledgement, NoAcknowledgement, acknowledge, acknowledgement_faults
from billing.tally.checking import Verification, verify
from billing.tally.records import TallyEarlier, TallyRecord
from billing.tally.writing import NoSealingKey
from shared.auth.principal import Principal
from shared.auth.sealing import read_public_keys
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import ServiceVat
from shared.contracts.topics import CATALOGUE, STATEMENTS, TICKETS, USAGE, VERDICTS
from shared.http import Authentication, create_app
from shared.period import Month
from shared.scope import Scope
from tests.integration.test_issuing import APRIL, FINANCE, JUNE_9, PAID_IN_30, issued, outbox
from tests.support.billing_feed import MAY, TARIFFS, feed
from tests.support.credits import agreement_with_credits, breached, corrected, credit, met, target
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    catalogue_events,
    opened,
    recorded,
    resolved,
    tariff,
    unit,
)
from tests.support.tallies import COUNCILS, STRANGERS, resealed, with_statement

JULY_9 = datetime(2026, 7, 9, 10, tzinfo=UTC)
OFFICER = Principal.of("officer-1", "person", ["council-finance"], Scope.of(ASHBY.id))
CLIENT = Principal.of("tsc_1", "machine", ["acknowledger"], Scope.of(ASHBY.id))
VIEWER = Principal.of("viewer-1", "person", ["council-viewer"], Scope.of(ASHBY.id))
OTHER = Principal.of("officer-2", "person", ["council-finance"], Scope.of("brook"))
CALLERS = {each.name: each for each in (OFFICER, CLIENT, VIEWER, OTHER, FINANCE)}
AGREED = agreement_with_credits(
    target("ict-response"), credits=[credit("ict-response")], tariffs=tuple(each.id for each in TARIFFS)
)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    """A month with payslips, tickets, and a credit for late answers."""
    with closing(SqlStore.open(database_of("billing"))) as store:
        feed(store, CATALOGUE, catalogue_events(ASHBY, PAID_IN_30, PAYABLE, ICT, PAYROLL, *TARIFFS, AGREED))
        feed(store, USAGE, [recorded(f"r-{day}", f"2026-05-{day:02}T12:00:00+00:00", "40") for day in range(1, 29)])
        days = [f"2026-05-{day:02}" for day in range(1, 29)]
        feed(store, TICKETS, [opened(f"t-{day}", f"{day}T09:00:00+00:00") for day in days])
        feed(store, TICKETS, [resolved(f"t-{day}", f"{day}T11:00:00+00:00") for day in days])
        feed(store, VERDICTS, [(breached if day.endswith("7") else met)(f"t-{day}") for day in days])
        yield store


class Provider:
    """Billing with a key of its own, as far as tallies need it."""

    def __init__(self, store: SqlStore, folder: Path, key: str = "key.json", at: datetime = JUNE_9) -> None:
        self.store, clock = store, FixedClock(at)
        self.folder = folder
        self.keys = SealingKeys(store._engine, clock, given="", file=folder / key)
        self.tallies = Tallies(store, clock, self.keys.signer)
        self.steps = StatementSteps(store, clock)
        self.acknowledgements = Acknowledgements(store, clock)

    def tally(self, month: Month = MAY, name: str = "tally.gz") -> Path:
        path = self.folder / name
        with self.tallies.file(ASHBY.id, month, scope=Scope.all()) as file:
            path.write_bytes(file.read())
        return path

    def verified(self, month: Month = MAY) -> Verification:
        file = self.tally(month)
        return verify(file, keys=read_public_keys(msgspec.json.encode(self.keys.public()).decode()))

    def signed(self, month: Month = MAY) -> Acknowledgement:
        return acknowledge(self.verified(month), COUNCILS, JUNE_9)


@pytest.fixture
def provider(store: SqlStore, tmp_path: Path) -> Provider:
    return Provider(store, tmp_path)


def test_the_tally_of_an_issued_statement_verifies_by_the_published_key(provider: Provider) -> None:
    draft = issued(provider.steps)

    found = provider.verified()

    assert found.faults == []
    assert (found.number, found.total_pence, found.verdicts) == ("2026-27.0001", draft.statement.payable_pence, 28)
    assert draft.statement.credits_pence > 0
    assert found.is_key_given


def test_the_tally_of_an_issued_statement_stays_the_same_whatever_is_corrected_later(
    provider: Provider, store: SqlStore
) -> None:
    issued(provider.steps)
    before = provider.tally().read_bytes()

    feed(store, VERDICTS, [corrected("t-2026-05-07", "met")])
    dearer = replace(tariff(unit("9.99"), service="ict"), id=TARIFFS[2].id)
    feed(store, CATALOGUE, catalogue_events(TARIFFS[2], dearer)[1:])

    assert provider.tally().read_bytes() == before
    assert provider.verified().faults == []


def test_a_statement_with_corrections_verifies_in_each_category_of_vat(provider: Provider, store: SqlStore) -> None:
    vat = ServiceVat(service="*", treatment="outside-scope", reason="Advice")
    feed(store, CATALOGUE, catalogue_events(AGREED, replace(AGREED, vat=(vat,)))[1:])
    issued(provider.steps)
    feed(store, USAGE, [recorded("r-late", "2026-05-30T12:00:00+00:00", "3")])
    provider = Provider(store, provider.folder, at=JULY_9)

    draft = issued(provider.steps, month=MAY.next)

    assert draft.statement.corrections_pence > 0
    assert draft.statement.booked_nets
    assert provider.verified(MAY.next).faults == []


def test_a_month_under_a_years_cap_has_the_statements_that_it_depends_on(provider: Provider, store: SqlStore) -> None:
    capped = agreement_with_credits(
        target("ict-response"),
        credits=[credit("ict-response")],
        tariffs=tuple(each.id for each in TARIFFS),
        since="2026-03-01",
        year_gbp="0.25",
    )
    feed(store, CATALOGUE, catalogue_events(AGREED, capped)[1:])
    feed(store, TICKETS, [opened("april", "2026-04-07T09:00:00+00:00"), resolved("april", "2026-04-07T17:00:00+00:00")])
    feed(store, VERDICTS, [breached("april", month="2026-04")])
    draft = issued(provider.steps)

    found = provider.verified()

    assert found.faults == []
    assert (draft.statement.credits[0].earned_pence > 0, draft.statement.credits_pence) == (True, 0)
    assert [note.partition(" is taken")[0] for note in found.notes] == [
        f"The statement of 2026-0{month}" for month in range(1, 5)
    ]


def test_a_statement_that_the_month_depends_on_is_missed(provider: Provider, store: SqlStore) -> None:
    capped = agreement_with_credits(
        target("ict-response"),
        credits=[credit("ict-response")],
        tariffs=tuple(each.id for each in TARIFFS),
        since="2026-03-01",
        year_gbp="0.50",
    )
    feed(store, CATALOGUE, catalogue_events(AGREED, capped)[1:])
    issued(provider.steps)
    lines = gzip.decompress(provider.tally().read_bytes()).splitlines(keepends=True)

    def without(record: TallyRecord) -> TallyRecord | None:
        return None if isinstance(record, TallyEarlier) and record.month == "2026-04" else record

    path = provider.folder / "without"
    path.write_bytes(b"".join(resealed(lines, without, provider.keys.key)))

    assert "the statement of 2026-04, on which this month depends, is not in the file" in verify(path).faults


def test_documents_are_a_chain_that_can_be_followed(provider: Provider, store: SqlStore) -> None:
    feed(store, USAGE, [recorded("april", "2026-04-09T12:00:00+00:00", "3")])
    issued(provider.steps, month=APRIL)
    issued(provider.steps)

    april, may = provider.verified(APRIL), provider.verified()

    assert (april.previous_sha256, may.previous_sha256) == (None, april.statement_sha256)


def test_keys_stay_published_after_another_takes_over(provider: Provider, store: SqlStore, tmp_path: Path) -> None:
    issued(provider.steps)
    sealed = provider.tally()
    later = Provider(store, tmp_path, "later.json")
    later.keys.publish()

    published = read_public_keys(msgspec.json.encode(later.keys.public()).decode())

    assert len(published) == 2
    assert verify(sealed, keys=published).faults == []
    assert later.keys.key.kid != provider.keys.key.kid
    assert later.verified().signed_by == later.keys.key.kid


def test_a_key_is_made_once_and_published_once(provider: Provider, store: SqlStore, tmp_path: Path) -> None:
    provider.keys.publish()
    again = Provider(store, tmp_path)
    again.keys.publish()

    assert again.keys.key.kid == provider.keys.key.kid
    assert (tmp_path / "key.json").stat().st_mode & 0o077 == 0
    assert [type(decode_event(row.value)).__name__ for row in outbox(store)] == ["SealingKeyPublished"]


def test_without_a_key_drafts_have_tallies_and_issued_statements_do_not(provider: Provider, store: SqlStore) -> None:
    keyless = SealingKeys(store._engine, FixedClock(JUNE_9), given="", file=None)
    tallies = Tallies(store, FixedClock(JUNE_9), keyless.signer)
    with tallies.file(ASHBY.id, MAY, scope=Scope.all()) as file:
        assert file.read(2) == b"\x1f\x8b"
    issued(provider.steps)

    with pytest.raises(NoSealingKey, match="SEALING_KEY_FILE is not set"):
        tallies.file(ASHBY.id, MAY, scope=Scope.all())


def test_a_restored_database_has_the_keys_and_the_same_tally(
    provider: Provider, store: SqlStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    issued(provider.steps)
    provider.acknowledgements.add(OFFICER, ASHBY.id, MAY, provider.signed())
    before = provider.verified()
    published = [decode_event(row.value) for row in outbox(store)]
    folder = tmp_path_factory.mktemp("restored")
    with closing(SqlStore.open(f"sqlite:///{folder}/billing.db")) as restored:
        feed(restored, STATEMENTS, published)
        after = Provider(restored, folder)

        assert after.keys.public() == provider.keys.public()
        assert after.acknowledgements.of(ASHBY.id, MAY, scope=Scope.all()) == [provider.signed()]
        with restored.snapshot(Scope.all()) as mine, store.snapshot(Scope.all()) as theirs:
            assert mine.tally.kept(ASHBY.id, MAY) == theirs.tally.kept(ASHBY.id, MAY)
    assert before.faults == []


def test_an_acknowledgement_is_kept_once_and_shows_a_chain_that_was_written_again(
    provider: Provider, store: SqlStore
) -> None:
    issued(provider.steps)
    signed = provider.signed()
    for _ in range(2):
        provider.acknowledgements.add(OFFICER, ASHBY.id, MAY, signed)

    (kept,) = provider.acknowledgements.of(ASHBY.id, MAY, scope=OFFICER.scope)
    forged = verify(forged_by_the_provider(provider))

    assert kept == signed
    assert list(acknowledgement_faults(kept, provider.verified())) == []
    assert forged.faults == []
    assert "this is not what the council acknowledged" in next(acknowledgement_faults(kept, forged))


def forged_by_the_provider(provider: Provider) -> Path:
    """Another statement under the same number, with everything made again and the provider's own signature."""

    def other(record: TallyRecord) -> TallyRecord:
        return with_statement(record, lambda read: read["issued"].update(issued_on="2026-06-10"))

    lines = gzip.decompress(provider.tally().read_bytes()).splitlines(keepends=True)
    path = provider.folder / "forged"
    path.write_bytes(b"".join(resealed(lines, other, provider.keys.key)))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"statement_sha256": hashlib.sha256(b"").hexdigest()}, "does not fit what it is said to sign"),
        ({"signature": "a..b"}, "the signature is not written as one"),
        ({"key": {"kty": "RSA"}}, "expected a key"),
    ],
)
def test_what_the_council_did_not_sign_is_no_acknowledgement(
    provider: Provider, change: dict[str, object], words: str
) -> None:
    issued(provider.steps)

    with pytest.raises(NoAcknowledgement, match=words):
        provider.acknowledgements.add(OFFICER, ASHBY.id, MAY, replace(provider.signed(), **change))


def test_nothing_is_acknowledged_but_what_was_issued(provider: Provider) -> None:
    issued(provider.steps)
    found = provider.verified()
    found.statement_sha256 = hashlib.sha256(b"").hexdigest()

    with pytest.raises(StepRefused, match=r"issued was 2026-27\.0001"):
        provider.acknowledgements.add(OFFICER, ASHBY.id, MAY, acknowledge(found, STRANGERS, JUNE_9))
    with pytest.raises(StepRefused, match="no statement of the council is issued"):
        provider.acknowledgements.add(OFFICER, ASHBY.id, APRIL, provider.signed())


def test_over_http_the_file_the_keys_and_acknowledgements_are_for_whom_they_are(provider: Provider) -> None:
    class ReadBack:
        async def require_for_request(self) -> None:
            """There is no log here."""

    routes = [
        router(provider.tallies, provider.keys.public),
        acknowledgement_router(provider.acknowledgements, ReadBack()),  # type: ignore[arg-type]  # as far as routes use it
    ]
    named = Authentication(lambda request: CALLERS.get(request.headers.get("Test-Caller", "")))
    client = TestClient(create_app("billing", routes, types=TYPES, authentication=named))
    address = f"/v1/statements/{ASHBY.id}/2026-05"
    issued(provider.steps)

    def asked(caller: Principal, path: str) -> int:
        return client.get(path, headers={"Test-Caller": caller.name}).status_code

    def sent(caller: Principal) -> int:
        body = msgspec.to_builtins(provider.signed())
        return client.post(f"{address}/acknowledgement", json=body, headers={"Test-Caller": caller.name}).status_code

    assert client.get("/.well-known/statement-keys.json").json() == provider.keys.public()
    assert [asked(caller, f"{address}.tally") for caller in (OFFICER, CLIENT, VIEWER, OTHER)] == [200, 200, 200, 404]
    assert [sent(caller) for caller in (VIEWER, FINANCE, OTHER, CLIENT, OFFICER)] == [403, 403, 404, 200, 200]
    found = client.get(f"{address}/acknowledgements", headers={"Test-Caller": VIEWER.name}).json()
    assert [each["number"] for each in found["items"]] == ["2026-27.0001"]
