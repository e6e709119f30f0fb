"""The loops that keep a service's sampled metrics up to date, in a process of its own and in the demo."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry

from shared.metrics.every_service import EVENT_LOOP_LAG, STORE_UP, STORES
from shared.running.app import App
from shared.running.health import HealthPart, Readiness

_BEAT_EVERY_S = 0.25
SAMPLE_EVERY_S = 5.0
# What the read model's figures cost is waited for so many times: they take a tenth of one core at most.
_COST_FACTOR = 10
_LONGEST_WAIT_S = 300.0
_SAY_EVERY_S = 60.0
log = structlog.get_logger()


async def sample_app(app: App, stop: asyncio.Event) -> None:
    """The metrics of the app's shards and of its read model are up to date until `stop` is set."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_repeat(app.sample, stop, every_s=SAMPLE_EVERY_S))
        tasks.create_task(
            _repeat(app.sample_read_model, stop, every_s=app.read_model_every_s, cost_factor=_COST_FACTOR)
        )


class StoreLog:
    """Outages of stores in the log: a line when one begins, one a minute while it lasts, and one when it is over."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._down_since: dict[str, float] = {}
        self._next_at: dict[str, float] = {}

    def note(self, store: str, part: HealthPart) -> None:
        """What the store answers now."""
        now = self._now()
        if part.ok:
            if store in self._down_since:
                log.warning("store.up", store=store, after_s=round(now - self._down_since.pop(store)))
            self._next_at.pop(store, None)
            return
        since = self._down_since.setdefault(store, now)
        if now >= self._next_at.get(store, now):
            self._next_at[store] = now + _SAY_EVERY_S
            log.error("store.down", store=store, reason=part.detail, for_s=round(now - since))


async def sample_stores(readiness: Readiness, registry: CollectorRegistry, stop: asyncio.Event) -> None:
    """`tallystick_store_up` and the log say of each store whether it answers, until `stop` is set."""
    up, outages = STORE_UP.gauge(registry), StoreLog()

    async def ask() -> None:
        parts = (await readiness.ask()).parts
        for store in STORES:
            if store in parts:
                up.labels(store).set(parts[store].ok)
                outages.note(store, parts[store])

    await _repeat(ask, stop, every_s=SAMPLE_EVERY_S)


async def sample_event_loop(registry: CollectorRegistry, stop: asyncio.Event, beat: Callable[[], None]) -> None:
    """`beat` is called at each turn of the event loop, and `registry` has how late it comes, until `stop` is set."""
    lag = EVENT_LOOP_LAG.histogram(registry)
    now = asyncio.get_running_loop().time
    while not stop.is_set():
        due = now() + _BEAT_EVERY_S
        await asyncio.sleep(_BEAT_EVERY_S)
        lag.observe(now() - due)
        beat()


async def _repeat(
    work: Callable[[], Awaitable[None]], stop: asyncio.Event, *, every_s: float, cost_factor: int = 0
) -> None:
    """`work` is done now, then every `every_s` or `cost_factor` times what it cost; one failure a minute is logged."""
    now = asyncio.get_running_loop().time
    log_at = now()
    while not stop.is_set():
        began, wait_s = now(), every_s
        try:
            await work()
            log_at = now()
            wait_s = min(max(every_s, cost_factor * (now() - began)), _LONGEST_WAIT_S)
        except Exception as fault:  # noqa: BLE001 (metrics may be missing; readiness says what is wrong)
            if now() >= log_at:
                log_at = now() + _SAY_EVERY_S
                log.warning("sample.failed", fault=type(fault).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)
