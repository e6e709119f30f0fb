"""A service at work: its loops, its two HTTP servers, its metrics, watched, until it is asked to stop."""

import asyncio
import signal
from collections.abc import Awaitable

import structlog
from prometheus_client import CollectorRegistry

from shared.heartbeat import Heartbeat
from shared.http import create_app
from shared.http.rates import trusted_networks
from shared.log.port import Bus
from shared.metrics.every_service import register_process
from shared.metrics.http import MeasuredHttp
from shared.running.app import App
from shared.running.health import Check, NotReady, Readiness, bus_check, consumer_check, liveness, watch_consumers
from shared.running.sampling import sample_app, sample_event_loop, sample_stores
from shared.running.servers import Server, admin_app, bind_socket, server
from shared.running.watchdog import Watchdog, Watched
from shared.settings import ServiceSettings
from shared.web.pages import problem_page

log = structlog.get_logger()


class ServiceProcess:
    """One process's service. `run` returns when it was told to stop and has stopped."""

    def __init__(self, app: App, settings: ServiceSettings, *, bus: Bus, registry: CollectorRegistry) -> None:
        self._app, self._settings, self._bus, self._registry = app, settings, bus, registry
        self._stop = asyncio.Event()
        self._loop_heartbeat = Heartbeat("event loop")
        self._watched = [
            Watched(self._loop_heartbeat, settings.watchdog_loop_s),
            *(
                Watched(heartbeat, settings.watchdog_round_s)
                for heartbeat in (*app.heartbeats, *(status.heartbeat for status in app.consumers))
            ),
        ]
        self._watchdog = Watchdog(self._watched)
        self._failures: list[BaseException] = []
        self._readiness = Readiness(self._checks())
        register_process(registry, service=app.name)

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT; raises what ended one of its tasks."""
        public, admin = self._servers()
        limit_s = self._settings.watchdog_round_s
        with (
            bind_socket("HTTP", self._settings.http_host, self._settings.http_port) as public_socket,
            bind_socket("ADMIN", self._settings.admin_host, self._settings.admin_port) as admin_socket,
        ):
            self._handle_signals()
            self._watchdog.start()
            log.info("service.started", http=public_socket.getsockname()[1], admin=admin_socket.getsockname()[1])
            async with asyncio.TaskGroup() as tasks:
                admin_task = tasks.create_task(self._owned("admin", admin.serve([admin_socket])))
                works = [
                    tasks.create_task(self._owned("http", public.serve([public_socket]))),
                    tasks.create_task(self._owned("work", self._app.run(self._stop))),
                    tasks.create_task(self._owned("watch", watch_consumers(self._bus, self._stop, limit_s=limit_s))),
                    *(tasks.create_task(self._owned(name, loop)) for name, loop in self._samplers().items()),
                ]
                await self._stop.wait()
                self._watchdog.stopping(within_s=self._settings.stop_within_s)
                log.info("service.stopping", within_s=self._settings.stop_within_s)
                public.should_exit = True
                await asyncio.wait(works)
                admin.should_exit = True
                await admin_task
        if self._failures:
            raise self._failures[0]

    def _servers(self) -> tuple[Server, Server]:
        api = create_app(
            self._app.title,
            self._app.public_routes(illustrative=self._settings.illustrative),
            authentication=self._app.authentication,
            types=self._app.types,
            openapi_url=None,
            hosts=self._settings.hosts,
            problem_page=problem_page,
            cursor_key=self._app.cursor_key,
            audit=self._app.audit,
            trusted=trusted_networks(self._settings.trusted_proxies),
        )
        admin = admin_app(
            public=api,
            registry=self._registry,
            alive=lambda: liveness(self._watched),
            ready=self._readiness.ask,
            ready_for_requests=self._readiness.ask_for_requests,
            operator_routes=create_app(
                f"{self._app.title}, for operators",
                self._app.operator_routes(),
                authentication=self._app.authentication,
                openapi_url=None,
                cursor_key=self._app.cursor_key,
                audit=self._app.audit,
            ),
            hosts=self._settings.admin_hosts,
        )
        return server(MeasuredHttp(api, self._registry)), server(admin)

    def _samplers(self) -> dict[str, Awaitable[None]]:
        """The loops that keep its metrics up to date; that of the event loop is its heartbeat too."""
        return {
            "beat": sample_event_loop(self._registry, self._stop, self._loop_heartbeat.beat),
            "stores": sample_stores(self._readiness, self._registry, self._stop),
            "sample": sample_app(self._app, self._stop),
        }

    async def _owned(self, name: str, work: Awaitable[None]) -> None:
        """Runs `work`, whose end stops the service. A failure is kept: the others stop in order, uncancelled."""
        try:
            await work
        except Exception as failure:  # noqa: BLE001 (kept, and raised when all others have stopped)
            failure.add_note(f"in the task {name!r}")
            self._failures.append(failure)
        finally:
            self._stop.set()

    def _checks(self) -> dict[str, Check]:
        lag = self._settings.ready_lag_records
        consumers = {
            f"group {status.group}": consumer_check(self._bus, status, lag_records=lag)
            for status in self._app.consumers
        }
        return {"process": self._running, "bus": bus_check(self._bus), **self._app.checks, **consumers}

    async def _running(self) -> str:
        if self._stop.is_set():
            raise NotReady("stopping")
        return "running"

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
