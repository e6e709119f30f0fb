"""What the pods of deploy/kubernetes run starts, answers its probes and ends, within their limits and rights."""

import re
from collections.abc import Iterator
from functools import partial

import pytest

from tallystick.servers import ClientCredentials
from tests.support.docker_pods import FOLDER, DockerPods, docker, docker_pods
from tests.support.kustomize import Manifest, of_kind, pod_templates
from tests.support.service_process import eventually, get

SERVICES = ("catalogue", "sla-monitor", "billing")


@pytest.fixture(scope="module")
def pods(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerPods]:
    """Servers, databases and Secrets of a trial, whose topics the job has created and whose schemas are migrated."""
    pod_templates(FOLDER)  # without kustomize there is nothing to run
    with docker_pods(tmp_path_factory.mktemp("trial")) as started:
        yield started


@pytest.fixture(scope="module")
def running(pods: DockerPods) -> dict[str, str]:
    """The name of each service's container, once the job and the containers before it have ended well."""
    assert "created" in pods.run("topics", only_container("topics"))
    for service in SERVICES:
        (migrate,) = pod_templates(FOLDER)[service]["spec"]["initContainers"]
        assert "service.migrated" in pods.run(service, migrate)
        assert "service.migrated" in pods.run(service, migrate), "as in every pod after the first"
    started = {service: pods.run(service, only_container(service), detached=True) for service in SERVICES}
    # The page's own command: until a partnership is loaded the monitor and billing are not ready.
    docker("exec", started["catalogue"], "python", "-m", "catalogue", "load", "adur-worthing")
    return started


@pytest.fixture(scope="module")
def operator(running: dict[str, str]) -> ClientCredentials:
    """The first client, which the page's own command makes."""
    printed = docker("exec", running["catalogue"], "python", "-m", "catalogue", "bootstrap")
    made = dict(re.findall(r"^TALLYSTICK_CLIENT_(ID|SECRET)=(\S+)$", printed, re.MULTILINE))
    return ClientCredentials(made["ID"], made["SECRET"])


@pytest.mark.parametrize("kind", ["startupProbe", "livenessProbe", "readinessProbe"])
@pytest.mark.parametrize("service", SERVICES)
def test_each_probe_is_answered(running: dict[str, str], service: str, kind: str) -> None:
    container = only_container(service)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probe = container[kind]["httpGet"]

    eventually(lambda: answers(running[service], ports[probe["port"]], probe["path"]))


def test_the_services_behind_the_ingress_show_the_partnership_that_was_loaded(
    running: dict[str, str], operator: ClientCredentials
) -> None:
    token = operator.token(address_of(running["catalogue"], 8080))
    backends = {
        path["path"]: path["backend"]["service"]["name"]
        for path in of_kind(FOLDER, "Ingress")["tallystick"]["spec"]["rules"][0]["http"]["paths"]
    }
    tried = {"/v1/councils": "/v1/councils", "/v1/statements": "/v1/statements/adur/2026-01", "/": "/v1/attainment"}
    for path, asked in tried.items():
        eventually(partial(answers, running[backends[path]], 8080, asked, token=token))


def test_a_container_can_read_the_secrets_of_its_own_service_and_write_nowhere_else(running: dict[str, str]) -> None:
    listed = docker("exec", running["sla-monitor"], "find", "/run/secrets", "-type", "f").split()
    refused = docker("exec", running["sla-monitor"], "sh", "-c", "touch /app/x /run/secrets/sla-monitor/x 2>&1; true")

    assert {path.rpartition("/")[2] for path in listed} == {"BUS_URL", "DATABASE_URL", "STATE_URL"}
    assert all(path.startswith("/run/secrets/sla-monitor/") for path in listed)
    assert refused.count("Read-only file system") == 2


def test_a_stopped_monitor_ends_within_its_grace_and_its_state_can_be_rebuilt(
    pods: DockerPods, running: dict[str, str]
) -> None:
    grace_s = pod_templates(FOLDER)["sla-monitor"]["spec"]["terminationGracePeriodSeconds"]

    docker("stop", "--time", str(grace_s), running["sla-monitor"])
    code = docker("inspect", "--format", "{{.State.ExitCode}}", running["sla-monitor"]).strip()

    assert code == "0"
    assert "sla_monitor.rebuilt" in pods.run("sla-monitor-rebuild", only_container("sla-monitor-rebuild"))


def only_container(workload: str) -> Manifest:
    """The container of a workload that does its work."""
    (container,) = pod_templates(FOLDER)[workload]["spec"]["containers"]
    return dict(container)


def answers(container: str, port: int, path: str, *, token: str = "") -> bool:
    """Whether a container answers 200 at a path; an address that cannot be reached yet is no answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return get(f"{address_of(container, port)}{path}", headers=headers)[0] == 200
    except OSError:
        return False


def address_of(container: str, port: int) -> str:
    """Where this machine reaches a container's port."""
    return f"http://{docker('port', container, str(port)).splitlines()[0]}"
