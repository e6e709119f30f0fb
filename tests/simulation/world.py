"""The simulated world: servers, processes and senders, and what each kind of step does to them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from shared.log.port import Message, Shard
from tests.simulation.cluster import MARGIN_S, Process, Servers
from tests.simulation.commit_checks import CommitChecker
from tests.simulation.faults import PORT_FAULTS
from tests.simulation.loop import VirtualLoop
from tests.simulation.partnership import INPUTS, PUBLISHED_LATER
from tests.simulation.plan import Step
from tests.simulation.senders import Senders
from tests.simulation.snapshots import Snapshots

_NAMES = ("monitor-1", "biller-1", "monitor-2", "biller-2")
_MOST_CALLBACKS = 80
_MOST_TICKETS = 8


class World:
    """All of it. `occurred` counts the faults that took effect; `trace` lists what was done, for a failure's report."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()  # type: ignore[abstract] # it is what the cores need of a loop, and no more
        self.occurred: Counter[str] = Counter()
        self.trace: list[str] = []
        self.checker = CommitChecker(self.occurred)
        self.servers = Servers(self.loop, self.checker.check)
        self.checker.clock = self.servers.time
        self.senders = Senders(self._send)
        self.processes = [Process(name, self.loop, self.servers, self.occurred) for name in _NAMES]
        self.snapshots = Snapshots(self.servers)
        self._withheld = PUBLISHED_LATER

    @property
    def now(self) -> datetime:
        """The true time, which no process's clock need agree with."""
        return self.servers.time.now()

    def do(self, step: Step) -> None:
        """The step is done and traced, if there is anything to do it to."""
        at = self.now
        if done := _ACTIONS[step.kind](self, step.a, step.b):
            self.trace.append(f"{at:%a %d %H:%M:%S}  {done}")

    def publish_withheld(self) -> str:
        """The catalogue publishes what it has withheld."""
        withheld, self._withheld = self._withheld, []
        self.servers.publish_catalogue(withheld)
        return "the catalogue publishes the rest" if withheld else ""

    def restore_log(self) -> str:
        """What retention deleted is in the log again."""
        deleted = any(self.servers.log.first.values())
        self.servers.log.first = dict.fromkeys(self.servers.log.first, 0)
        return "what retention deleted is restored" if deleted else ""

    def _send(self, topic: str, message: Message) -> None:
        self.servers.log.append(topic, [message])

    def _one(self, a: int, *, alive: bool = True, frozen: bool | None = False) -> Process | None:
        """A process with these properties; None where there is none. `frozen` None: either."""
        found = [each for each in self.processes if each.alive is alive and frozen in (None, each.frozen)]
        return found[a % len(found)] if found else None

    def _run(self, a: int, b: int) -> str:
        if (process := self._one(a)) is None:
            return ""
        callbacks = 1 + b % _MOST_CALLBACKS
        process.run(callbacks)
        return f"{process.name} runs {callbacks} callbacks"

    def _wait(self, a: int, b: int) -> str:
        """Mostly minutes, sometimes hours, now and then half a day."""
        seconds = a * 5 % (1_200, 1_200, 10_000, 10_000, 50_000)[b % 5]
        self.loop.move_to(self.loop.time() + seconds)
        return f"{seconds} s pass"

    def _open(self, a: int, _: int) -> str:
        return self.senders.open_ticket(self.now, a) if len(self.senders.tickets) < _MOST_TICKETS else ""

    def _count(self, done: str, fault: str) -> str:
        self.occurred[fault] += bool(done)
        return done

    def _kill(self, a: int, _: int) -> str:
        if (process := self._one(a, frozen=None)) is None:
            return ""
        process.kill()
        return self._count(f"{process.name} is killed", "killed")

    def _start(self, a: int, _: int) -> str:
        if (process := self._one(a, alive=False)) is None:
            return ""
        process.start()
        return f"{process.name} is started"

    def _freeze(self, a: int, b: int) -> str:
        """Every other time it is frozen so long that its groups give its partitions to others."""
        if (process := self._one(a)) is None:
            return ""
        process.frozen = True
        if b % 2:
            process.bus.evict()
        return f"{process.name} is frozen" + (" and evicted" if b % 2 else "")

    def _thaw(self, a: int, _: int) -> str:
        if (process := self._one(a, frozen=True)) is None:
            return ""
        process.frozen = False
        return self._count(f"{process.name} thaws", "thawed")

    def _evict(self, a: int, _: int) -> str:
        if (process := self._one(a)) is None:
            return ""
        process.bus.evict()
        return self._count(f"{process.name} is evicted from its groups", "evicted")

    def _add_fault(self, a: int, b: int) -> str:
        if (process := self._one(a, frozen=None)) is None:
            return ""
        process.faults.add(PORT_FAULTS[b % len(PORT_FAULTS)])
        return f"{process.name} will meet a fault: {PORT_FAULTS[b % len(PORT_FAULTS)]}"

    def _skew(self, a: int, b: int) -> str:
        process = self.processes[a % len(self.processes)]
        process.clock.skew_s = b % (2 * MARGIN_S + 1) - MARGIN_S
        return self._count(f"the clock of {process.name} is {process.clock.skew_s} s fast", "skewed")

    def _expire(self, a: int, b: int) -> str:
        """Retention deletes records that a reader still needs."""
        shards = [shard for topic in INPUTS for shard in self.servers.log.shards_of(topic.name)]
        behind = [(shard, at) for shard in shards if (at := self._slowest_position(shard)) is not None]
        if not behind:
            return ""
        shard, at = behind[a % len(behind)]
        self.servers.log.first[shard] = min(self.servers.log.bounds(shard).end, at + 1 + b % 3)
        return f"retention deletes {shard} below {self.servers.log.first[shard]}, read to {at}"

    def _slowest_position(self, shard: Shard) -> int | None:
        """The position of the shard's slowest reader; None where one has not begun, or none is behind."""
        read_to = self.servers.positions(shard)
        begun = [at for at in read_to if at is not None]
        behind = len(begun) == len(read_to) and min(begun) < self.servers.log.bounds(shard).end
        return min(begun) if behind else None

    def _send_late_or_withdraw(self, a: int, b: int) -> str:
        if b % 4 == 0:
            return self._count(self.senders.withdraw(self.now, a), "withdrawn")
        return self._count(self.senders.send_late(a), "sent late")

    def _roll_back(self, a: int, b: int) -> str:
        # A store restored from before its first record would rightly begin at the first one still held.
        if any(self.servers.log.first.values()):
            return ""
        store = self.snapshots.restore(a, b)
        for process in self.processes:
            if process.alive and process.name.startswith(store.restarted):
                process.stop_after_restore()
        return self._count(f"{store.name} is restored from an older state", f"{store.name} restored")


_ACTIONS: dict[str, Callable[[World, int, int], str]] = {
    "run": World._run,
    "wait": World._wait,
    "open": World._open,
    "continue": lambda world, a, _: world.senders.advance(world.now, a, late=False),
    "withhold": lambda world, a, _: world.senders.advance(world.now, a, late=True),
    "read meter": lambda world, a, _: world.senders.record(world.now, a),
    "send late": World._send_late_or_withdraw,
    "send again": lambda world, a, _: world._count(world.senders.send_again(a), "sent again"),
    "contradict": lambda world, a, _: world._count(world.senders.contradict(a), "contradicted"),
    "send garbage": lambda world, a, _: world._count(world.senders.send_garbage(a), "garbage sent"),
    "kill": World._kill,
    "start": World._start,
    "freeze": World._freeze,
    "thaw": World._thaw,
    "evict": World._evict,
    "snapshot": lambda world, *_: world.snapshots.take(),
    "roll back": World._roll_back,
    "port fault": World._add_fault,
    "skew": World._skew,
    "expire": World._expire,
    "undo retention": lambda world, *_: world.restore_log(),
    "publish withheld": lambda world, *_: world.publish_withheld(),
}
