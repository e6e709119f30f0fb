"""Events judged a second: one process and two, beside reading, decoding and one Redis write of the same bytes."""

import subprocess
import sys

from redis import Redis

from tests.bench_stack.live import fill_log, judged
from tests.bench_stack.stage import Stage, rate
from tests.support.service_process import clean_environment

ITEMS = 50_000
EVENTS = ITEMS * 6


def run(stage: Stage) -> None:
    """Prints three rates."""
    fill_log(stage, items=ITEMS)
    ceiling = _ceiling(stage)
    one, two = _rate(stage, processes=1), _rate(stage, processes=2)
    sys.stdout.write(f"{'read, decode, one Redis write a batch':<50} {ceiling:>12,.0f} /s\n")
    sys.stdout.write(
        f"{'judge, announce and record, one process':<50} {one:>12,.0f} /s  {one / ceiling:5.2f} of that\n"
    )
    sys.stdout.write(f"{'the same, two processes':<50} {two:>12,.0f} /s  {two / one:5.2f} of one\n")


def _ceiling(stage: Stage) -> float:
    command = [sys.executable, "-m", "tests.bench_stack.ceiling", stage.broker, stage.redis, str(EVENTS)]
    ended = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True)
    return float(ended.stdout)


def _rate(stage: Stage, *, processes: int) -> float:
    with Redis.from_url(stage.redis) as redis:
        redis.flushall()
        with stage.service("sla_monitor", count=processes):
            return rate(EVENTS, lambda: judged(redis))
