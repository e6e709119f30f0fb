"""Alerts that need a hand on the servers: each is caused by the thing itself, and seen by Prometheus.

Those of the stack in compose are in `test_alerts`. An alert that waits before it fires is pending from the first
evaluation at which its condition holds: that is what the tests wait for.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.request import Request, urlopen

import pytest

from shared.contracts.topics import CATALOGUE, PARTITIONS
from shared.log.partitioner import partition_of
from tests.support.callers import token
from tests.support.kafka_broker import empty_topic, frozen
from tests.support.service_process import eventually, run_to_end
from tests.support.watched_services import LIMIT, WatchedServices, met, missed, opened, watched_services

pytestmark = pytest.mark.long
TICKETS = "provider.tickets.v1"
FLOOD = 12  # more than ten of one partition
LONG_S = 600  # a bound for what waits five minutes before it alerts


@pytest.fixture(scope="module")
def watched(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServices]:
    with watched_services(tmp_path_factory.mktemp("watched")) as running:
        yield running


def eventually_long(holds: Callable[[], bool]) -> None:
    """As `eventually`, for what waits five minutes."""
    until = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < until, f"not within {LONG_S} s"
        time.sleep(1)


def budget(watched: WatchedServices) -> Any:
    """Adur's allowance, as the monitor reports it."""
    _, body = watched.running["first"].public("/v1/budget?council=adur")
    (row,) = json.loads(body)["budgets"]
    return row


def decided(watched: WatchedServices, count: int) -> None:
    """So many items of Adur are decided."""
    eventually(lambda: json.loads(watched.running["first"].public("/v1/budget?council=adur")[1])["budgets"] != [])
    eventually(lambda: budget(watched)["met"] + budget(watched)["missed"] == count)


def test_an_allowance_is_used_up_and_then_exhausted_too_fast_and_a_plan_falls_due(watched: WatchedServices) -> None:
    for number in range(40):
        watched.send(TICKETS, *met(f"met-{number}"))
    decided(watched, 40)
    late = 0
    while (left := budget(watched)["remaining"]) > 0:
        watched.send(TICKETS, *(record for each in range(late, late + left) for record in missed(f"late-{each}")))
        decided(watched, 40 + (late := late + left))

    of_adur = {"council": "adur", "service": "ict", "target": "solve"}
    eventually(lambda: watched.raises("FewMissesRemaining", **of_adur))
    eventually(lambda: watched.raises("AllowanceConsumed", **of_adur))
    assert watched.prometheus.raised("AllowanceExhausted") == []

    watched.send(TICKETS, *(record for each in range(late, late + 20) for record in missed(f"late-{each}")))

    eventually(lambda: watched.raises("AllowanceExhausted", **of_adur))
    eventually(lambda: watched.raises("HighBurnRate", **of_adur))
    eventually(lambda: watched.prometheus.raised("FewMissesRemaining") == [])
    eventually(lambda: watched.raises("RectificationPlanDue", council="adur", agreement="desk-adur"))


def test_an_urgent_item_whose_clock_runs_is_about_to_breach(watched: WatchedServices) -> None:
    watched.send(TICKETS, opened("urgent", council="worthing", priority="urgent"))

    eventually(lambda: watched.raises("ItemAboutToBreach", council="worthing", priority="urgent"))
    assert {each["council"] for each in watched.prometheus.raised("ItemAboutToBreach")} == {"worthing"}


def test_an_item_that_a_bug_keeps_from_being_judged_fails_alone_and_too_many_hold_their_council(
    watched: WatchedServices,
) -> None:
    watched.send(TICKETS, opened("BUG-1", council="worthing"))
    eventually(lambda: watched.raises("ItemsFailed", council="worthing"))
    assert watched.prometheus.raised("CouncilHeld") == []

    watched.send(TICKETS, *(opened(f"BUG-{number}", council="worthing") for number in range(20 * PARTITIONS)))
    eventually(lambda: watched.raises("CouncilHeld", council="worthing"))
    assert {each["council"] for each in watched.prometheus.raised("CouncilHeld")} == {"worthing"}


def test_records_that_nobody_can_account_for_are_seen(watched: WatchedServices) -> None:
    """No running service causes it: a count in the store is made wrong by hand, as a defect would leave it."""
    change = "UPDATE progress SET applied = applied {} 1 WHERE topic = 'provider.tickets.v1' AND partition = 0"
    watched.sql("billing", change.format("-"))
    eventually(lambda: watched.raises("RecordsUnaccounted", job="billing", topic=TICKETS, partition="0"))

    watched.sql("billing", change.format("+"))
    eventually(lambda: watched.prometheus.raised("RecordsUnaccounted") == [])


