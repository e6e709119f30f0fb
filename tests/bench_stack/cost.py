"""What a row of a table has measured, as rates and processor time an event, beside other rows."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SERVERS = ("Kafka", "Redis", "PostgreSQL")
MOST_GROWTH = 1.1  # of processor time an event, with more processes: otherwise they get in each other's way
_LABEL = 40


@dataclass(frozen=True, slots=True)
class Cost:
    """`events` took `elapsed_s` of the clock, and of processor `own_s` in what was measured and `servers_s` in servers.

    `held_ms` is the longest time that one command held Redis; None where it was not looked at.
    """

    label: str
    events: int
    elapsed_s: float
    own_s: float
    servers_s: Mapping[str, float] = field(default_factory=dict)
    held_ms: float | None = None

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.elapsed_s

    @property
    def own_us(self) -> float:
        """Microseconds of processor an event, without the servers."""
        return self.own_s / self.events * 1e6

    def server_us(self, server: str) -> float:
        """Microseconds of processor an event that the server took; 0 for one that had nothing to do."""
        return self.servers_s.get(server, 0.0) / self.events * 1e6


class Compared(NamedTuple):
    """How many times the rate of another row a row has, and how many times its own processor time an event."""

    rate: float
    processor: float


def compare(cost: Cost, other: Cost) -> Compared:
    """`cost` by `other`."""
    return Compared(cost.rate / other.rate, cost.own_us / other.own_us)


def growth(cost: Cost, one: Cost) -> str:
    """What several processes are by one of them, and whether an event takes too much more of the processor."""
    rate, processor = compare(cost, one)
    verdict = "within" if processor <= MOST_GROWTH else "MORE THAN"
    return f"{rate:.2f} x the rate of one, {processor:.2f} x its us ({verdict} the {MOST_GROWTH:.2f} allowed)"


def advantage(product: Cost, peer: Cost) -> str:
    """What the product is by a peer."""
    rate, processor = compare(product, peer)
    return f"the product has {rate:.2f} x this rate, {processor:.2f} x these us"


def header() -> str:
    """What stands above rows: events a second, then microseconds of processor an event."""
    servers = "".join(f"{name:>12}" for name in SERVERS)
    return f"{'us of processor an event:':<{_LABEL}}{'events/s':>10}{'own':>8}{servers}{'Redis held':>12}"


def row(cost: Cost, remark: str = "") -> str:
    """A line of a table under `header`, with a remark at its end."""
    shares = "".join(f"{cost.server_us(name):>12,.1f}" for name in SERVERS)
    held = "" if cost.held_ms is None else f"{cost.held_ms:,.1f} ms"
    figures = f"{cost.label:<{_LABEL}}{cost.rate:>10,.0f}{cost.own_us:>8,.1f}{shares}{held:>12}"
    return f"{figures}  {remark}".rstrip()


def print_lines(*lines: str) -> None:
    """The lines are seen at once: the next one may take a minute."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
