"""What a service must offer to be run as a process of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from shared.auditing.log import AuditLog
from shared.bus.consumer import ConsumerStatus
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.http import Authentication
from shared.log.port import Bus
from shared.running.health import Check
from shared.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
S_contra = TypeVar("S_contra", bound=ServiceSettings, contravariant=True)


class App(Protocol):
    """A service put together: what its `app.py` builds."""

    # How often its read model's figures may be worked out at most.
    read_model_every_s: float

    @property
    def name(self) -> str:
        """The service as operations know it: `sla-monitor`."""

    @property
    def title(self) -> str:
        """What it is called in its API's description."""

    @property
    def types(self) -> Sequence[type]:
        """The contract types that its API's description refers to."""

    @property
    def authentication(self) -> Authentication:
        """How its callers are known."""

    @property
    def cursor_key(self) -> bytes:
        """What signs the cursors of its lists: the same in every instance."""

    def public_routes(self, *, illustrative: bool) -> Sequence[APIRouter]:
        """All that it answers when it runs alone; `illustrative` labels every page so."""

    def operator_routes(self) -> Sequence[APIRouter]:
        """What it answers only to those who run it."""

    @property
    def audit(self) -> AuditLog:
        """Its audit log."""

    @property
    def consumers(self) -> Sequence[ConsumerStatus]:
        """Its memberships of consumer groups."""

    @property
    def heartbeats(self) -> Sequence[Heartbeat]:
        """The heartbeats of its other loops."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """What must answer for it to be ready, beside the log and its consumers."""

    async def sample(self) -> None:
        """Its metrics are those of its stores now. May raise whatever they raise: it is tried again."""

    async def sample_read_model(self) -> None:
        """The figures of all its councils are as its stores have them now; may raise, as `sample`."""

    async def run(self, stop: asyncio.Event) -> None:
        """It works until `stop` is set; raises what made it impossible to go on."""

    async def close(self) -> None:
        """Everything is released. Idempotent."""


class Build(Protocol[S_contra]):
    """A composition root."""

    def __call__(self, settings: S_contra, *, bus: Bus, clock: Clock, registry: CollectorRegistry) -> App:
        """The service, ready to run; raises what its stores raise. Its metrics are in `registry`."""


@dataclass(frozen=True, slots=True)
class ServiceProgram(Generic[S]):
    """A service by the name of its package. `verbs` are what its command can do beside `migrate` and serving.

    A verb is given the settings and what follows it on the command line.
    """

    package: str
    settings: type[S]
    build: Build[S]
    verbs: Mapping[str, Callable[[S, Sequence[str]], Awaitable[None]]] = field(default_factory=dict)
