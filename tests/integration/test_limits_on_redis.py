"""Attempts are counted in the real Redis: for all instances of the catalogue together, and until their time is over."""

import time
from uuid import uuid4

from redis import Redis
from starlette.requests import Request

from catalogue.token_api import TokenLimits
from shared.http.rates import AttemptLimit, trusted_networks

GATEWAY = trusted_networks("172.16.0.0/12")


def request(address: str) -> Request:
    """A request that the gateway passed on."""
    forwarded = [(b"x-forwarded-for", address.encode())]
    return Request({"type": "http", "client": ("172.18.0.9", 4000), "headers": forwarded})


def instances(redis: str, *, most: int, every_s: int) -> list[AttemptLimit]:
    name = uuid4().hex
    return [AttemptLimit(name, most=most, every_s=every_s, storage=redis, trusted=GATEWAY) for _ in range(2)]


def test_two_instances_count_together_for_the_address_that_the_gateway_saw(redis_database: str) -> None:
    first, second = instances(redis_database, most=3, every_s=600)

    found = [each.wait_s(request("203.0.113.5")) for each in (first, second, first)]
    refused = [each.wait_s(request("203.0.113.5")) for each in (first, second)]

    assert found == [None, None, None]
    assert all(wait is not None and 1 <= wait <= 600 for wait in refused)
    assert [each.wait_s(request("203.0.113.6")) for each in (first, second)] == [None, None]


def test_who_has_waited_may_try_again_and_nothing_is_kept(redis_database: str) -> None:
    first, second = instances(redis_database, most=1, every_s=1)
    assert first.wait_s(request("203.0.113.5")) is None

    while second.wait_s(request("203.0.113.5")) is not None:
        time.sleep(0.1)

    with Redis.from_url(redis_database) as redis:
        keys = list(redis.scan_iter())
        assert keys
        assert all(int(redis.ttl(key)) >= 0 for key in keys)


def test_a_client_that_is_guessed_at_waits_everywhere_and_only_from_there(redis_database: str) -> None:
    first, second = (TokenLimits.at(redis_database, GATEWAY) for _ in range(2))
    client = f"tsc_{uuid4().hex[:16]}"

    tried = [each.wait_s(request("203.0.113.5"), client) for each in (first, second) * 30]

    assert tried == [None] * 60
    assert first.wait_s(request("203.0.113.5"), client) is not None
    assert second.wait_s(request("203.0.113.5"), client) is not None
    assert second.wait_s(request("203.0.113.7"), client) is None
