"""How often somebody at one address may try: counted in Redis, for all instances together, or in this process's memory.

Where Redis does not answer, each instance counts for itself: neither nobody nor everybody is kept out meanwhile.
"""

import math
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from shared.startup_errors import InvalidSettings

Networks = Sequence[IPv4Network | IPv6Network]
# Whoever has one IPv6 address of a site usually has all of them.
_IPV6_SITE_BITS = 64
log = structlog.get_logger()


def trusted_networks(text: str) -> Networks:
    """The networks of proxies whose X-Forwarded-For is relied on, of a text like `10.0.0.0/8 192.0.2.7`."""
    try:
        return [ip_network(each) for each in text.replace(",", " ").split()]
    except ValueError as fault:
        raise InvalidSettings("TRUSTED_PROXIES: expected networks like 10.0.0.0/8") from fault


def client_address(request: Request, trusted: Networks) -> str:
    """Where the request comes from: what the last proxy that is not trusted, or the client itself, was seen at."""
    hops = [each.strip() for line in request.headers.getlist("X-Forwarded-For") for each in line.split(",")]
    address = request.client.host if request.client else ""
    while hops and _is_in(address, trusted):
        address = hops.pop()
    return _site(address)


class AttemptLimit:
    """At most `most` attempts in `every_s` seconds from one address."""

    def __init__(self, name: str, *, most: int, every_s: int, storage: str = "", trusted: Networks = ()) -> None:
        """Counted under `name`, at the address `storage` (`redis://…`) or in memory where that is empty."""
        self._name, self._trusted = name, trusted
        self._item = RateLimitItemPerSecond(most, every_s)
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = SlidingWindowCounterRateLimiter(_connected(storage)) if storage else self._here

    def wait_s(self, request: Request, *also: str) -> int | None:
        """None where the attempt is one of those allowed, which it uses up; else after how many seconds there is one.

        `also` counts it for something else of the request as well, such as the client that it names.
        """
        address = client_address(request, self._trusted)
        waits = [self._wait_s(key) for key in (f"address:{address}", *also)]
        return max((wait for wait in waits if wait is not None), default=None)

    def wait_at_s(self, request: Request, subject: str) -> int | None:
        """As `wait_s`, of attempts from the address at `subject` alone: elsewhere others may go on trying it."""
        return self._wait_s(f"address:{client_address(request, self._trusted)} {subject}")

    def wait_for_s(self, subject: str, *, cost: int) -> int | None:
        """As `wait_s`, of what somebody known does wherever from: it counts as `cost` attempts."""
        return self._wait_s(f"of:{subject}", cost=cost)

    def _wait_s(self, key: str, *, cost: int = 1) -> int | None:
        try:
            return self._ask(self._shared, key, cost)
        except Exception as fault:  # noqa: BLE001 (whatever the storage's driver raises: attempts are still counted)
            log.warning("limits.unavailable", fault=type(fault).__name__)
            return self._ask(self._here, key, cost)

    def _ask(self, limiter: SlidingWindowCounterRateLimiter, key: str, cost: int) -> int | None:
        if limiter.hit(self._item, self._name, key, cost=cost):
            return None
        return max(1, math.ceil(limiter.get_window_stats(self._item, self._name, key).reset_time - time.time()))


def _connected(address: str) -> Storage:
    if not address.startswith(("redis://", "rediss://")):
        raise InvalidSettings("LIMITS_URL: expected redis://…")
    storage = storage_from_string(address, socket_timeout=1, socket_connect_timeout=1)
    if not isinstance(storage, Storage):
        raise InvalidSettings("LIMITS_URL: expected redis://…")
    return storage


def _is_in(address: str, networks: Networks) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def _site(address: str) -> str:
    """The address, or of IPv6 the site that it is in; anything else as it is, shortened."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, _IPV6_SITE_BITS), strict=False))
    return str(found)
