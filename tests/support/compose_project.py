"""The containers of docker-compose.yml as a project of a test's own, with other ports and volumes, gone afterwards."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tallystick.servers import ClientCredentials
from tests.support import servers
from tests.support.service_process import get

ROOT = Path(__file__).parents[2]
SECRETS = ROOT / "deploy" / "secrets"
# Grafana's image is for people to look with; no test needs it.
STARTED = (
    *("kafka", "redis", "postgres", "catalogue", "sla-monitor", "billing"),
    *("gateway", "prometheus", "alertmanager", "alert-receiver"),
)
_LONGEST_S = 600  # a bound on waiting, and no claim about speed
_DOWN = ("down", "--volumes", "--remove-orphans")
_MISCOUNTED = "has active endpoints"


class ComposeProject:
    """The project; its containers are there once `up` has been called."""

    def __init__(self) -> None:
        self.kafka_port = servers.free_port()
        self._project = f"tallystick-test-{uuid4().hex[:8]}"
        any_port = ("TALLYSTICK_PORT", "TALLYSTICK_PROMETHEUS_PORT", "TALLYSTICK_ALERTMANAGER_PORT")
        self._env = os.environ | dict.fromkeys(any_port, "0") | {"TALLYSTICK_KAFKA_PORT": str(self.kafka_port)}

    def compose(self, *arguments: str) -> str:
        """What `docker compose …` printed; a failure fails the test with the output and the last lines of each log."""
        ended = self._compose(*arguments)
        assert ended.returncode == 0, f"{ended.stderr}\n{self._compose('logs', '--tail', '10').stdout}"
        return ended.stdout

    def up(self, *arguments: str) -> None:
        """Everything that tests start is up and healthy."""
        self.compose("up", "--detach", "--wait", *arguments, *STARTED)

    @cached_property
    def _operator(self) -> ClientCredentials:
        id_, secret = ((SECRETS / f"operator_client_{part}").read_text() for part in ("id", "secret"))
        return ClientCredentials(id_, secret)

    def down(self) -> None:
        """No container and no data of the project are left, or the test fails.

        Its network may be left: until it is restarted, an engine may count an endpoint that is gone
        (https://github.com/moby/moby/issues/42119), and then refuses to remove a network that nobody is in.
        """
        ended = self._compose(*_DOWN)
        if ended.returncode != 0:
            ended = self._compose(*_DOWN)  # the first may have given up before it had removed everything
        left = [*self._left("container", "--all"), *self._left("volume")]
        assert not left, f"{left} left: {ended.stderr}"
        assert ended.returncode == 0 or _MISCOUNTED in ended.stderr, ended.stderr

    def get(self, path: str) -> tuple[int, str]:
        """An answer of the gateway to the operators' client."""
        address = f"http://{self._address('gateway', 8080)}"
        return get(f"{address}{path}", headers={"Authorization": f"Bearer {self._operator.token(address)}"})

    def prometheus(self, path: str, **query: str) -> Any:
        """The data of an answer of Prometheus' API."""
        status, body = get(f"http://{self._address('prometheus', 9090)}/api/v1/{path}?{urlencode(query)}")
        assert status == 200, body
        return json.loads(body)["data"]

    def owners(self, group: str) -> list[str]:
        """The member that reads each partition of a consumer group, as Kafka's own tool lists them."""
        tool = ("/opt/kafka/bin/kafka-consumer-groups.sh", "--bootstrap-server", "localhost:9092")
        table = self.compose("exec", "-T", "kafka", *tool, "--describe", "--group", group)
        rows = [line.split() for line in table.splitlines() if line.startswith(f"{group} ")]
        return [row[6] for row in rows]  # GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID …

    def _compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._docker("compose", "--project-name", self._project, *arguments)

    def _left(self, kind: str, *options: str) -> list[str]:
        """Which of the engine's things of a kind carry the project's label."""
        label = f"label=com.docker.compose.project={self._project}"
        listed = self._docker(kind, "ls", *options, "--quiet", "--filter", label)
        assert listed.returncode == 0, listed.stderr
        return listed.stdout.split()

    def _docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["docker", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )

    def _address(self, service: str, port: int) -> str:
        return self.compose("port", service, str(port)).strip().replace("0.0.0.0", "127.0.0.1")  # noqa: S104 (Docker's)


@contextmanager
def compose_project() -> Iterator[ComposeProject]:
    """A project whose images are built; its containers and their data are gone when the block is left."""
    project = ComposeProject()
    subprocess.run([ROOT / "deploy" / "secrets.sh"], check=True)
    try:
        project.compose("build")
        yield project
    finally:
        project.down()
