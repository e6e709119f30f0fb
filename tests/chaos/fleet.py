"""The services' processes, and a supervisor that starts again whatever ends, as a deployment's would."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.support.service_process import clean_environment

LOOK_EVERY_S = 0.1
# A process that ends at once is not started again at once.
RESTART_AFTER_S = 0.3
ANSWERS_WITHIN_S = 5.0
PEAK, NOW = "VmHWM:", "VmRSS:"


@dataclass
class Instance:
    """One instance of a service. Its log grows over all its processes."""

    service: str
    name: str
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    peak_mib: float = 0.0
    module: str = ""  # what runs in place of the service

    @property
    def is_alive(self) -> bool:
        """Whether its process runs, or is frozen."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Another process of it runs."""
        chosen = {"HTTP_PORT": "0", "ADMIN_PORT": "0", **self.env}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module or self.service],
                env=clean_environment() | chosen,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def send_signal(self, number: signal.Signals) -> bool:
        """Its process gets a signal; whether there was one to get it."""
        if self.process is None or not self.is_alive:
            return False
        self.process.send_signal(number)
        return True

    def measure(self) -> None:
        """`peak_mib` is the most memory that any of its processes has held so far."""
        self.peak_mib = max(self.peak_mib, self._memory_mib(PEAK))

    def resident_mib(self) -> float:
        """What its process holds now; 0 without one."""
        return self._memory_mib(NOW)

    def _memory_mib(self, name: str) -> float:
        if self.process is None or not self.is_alive:
            return 0.0
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0.0  # it ended a moment ago
        return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name)), 0.0)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log with that event name, of all its processes."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        found = [json.loads(line) for line in lines if f'"event": "{event}"' in line and line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def url(self, path: str, *, port: str = "http") -> str:
        """Where the process that runs now answers."""
        return f"http://127.0.0.1:{self.logged('service.started')[-1][port]}{path}"

    def figures(self, begin: str) -> list[float]:
        """What its metrics say now, by names that `begin` so; raises `OSError` if it does not answer."""
        with urlopen(self.url("/metrics", port="admin"), timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310 (our own http)
            lines = answer.read().decode().splitlines()
        return [float(line.split()[-1]) for line in lines if line.startswith(begin)]


@dataclass
class Fleet:
    """All instances. `endings` counts the exit codes that nobody asked for, by service."""

    instances: Sequence[Instance]
    endings: Counter[tuple[str, int]] = field(default_factory=Counter)

    def of(self, service: str) -> list[Instance]:
        """The instances of a service."""
        return [each for each in self.instances if each.service == service]

    def peaks_mib(self) -> dict[str, float]:
        """The most memory that a process of each service has held."""
        return {each.service: max(one.peak_mib for one in self.of(each.service)) for each in self.instances}

    async def supervise(self) -> None:
        """Whatever ends is started again, until this is cancelled."""
        while True:
            for each in self.instances:
                each.measure()
                if not each.is_alive:
                    await self._start_again(each)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _start_again(self, ended: Instance) -> None:
        if ended.process is not None and ended.process.returncode != -signal.SIGKILL:
            self.endings[ended.service, ended.process.returncode] += 1
            await asyncio.sleep(RESTART_AFTER_S)
        ended.start()

    def stop(self) -> None:
        """No process is left."""
        for each in self.instances:
            each.send_signal(signal.SIGKILL)
            if each.process is not None:
                each.process.wait()


def fleet(folder: Path, env: Mapping[str, Mapping[str, str]], *, each: int) -> Fleet:
    """`each` instances of every service in `env`, not started yet; their logs are in `folder`."""
    return Fleet(
        [
            Instance(service, f"{service}-{number}", settings, folder / f"{service}-{number}.log")
            for service, settings in env.items()
            for number in range(1, each + 1)
        ]
    )
