"""What a service has done with a record is told to whoever sent it, and to nobody else."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.auth.principal import Principal
from shared.contracts.topics import WORK
from shared.http import Authentication, create_app
from shared.log.port import Quarantined, Shard
from shared.quarantine.intake_api import TYPES, IntakeState, ItemHindrance, parked_until, router
from shared.quarantine.service import NotQuarantined, QuarantineEntry, QuarantineService
from shared.scope import Scope
from shared.units import EpochMillis, Offset

VALUE = b'{"source":"/desk","data":'


@dataclass
class OneRecord(QuarantineService):
    """Has quarantined the record at offset 4, of the council adur."""

    value: bytes | None = VALUE + b"{}}"
    service: str = "billing"

    async def entry(self, scope: Scope, shard: Shard, offset: int) -> QuarantineEntry:
        if offset != 4 or not scope.allows("adur"):
            raise NotQuarantined(f"{shard}@{offset}")
        record = Quarantined(Offset(4), "UNREADABLE", "expected a text", b"adur:T-1", self.value, EpochMillis(0))
        return QuarantineEntry(shard, record, None)


def ask(
    offset: str,
    *,
    hindrance: ItemHindrance | None = None,
    item: dict[str, str] | None = None,
    councils: tuple[str, ...] = ("adur",),
    source: str = "/desk",
    value: bytes = VALUE + b"{}}",
) -> Any:
    caller = Principal.of("desk", "machine", ["integrator"], Scope.of(*councils), sources=[source])

    async def position(_: Shard) -> int | None:
        return 7

    async def hindered(_: Shard, __: str, ___: str) -> ItemHindrance | None:
        return hindrance

    routes = router(IntakeState(OneRecord(value), position, hindered))
    api = create_app("billing", [routes], authentication=Authentication(lambda _: caller), types=TYPES)
    place = {"topic": WORK.name, "partition": "3", "offset": offset, **(item or {})}
    return TestClient(api).get("/v1/events/billing", params=place)


@pytest.mark.parametrize(("offset", "state"), [("3", "read"), ("4", "quarantined"), ("6", "read"), ("7", "waiting")])
def test_a_record_is_waiting_read_or_quarantined(offset: str, state: str) -> None:
    assert ask(offset).json()["state"] == state


def test_what_was_read_and_counts_nowhere_says_why_where_the_question_names_its_item() -> None:
    waits = parked_until("agreement", "adur")
    named = {"council": "adur", "item": "T-1"}

    assert ask("3", hindrance=waits).json()["state"] == "read"
    found = ask("3", hindrance=waits, item=named).json()
    assert (found["state"], found["reason"]) == ("parked", "UNKNOWN_AGREEMENT")
    assert found["detail"] == "counts as soon as the catalogue knows an agreement of adur"
    assert ask("7", hindrance=waits, item=named).json()["state"] == "waiting"
    assert ask("3", hindrance=waits, item=named, councils=("worthing",)).json()["state"] == "read"


def test_why_it_is_quarantined_is_told() -> None:
    found = ask("4").json()

    assert (found["service"], found["reason"], found["detail"]) == ("billing", "UNREADABLE", "expected a text")
    assert found["decision"] is None


def test_a_quarantined_record_of_another_source_is_not_found_and_of_another_council_not_told() -> None:
    assert ask("4", source="/rival").status_code == 404
    assert ask("4", value=b"{").status_code == 404
    assert "reason" not in str(ask("4", councils=("worthing",)).json().get("detail"))
    assert ask("4", councils=("worthing",)).json()["state"] == "read"


@pytest.mark.parametrize("offset", ["-1", "1.0", "+1", "", "x", str(2**63)])
def test_a_place_is_read_strictly(offset: str) -> None:
    assert ask(offset).status_code == 400
