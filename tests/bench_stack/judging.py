"""Events judged a second: one process and two, beside reading, decoding and one Redis write of the same bytes."""

import subprocess
import sys

from redis import Redis

from tests.bench_stack.environment import BenchEnvironment, rate
from tests.bench_stack.filled_log import fill_log, judged
from tests.support.service_process import clean_environment

ITEMS = 50_000
EVENTS = ITEMS * 6


def run(env: BenchEnvironment) -> None:
    """Prints three rates."""
    fill_log(env, items=ITEMS)
    ceiling = _ceiling(env)
    one, two = _rate(env, processes=1), _rate(env, processes=2)
    sys.stdout.write(f"{'read, decode, one Redis write a batch':<50} {ceiling:>12,.0f} /s\n")
    sys.stdout.write(
        f"{'judge, announce and record, one process':<50} {one:>12,.0f} /s  {one / ceiling:5.2f} of that\n"
    )
    sys.stdout.write(f"{'the same, two processes':<50} {two:>12,.0f} /s  {two / one:5.2f} of one\n")


def _ceiling(env: BenchEnvironment) -> float:
    command = [sys.executable, "-m", "tests.bench_stack.ceiling", env.broker, env.redis, str(EVENTS)]
    ended = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True)
    return float(ended.stdout)


def _rate(env: BenchEnvironment, *, processes: int) -> float:
    with Redis.from_url(env.redis) as redis:
        redis.flushall()
        with env.service("sla_monitor", count=processes):
            return rate(EVENTS, lambda: judged(redis))
