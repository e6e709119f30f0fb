"""What an event costs to be judged: one process, two and four, beside a bare reader and beside other processors."""

from dataclasses import replace

from redis import Redis

from tests.bench_stack import peers
from tests.bench_stack.cost import Cost, advantage, growth, header, print_lines, row
from tests.bench_stack.environment import BenchEnvironment, counting_program
from tests.bench_stack.filled_log import all_recorded, fill_log, forget_results, judged, wait_for_work

ITEMS = 50_000
EVENTS = ITEMS * 6
SEVERAL = (2, 4)
MOST_US = 25
# Of Redis's log of slow commands: from a tenth of a millisecond on, more of them than a row can have.
_SLOW_US, _SLOW_KEPT = 100, 100_000


def run(env: BenchEnvironment) -> None:
    """Prints one table as it is measured: the log is filled once, and each row works all of it off from the start."""
    fill_log(env, items=ITEMS)
    with Redis.from_url(env.redis) as redis:
        print_lines(header(), row(_bare(env, redis)))
        one = _product(env, redis, processes=1)
        print_lines(row(one, f"aim: at most {MOST_US} us"))
        for processes in SEVERAL:
            several = _product(env, redis, processes=processes)
            print_lines(row(several, growth(several, one)))
    for peer in peers.PEERS:
        measured = peers.measure(env, peer, events=EVENTS)
        print_lines(row(measured, advantage(one, measured)) if isinstance(measured, Cost) else measured)
    print_lines(*peers.notes())


def _bare(env: BenchEnvironment, redis: Redis) -> Cost:
    _begin(env, redis)
    with counting_program("-m", "tests.bench_stack.ceiling", env.broker, env.redis, str(EVENTS)) as program:
        return _held(
            redis, env.measure("read, decode, one Redis write a batch", EVENTS, program.position, [program.id])
        )


def _product(env: BenchEnvironment, redis: Redis, *, processes: int) -> Cost:
    _begin(env, redis)
    label = f"judge, announce, record: {processes} process{'es' if processes > 1 else ''}"
    with (
        env.service("sla_monitor", count=processes) as (services, database),
        all_recorded(env, database) as finished,
    ):
        wait_for_work(services)
        ids = [service.process.pid for service in services]
        return _held(redis, env.measure(label, EVENTS, lambda: judged(redis), ids, finished=finished))


def _begin(env: BenchEnvironment, redis: Redis) -> None:
    forget_results(env, redis)
    redis.config_set("slowlog-log-slower-than", _SLOW_US)
    redis.config_set("slowlog-max-len", _SLOW_KEPT)
    redis.slowlog_reset()


def _held(redis: Redis, cost: Cost) -> Cost:
    """With the longest time that one command has held Redis since `_begin`; 0 where none was slow enough to log."""
    longest = max((entry["duration"] for entry in redis.slowlog_get(_SLOW_KEPT)), default=0)
    return replace(cost, held_ms=longest / 1000)
