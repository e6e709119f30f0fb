"""Attempts are counted for the address that they come from, whatever the client says of itself."""

import pytest
from starlette.requests import Request

from shared.http.rates import AttemptLimit, client_address, trusted_networks
from shared.startup_errors import InvalidSettings

PROXIES = trusted_networks("10.0.0.0/8, 192.0.2.7")


def request(address: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    client = None if address is None else (address, 50000)
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("address", "forwarded", "expected"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["127.0.0.1"], "203.0.113.5"),
        ("10.1.2.3", ["203.0.113.5"], "203.0.113.5"),
        ("10.1.2.3", ["198.51.100.1, 203.0.113.5"], "203.0.113.5"),
        ("10.1.2.3", ["198.51.100.1, 203.0.113.5, 192.0.2.7"], "203.0.113.5"),
        ("10.1.2.3", ["198.51.100.1", "203.0.113.5"], "203.0.113.5"),
        ("10.1.2.3", ["10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["nonsense"], "nonsense"),
        ("2001:db8:1:2:aaaa::1", [], "2001:db8:1:2::/64"),
        (None, ["203.0.113.5"], ""),
    ],
)
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    address: str | None, forwarded: list[str], expected: str
) -> None:
    assert client_address(request(address, *forwarded), PROXIES) == expected


def test_one_address_waits_and_another_does_not() -> None:
    limit = AttemptLimit("sign-in", most=3, every_s=600)

    assert [limit.wait_s(request("203.0.113.5")) for _ in range(3)] == [None, None, None]
    waits = limit.wait_s(request("203.0.113.5"))
    assert waits is not None
    assert 1 <= waits <= 600
    assert limit.wait_s(request("203.0.113.6")) is None


def test_a_client_waits_from_wherever_it_is_tried() -> None:
    limit = AttemptLimit("token", most=2, every_s=600)

    assert [limit.wait_s(request(f"203.0.113.{n}"), "client:tsc_1") for n in range(2)] == [None, None]
    assert limit.wait_s(request("203.0.113.9"), "client:tsc_1") is not None
    assert limit.wait_s(request("203.0.113.9"), "client:tsc_2") is None


def test_without_redis_each_instance_counts_for_itself() -> None:
    limit = AttemptLimit("sign-in", most=1, every_s=600, storage="redis://127.0.0.1:1/0")

    assert limit.wait_s(request("203.0.113.5")) is None
    assert limit.wait_s(request("203.0.113.5")) is not None


@pytest.mark.parametrize("storage", ["memcached://localhost", "redis", "file:///etc"])
def test_an_address_that_is_no_redis_is_refused(storage: str) -> None:
    with pytest.raises(InvalidSettings, match="LIMITS_URL"):
        AttemptLimit("sign-in", most=1, every_s=1, storage=storage)


def test_a_network_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="TRUSTED_PROXIES"):
        trusted_networks("10.0.0.0/8 nginx")
