"""The simulated world: servers, processes and senders, to which one step after the other is done."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from shared.log.port import Message, Shard
from tests.simulation.cluster import MARGIN_S, Process, Servers
from tests.simulation.gate import TROUBLES
from tests.simulation.loop import VirtualLoop
from tests.simulation.partnership import JUDGED, KNOWN_LATER, METERED
from tests.simulation.plan import Step
from tests.simulation.restoring import Snapshots
from tests.simulation.senders import Senders
from tests.simulation.watch import Watchman

_NAMES = ("monitor-1", "biller-1", "monitor-2", "biller-2")
_MOST_CALLBACKS = 80
_MOST_TICKETS = 8


class World:
    """Everything there is. `met` counts what really went wrong; `story` tells what was done, for a failure's trace."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()  # type: ignore[abstract] # it is what the cores need of a loop, and no more
        self.met: Counter[str] = Counter()
        self.story: list[str] = []
        self.watchman = Watchman(self.met)
        self.servers = Servers(self.loop, self.watchman.look)
        self.watchman.clock = self.servers.time
        self.senders = Senders(self._send)
        self.processes = [Process(name, self.loop, self.servers, self.met) for name in _NAMES]
        self.snapshots = Snapshots(self.servers)
        self._to_learn = KNOWN_LATER

    @property
    def now(self) -> datetime:
        """The time that it really is."""
        return self.servers.time.now()

    def do(self, step: Step) -> None:
        """The step is done and told, if there is anything to do it to."""
        at = self.now
        if told := _DEEDS[step.kind](self, step.a, step.b):
            self.story.append(f"{at:%a %d %H:%M:%S}  {told}")

    def learn(self) -> str:
        """The catalogue says what it kept back."""
        told, self._to_learn = self._to_learn, []
        self.servers.publish_catalogue(told)
        return "the catalogue announces the rest" if told else ""

    def restore_log(self) -> str:
        """What retention took is in the log again."""
        taken = any(self.servers.log.first.values())
        self.servers.log.first = dict.fromkeys(self.servers.log.first, 0)
        return "what retention took is put back" if taken else ""

    def _send(self, topic: str, message: Message) -> None:
        self.servers.log.append(topic, [message])

    def _one(self, a: int, *, alive: bool = True, frozen: bool | None = False) -> Process | None:
        """One of the processes of which this is true; None where there is none. `frozen` None: either."""
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

    def _met(self, told: str, what: str) -> str:
        self.met[what] += bool(told)
        return told

    def _kill(self, a: int, _: int) -> str:
        if (process := self._one(a, frozen=None)) is None:
            return ""
        process.kill()
        return self._met(f"{process.name} is killed", "killed")

    def _start(self, a: int, _: int) -> str:
        if (process := self._one(a, alive=False)) is None:
            return ""
        process.start()
        return f"{process.name} is started"

    def _freeze(self, a: int, b: int) -> str:
        """Every other time it is frozen so long that its groups go on without it."""
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
        return self._met(f"{process.name} thaws", "thawed")

    def _evict(self, a: int, _: int) -> str:
        if (process := self._one(a)) is None:
            return ""
        process.bus.evict()
        return self._met(f"{process.name} is evicted from its groups", "evicted")

    def _trouble(self, a: int, b: int) -> str:
        if (process := self._one(a, frozen=None)) is None:
            return ""
        process.gate.store(TROUBLES[b % len(TROUBLES)])
        return f"{process.name} will meet trouble: {TROUBLES[b % len(TROUBLES)]}"

    def _skew(self, a: int, b: int) -> str:
        process = self.processes[a % len(self.processes)]
        process.clock.skew_s = b % (2 * MARGIN_S + 1) - MARGIN_S
        return self._met(f"the clock of {process.name} is {process.clock.skew_s} s fast", "skewed")

    def _overtake(self, a: int, b: int) -> str:
        """Retention takes records that a reader still needs."""
        shards = [shard for topic in (JUDGED, METERED) for shard in self.servers.log.shards_of(topic.name)]
        behind = [(shard, at) for shard in shards if (at := self._least_read(shard)) is not None]
        if not behind:
            return ""
        shard, at = behind[a % len(behind)]
        self.servers.log.first[shard] = min(self.servers.log.bounds(shard).end, at + 1 + b % 3)
        return f"retention takes {shard} below {self.servers.log.first[shard]}, read to {at}"

    def _least_read(self, shard: Shard) -> int | None:
        """How far the slowest of the shard's readers is; None where one has not begun, or none is behind."""
        read_to = self.servers.positions(shard)
        begun = [at for at in read_to if at is not None]
        behind = len(begun) == len(read_to) and min(begun) < self.servers.log.bounds(shard).end
        return min(begun) if behind else None

    def _roll_back(self, a: int, b: int) -> str:
        # A store put back to before its first record would rightly begin at the first one still held.
        if any(self.servers.log.first.values()):
            return ""
        store = self.snapshots.put_back(a, b)
        for process in self.processes:
            if process.alive and process.name.startswith(store.restarted):
                process.sever()
        return self._met(f"{store.name} is put back to an older state", f"{store.name} put back")


_DEEDS: dict[str, Callable[[World, int, int], str]] = {
    "run": World._run,
    "wait": World._wait,
    "open": World._open,
    "go on": lambda world, a, _: world.senders.go_on(world.now, a, late=False),
    "keep": lambda world, a, _: world.senders.go_on(world.now, a, late=True),
    "read meter": lambda world, a, _: world.senders.record(world.now, a),
    "tell late": lambda world, a, _: world._met(world.senders.tell_late(a), "told late"),
    "tell again": lambda world, a, _: world._met(world.senders.tell_again(a), "told again"),
    "contradict": lambda world, a, _: world._met(world.senders.contradict(a), "contradicted"),
    "babble": lambda world, a, _: world._met(world.senders.babble(a), "babbled"),
    "kill": World._kill,
    "start": World._start,
    "freeze": World._freeze,
    "thaw": World._thaw,
    "evict": World._evict,
    "snapshot": lambda world, *_: world.snapshots.take(),
    "roll back": World._roll_back,
    "trouble": World._trouble,
    "skew": World._skew,
    "overtake": World._overtake,
    "undo retention": lambda world, *_: world.restore_log(),
    "learn": lambda world, *_: world.learn(),
}
