"""Services as processes: started, called over HTTP, stopped by a signal."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.support.callers import SIGNING_KEY, token

PATIENCE_S = 180.0  # a bound on waiting, and no claim about speed
STOPS_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.05
SERVICES = ("catalogue", "sla_monitor", "billing")


@dataclass
class ServiceProcess:
    """A running service. `logged` grows with its log."""

    process: subprocess.Popen[str]
    logged: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def public(self, path: str, *, accept: str = "application/json") -> tuple[int, str]:
        """Status and body of the public server's answer, to somebody who has every role of the provider."""
        return self._get("http", path, accept)

    def admin(self, path: str) -> tuple[int, str]:
        """Status and body of the admin server's answer."""
        return self._get("admin", path, "application/json")

    def is_ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        return self.admin("/readyz")[0] == 200

    def send_signal(self, number: signal.Signals) -> None:
        """The process gets a signal."""
        self.process.send_signal(number)

    def ended(self, *, within_s: float = PATIENCE_S) -> int:
        """Its exit code, when it ends in time."""
        code = self.process.wait(within_s)
        self._reader.join()
        return code

    def close(self) -> None:
        """All of its log has been read."""
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def log_of(self, event: str) -> dict[str, Any]:
        """The one line of its log with that name."""
        (line,) = [line for line in self.logged if line["event"] == event]
        return line

    def _get(self, server: str, path: str, accept: str) -> tuple[int, str]:
        try:
            address = f"http://127.0.0.1:{self._started()[server]}{path}"
            return get(address, accept=accept, headers={"Authorization": f"Bearer {token()}"})
        except URLError:
            time.sleep(_LOOK_EVERY_S)  # a process that has just closed its socket is about to end
            self._is_over()
            raise

    def _started(self) -> dict[str, Any]:
        eventually(lambda: any(line["event"] == "service.started" for line in self.logged) or self._is_over())
        return self.log_of("service.started")

    def _is_over(self) -> bool:
        assert self.process.poll() is None, self.logged
        return False

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.logged.append(json.loads(line))


@contextmanager
def running_service(*command: str, env: Mapping[str, str]) -> Iterator[ServiceProcess]:
    """`python *command` with any free ports, until the block is left; then it gets SIGTERM, and must stop."""
    chosen = {"HTTP_PORT": "0", "ADMIN_PORT": "0", "SIGNING_KEY": SIGNING_KEY, **env}
    process = subprocess.Popen(
        [sys.executable, *command], env=clean_environment() | chosen, stdout=subprocess.PIPE, text=True
    )
    service = ServiceProcess(process)
    try:
        yield service
        if process.poll() is None:
            service.send_signal(signal.SIGTERM)
            assert service.ended(within_s=STOPS_WITHIN_S) == 0, service.logged
    finally:
        process.kill()
        process.wait()
        service.close()


def run_to_end(*command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The output and exit code of a command that ends by itself."""
    return subprocess.run(
        [sys.executable, *command],
        env={**clean_environment(), **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def clean_environment() -> dict[str, str]:
    """The test's own environment without any setting of a service."""
    settings = ("TALLYSTICK_", "HTTP_", "ADMIN_", "BUS_", "STATE_", "DATABASE_", "LOG_")
    return {name: value for name, value in os.environ.items() if not name.startswith(settings)}


def get(url: str, *, accept: str = "application/json", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Status and body of an answer, whatever the status."""
    request = Request(url, headers={"Accept": accept, **(headers or {})})  # noqa: S310 (ours)
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 (ours)
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def eventually(holds: Callable[[], bool]) -> None:
    """`holds` has become true; fails when it does not."""
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, f"not within {PATIENCE_S:g} s"
        time.sleep(_LOOK_EVERY_S)


def state_folder_env(folder: Path) -> dict[str, str]:
    """The settings of services that need no server."""
    return {"TALLYSTICK_VAR": str(folder)}
