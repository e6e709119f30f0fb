"""Working time a second, beside businesstimedelta and business-duration on the same spans."""

import sys
import time as clock
from collections.abc import Callable
from datetime import UTC, datetime, time
from random import Random

import pytz
from business_duration import businessDuration
from businesstimedelta import Rules, WorkDayRule

from shared.contracts.definitions import Calendar
from sla_monitor.domain.working_time.calendar import compile_versions

LONDON = pytz.timezone("Europe/London")
OFFICE = Calendar(
    id="office",
    name="Monday to Friday, 09:00 to 17:00",
    weekly=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-17:00",)),
)
SPANS = 100_000
PEER_SPANS = 300
SPAN_S = 30 * 86_400
EIGHT_HOURS_S = 8 * 3600
# Each figure is the best of so many rounds: neighbours on the machine can only make a round slower.
ROUNDS = 7

Span = tuple[int, int]


def run() -> None:
    """Prints queries a second, how many times as fast Tallystick is, and how many answers agree."""
    began = clock.perf_counter()
    office = compile_versions([OFFICE])
    compiled_ms = (clock.perf_counter() - began) * 1000
    spans = _spans(Random(2026))  # noqa: S311 - the same spans in every run, nothing secret
    few = spans[:PEER_SPANS]
    tallystick_rate = _rate(office.between, spans)
    peers = {"businesstimedelta": _businesstimedelta(), "business-duration": _business_duration}

    _line(f"Working time: {OFFICE.name}, Europe/London, random 30-day spans of 2020 to 2026")
    _line(f"{'compile 2000 to 2051':<30}{compiled_ms:>12.0f} ms")
    _row("Tallystick, between", tallystick_rate, tallystick_rate=tallystick_rate, same="")
    _row(
        "Tallystick, add",
        _rate(lambda a, _: office.add(a, EIGHT_HOURS_S), spans),
        tallystick_rate=tallystick_rate,
        same="",
    )
    for name, measure in peers.items():
        same = sum(measure(a, b) == office.between(a, b) for a, b in few)
        _row(name, _rate(measure, few), tallystick_rate=tallystick_rate, same=f"{same} of {len(few)} the same")


def _spans(random: Random) -> list[Span]:
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2020, 2027))
    starts = [random.randrange(first, last - SPAN_S) for _ in range(SPANS)]
    return [(start, start + SPAN_S) for start in starts]


def _rate(measure: Callable[[int, int], object], spans: list[Span]) -> float:
    """Calls a second, in the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = clock.perf_counter()
        for a, b in spans:
            measure(a, b)
        best = min(best, clock.perf_counter() - began)
    return len(spans) / best


def _businesstimedelta() -> Callable[[int, int], int]:
    rules = Rules([WorkDayRule(start_time=time(9), end_time=time(17), working_days=[0, 1, 2, 3, 4], tz=LONDON)])

    def measure(a: int, b: int) -> int:
        found = rules.difference(datetime.fromtimestamp(a, LONDON), datetime.fromtimestamp(b, LONDON))
        return int(found.hours * 3600 + found.seconds)

    return measure


def _business_duration(a: int, b: int) -> int:
    start, end = (datetime.fromtimestamp(at, LONDON).replace(tzinfo=None) for at in (a, b))
    seconds: float = businessDuration(start, end, time(9), time(17), unit="sec")
    return round(seconds)


def _row(name: str, rate: float, *, tallystick_rate: float, same: str) -> None:
    _line(f"{name:<30}{rate:>12,.0f} /s{tallystick_rate / rate:>12,.1f} x  {same}".rstrip())


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
