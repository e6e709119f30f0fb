"""Pods of deploy/kubernetes as Docker containers: as their manifests describe them, but for what only a cluster has.

Each container has the image, command, user, limits, capabilities, read-only root, folders, files and variables of its
manifest. The addresses that a trial's Secrets name are aliases of real servers in one network.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import yaml

from tests.support import servers
from tests.support.kustomize import ROOT, Manifest, of_kind, pod_templates, trial_scripts

FOLDER = "overlays/one-node"
_KAFKA, _REDIS, _POSTGRES = (
    f"{name}.tallystick-data" for name in ("tallystick-kafka-bootstrap", "redis", "postgres-rw")
)
_SERVICES = ("catalogue", "sla-monitor", "billing")
_LONGEST_S = 600  # a bound on waiting, and no claim about speed
_BROKER = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{_KAFKA}:9092",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
}


class DockerPods:
    """Pods in a network of their own. Their Secrets are what secrets.sh prints, in files that only they can read."""

    def __init__(self, folder: Path) -> None:
        self._id = f"tallystick-pods-{uuid4().hex[:8]}"
        self._scripts = trial_scripts(folder)
        self._secrets = folder / "secrets"

    def start(self) -> None:
        """The images are built, the servers run, and PostgreSQL has the roles and databases of databases.sh."""
        for service in _SERVICES:
            file = ROOT / "deploy" / "Dockerfile"
            docker(
                "build", "--quiet", "--file", str(file), "--target", service, "--tag", self._image(service), str(ROOT)
            )
        docker("network", "create", self._id)
        self._server("kafka", _KAFKA, servers.KAFKA, environment=_BROKER)
        self._server("redis", _REDIS, servers.REDIS, "redis-server", "--appendonly", "yes", "--appendfsync", "always")
        self._server("postgres", _POSTGRES, servers.POSTGRES, environment={"POSTGRES_PASSWORD": servers.PASSWORD})
        docker("exec", f"{self._id}-kafka", "bash", "-c", "until </dev/tcp/localhost/9092; do sleep 0.2; done")
        self._make_databases()
        self._write_secrets()

    def run(self, workload: str, container: Manifest, *, detached: bool = False) -> str:
        """The name of a started container, or what one that has ended with 0 printed."""
        name = f"{self._id}-{container['name']}"
        mode = ["--detach", "--name", name] if detached else ["--rm"]
        printed = docker("run", *mode, *self._options(workload, container), *container.get("args", []))
        return name if detached else printed

    def remove(self) -> None:
        """No container, network or image of these pods is left."""
        named = docker("ps", "--all", "--quiet", "--filter", f"network={self._id}").split()
        if named:
            docker("rm", "--force", "--volumes", *named)
        docker("network", "rm", "--force", self._id)
        for service in _SERVICES:  # by name: an image of the same content may be somebody else's too
            subprocess.run(["docker", "rmi", self._image(service)], capture_output=True, check=False)

    def _image(self, service: str) -> str:
        return f"tallystick/{service}:{self._id}"

    def _server(
        self, name: str, alias: str, image: str, *command: str, environment: dict[str, str] | None = None
    ) -> None:
        variables = [f"--env={key}={value}" for key, value in (environment or {}).items()]
        place = ("--network", self._id, "--network-alias", alias, "--name", f"{self._id}-{name}")
        docker("run", "--detach", *place, *variables, image, *command)

    def _make_databases(self) -> None:
        """As the page says: the script's output goes to a psql in the server's own container."""
        into = ["docker", "exec", "--interactive", "--user", "postgres", f"{self._id}-postgres", "psql", "--quiet"]
        ready = "until pg_isready --quiet --host localhost; do sleep 0.2; done"
        docker("exec", f"{self._id}-postgres", "sh", "-c", ready)
        sql = subprocess.run([self._scripts / "databases.sh"], capture_output=True, text=True, check=True).stdout
        ended = subprocess.run(into, input=sql, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
        assert ended.returncode == 0, ended.stderr

    def _write_secrets(self) -> None:
        printed = subprocess.run([self._scripts / "secrets.sh"], capture_output=True, text=True, check=True).stdout
        for secret in yaml.safe_load_all(printed):
            folder = self._secrets / secret["metadata"]["name"]
            folder.mkdir(parents=True)
            for key, value in secret["stringData"].items():
                (folder / key).write_text(value, encoding="utf-8")

    def _options(self, workload: str, container: Manifest) -> Iterator[str]:
        pod = pod_templates(FOLDER)[workload]["spec"]
        user, limits = pod["securityContext"], container["resources"]["limits"]
        yield from ("--network", self._id, "--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::9080")
        yield from ("--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--read-only", "--cap-drop", "ALL")
        yield from ("--security-opt", "no-new-privileges", "--cpus", limits["cpu"])
        yield from ("--memory", limits["memory"].replace("Mi", "m").replace("Gi", "g"))
        for name, value in self._environment(container).items():
            yield f"--env={name}={value}"
        volumes = {each["name"]: each for each in pod["volumes"]}
        for mount in container["volumeMounts"]:
            yield from self._mount(volumes[mount["name"]], mount["mountPath"], user["fsGroup"])
        if "command" in container:
            yield from ("--entrypoint", container["command"][0])
        yield self._image(container["image"].rpartition(":")[0].rpartition("/")[2])
        yield from container.get("command", [])[1:]

    def _environment(self, container: Manifest) -> dict[str, str]:
        maps = of_kind(FOLDER, "ConfigMap")
        named: dict[str, str] = {}
        for source in container.get("envFrom", []):
            named |= maps[source["configMapRef"]["name"]]["data"]
        return named | {each["name"]: each["value"] for each in container["env"]}

    def _mount(self, volume: Manifest, path: str, group: int) -> Iterator[str]:
        if "secret" not in volume:
            yield from ("--tmpfs", path)
            return
        folder = self._secrets / volume["secret"]["secretName"]
        for file in folder.iterdir():
            if os.geteuid() == 0:
                os.chown(file, 0, group)
            file.chmod(volume["secret"]["defaultMode"] if os.geteuid() == 0 else 0o444)
        yield from ("--volume", f"{folder}:{path}:ro")


def docker(*arguments: str) -> str:
    """What the command printed; a failure fails the test with what it said."""
    ended = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    assert ended.returncode == 0, f"docker {arguments[0]}: {ended.stdout}{ended.stderr}"
    return ended.stdout


@contextmanager
def docker_pods(folder: Path) -> Iterator[DockerPods]:
    """Pods that can be run; nothing of them is left when the block is."""
    pods = DockerPods(folder)
    try:
        pods.start()
        yield pods
    finally:
        pods.remove()
