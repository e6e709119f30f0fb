"""The metrics of the three services in one process, on one page, as a Prometheus of one's own would scrape them.

Each sample has the label `job`, the service that it is of; scrape with `honor_labels: true`.
"""

import asyncio

from fastapi import APIRouter, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.responses import Response

from shared.metrics.definition import exposition
from shared.metrics.every_service import register_process
from shared.metrics.http import MeasuredHttp
from shared.running.health import Readiness, bus_check
from shared.running.sampling import sample_app, sample_event_loop, sample_stores
from tallystick.stack import Stack

_PROCESS = "demo"


class DemoMetrics:
    """The registries of the services of `stack`, and one of the process that they share."""

    def __init__(self, stack: Stack) -> None:
        self._bus, self._apps = stack.bus, (stack.catalogue, stack.monitor, stack.billing)
        self._process = CollectorRegistry()
        register_process(self._process, service=_PROCESS)

    def measured(self, app: FastAPI) -> MeasuredHttp:
        """`app`, whose requests are measured."""
        return MeasuredHttp(app, self._process)

    def router(self) -> APIRouter:
        """`/metrics`."""
        routes = APIRouter(include_in_schema=False)

        @routes.get("/metrics")
        def metrics() -> Response:
            return Response(self.text(), media_type=CONTENT_TYPE_LATEST)

        return routes

    def text(self) -> bytes:
        """What Prometheus reads."""
        return exposition({_PROCESS: self._process, **{app.name: app.registry for app in self._apps}})

    async def run(self, stop: asyncio.Event) -> None:
        """They are up to date until `stop` is set."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sample_event_loop(self._process, stop, lambda: None))
            for app in self._apps:
                tasks.create_task(sample_app(app, stop))
                readiness = Readiness({**app.checks, "bus": bus_check(self._bus)})
                tasks.create_task(sample_stores(readiness, app.registry, stop))