def test_requests_that_fail_are_seen_by_their_route(watched: WatchedServices) -> None:
    with watched.postgres.frozen(), ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(watched.running["billing"].public, "/v1/statements/adur/2026-10") for _ in range(8)]
        statuses = {each.result()[0] for each in asked}

    assert statuses == {503}
    eventually(lambda: watched.raises("AnswersFailing", job="billing", route="/v1/statements/{council}/{month}"))


def test_an_instance_that_is_frozen_is_down_and_missing_until_it_goes_on(watched: WatchedServices) -> None:
    of_second = f"127.0.0.1:{watched.ports['second']}"
    with watched.frozen("second"):
        eventually(lambda: watched.raises("InstanceDown", job="sla-monitor", instance=of_second))
        eventually(lambda: watched.raises("InstancesMissing", job="sla-monitor"))
        assert watched.prometheus.raised("ServiceAbsent") == []

    eventually(lambda: watched.prometheus.raised("InstancesMissing") == [])
    assert watched.prometheus.raised("InstanceDown") == []


def test_an_instance_that_hardly_gets_to_run_blocks_its_event_loop(watched: WatchedServices) -> None:
    def hardly_runs() -> bool:
        with watched.frozen("catalogue"):
            time.sleep(0.6)
        time.sleep(0.2)
        return watched.raises("EventLoopBlocked", job="catalogue")

    eventually(hardly_runs)


def test_an_instance_that_ends_again_and_again_is_seen(watched: WatchedServices) -> None:
    of_catalogue = f"127.0.0.1:{watched.ports['catalogue']}"
    for _ in range(3):
        seen = f'timestamp(up{{instance="{of_catalogue}"}} == 1) > {time.time():.0f}'
        watched.stop("catalogue")
        watched.start("catalogue")
        eventually(watched.running["catalogue"].is_ready)
        eventually(partial(watched.prometheus.holds, seen))

    eventually(lambda: watched.raises("InstanceRestarting", job="catalogue", instance=of_catalogue))


def test_records_that_wait_five_minutes_for_redis_are_seen(watched: WatchedServices) -> None:
    with watched.frozen_redis():
        watched.send(TICKETS, *(opened(f"waits-{number}") for number in range(4 * PARTITIONS)))
        eventually(lambda: watched.raises("BatchesRetried", job="sla-monitor"))
        eventually_long(lambda: watched.raises("FallingBehind", job="sla-monitor"))

    eventually(lambda: watched.prometheus.raised("FallingBehind") == [])


def test_an_item_in_a_halted_partition_becomes_due_and_its_breach_is_late(watched: WatchedServices) -> None:
    watched.send(TICKETS, opened("stuck", ago=LIMIT - timedelta(seconds=20)))
    eventually(lambda: '"stuck"' in watched.running["first"].public("/v1/at-risk?council=adur")[1])
    watched.send(TICKETS, *[("adur:stuck", b"no JSON")] * FLOOD)
    partition = str(partition_of(b"adur:stuck", PARTITIONS))
    eventually(lambda: watched.raises("PartitionHalted", job="sla-monitor", topic=TICKETS, partition=partition))

    eventually(lambda: watched.raises("TimersLate", job="sla-monitor"))


def test_an_instance_that_reads_a_log_without_the_older_versions_is_behind_until_they_are_announced(
    watched: WatchedServices,
) -> None:
    asyncio.run(empty_topic(watched.kafka, CATALOGUE.name))
    watched.stop("second")
    watched.start("second")
    eventually(lambda: watched.raises("CatalogueBehind", job="sla-monitor", kind="agreement"))

    announced = run_to_end("-m", "catalogue", "announce", env=watched.env("catalogue"))

    assert announced.returncode == 0, announced.stdout
    eventually(lambda: watched.prometheus.raised("CatalogueBehind") == [])


def test_a_version_that_waits_five_minutes_for_the_log_is_seen(watched: WatchedServices) -> None:
    with frozen(watched.kafka):
        put_council(watched, "arun")
        eventually_long(lambda: watched.raises("AnnouncementsWaiting", job="catalogue"))

    eventually(lambda: watched.prometheus.raised("AnnouncementsWaiting") == [])


def put_council(watched: WatchedServices, id_: str) -> None:
    """The catalogue has stored a council that it did not have."""
    body = json.dumps({"id": id_, "name": id_.capitalize(), "gss": "E07000224", "nation": "england"}).encode()
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json", "If-None-Match": "*"}
    port = watched.running["catalogue"].log_of("service.started")["http"]
    with urlopen(Request(f"http://127.0.0.1:{port}/v1/councils/{id_}", body, headers, method="PUT")) as answer:
        assert answer.status == 201
