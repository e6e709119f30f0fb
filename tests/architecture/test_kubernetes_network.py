"""Pods of deploy/kubernetes connect as the containers of docker compose do, and in no other way."""

import re
from itertools import product
from typing import Any, NamedTuple

import pytest
import yaml

from tests.support.kustomize import INSTALLED, ROOT, Manifest, of_kind, pod_templates

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
NGINX = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text(encoding="utf-8")
PROMETHEUS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
PORTS = {"kafka": 9092, "postgres": 5432, "redis": 6379}
# In production Kafka has TLS at the port that Strimzi gives it.
KAFKA_PORTS = {"overlays/one-node": 9092, "overlays/production": 9093, "your-site": 9093}
# Where docker compose's other containers are here, by the labels of namespace and pod.
DATA = ({"kubernetes.io/metadata.name": "tallystick-data"}, dict[str, str]())
TRAEFIK = ({"kubernetes.io/metadata.name": "kube-system"}, {"app.kubernetes.io/name": "traefik"})
INGRESS = ({"kubernetes.io/metadata.name": "ingress"}, dict[str, str]())
MONITORING = ({"kubernetes.io/metadata.name": "monitoring"}, {"app.kubernetes.io/name": "prometheus"})
DNS = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
ELSEWHERE = ({"kubernetes.io/metadata.name": "default"}, dict[str, str]())
OURS = {"kubernetes.io/metadata.name": "tallystick"}
installed = pytest.mark.parametrize("folder", INSTALLED)


class Peer(NamedTuple):
    """A pod that connects or is connected to: the labels of its namespace, and its own."""

    namespace: dict[str, str]
    pod: dict[str, str]


class Connection(NamedTuple):
    """Who connects to whom, by the names of docker compose, and at which port."""

    source: str
    target: str
    port: int


def connections_of_compose() -> set[Connection]:
    """Every pair of containers that connect, read from their addresses."""
    found = set()
    for name, service in COMPOSE.items():
        environment = service.get("environment", {})
        if environment.get("BUS_URL", "").startswith("kafka://kafka"):
            found.add(Connection(name, "kafka", PORTS["kafka"]))
        if any(environment.get(name, "").startswith("redis://redis") for name in ("STATE_URL", "LIMITS_URL")):
            found.add(Connection(name, "redis", PORTS["redis"]))
        if any(secret.endswith("_url") for secret in service.get("secrets", ())):
            found.add(Connection(name, "postgres", PORTS["postgres"]))
    found |= {Connection("gateway", host, 8080) for host in re.findall(r"set \$\w+ http://([\w-]+):8080;", NGINX)}
    (scraped,) = PROMETHEUS["scrape_configs"][0]["dns_sd_configs"]
    return found | {Connection("prometheus", name, scraped["port"]) for name in scraped["names"]}


def connections_of_pods(folder: str) -> set[Connection]:
    """The same, by the names of the pods that do what those containers do."""
    pods = pod_templates(folder).keys() | {"gateway", "prometheus"}
    found = set()
    for source, target, port in connections_of_compose():
        name = source.removeprefix("migrate-")
        if name in pods:  # the command in `tools` is for one machine
            found.add(Connection(name, target, KAFKA_PORTS[folder] if target == "kafka" else port))
    rebuild = {each._replace(source="sla-monitor-rebuild") for each in found if each.source == "sla-monitor"}
    return found | rebuild


def peers(folder: str) -> dict[str, Peer]:
    """Everything that could connect or be connected to."""
    gateway = TRAEFIK if folder == "overlays/one-node" else INGRESS
    others = {
        **dict.fromkeys(PORTS, DATA),
        "gateway": gateway,
        "prometheus": MONITORING,
        "dns": DNS,
        "elsewhere": ELSEWHERE,
        "another of monitoring": (MONITORING[0], {"app.kubernetes.io/name": "grafana"}),
    }
    pods = {name: Peer(OURS, each["metadata"]["labels"]) for name, each in pod_templates(folder).items()}
    return {**pods, **{name: Peer(*labels) for name, labels in others.items()}}


def test_compose_is_read_right() -> None:
    found = connections_of_compose()

    assert Connection("billing", "postgres", 5432) in found
    assert Connection("prometheus", "sla-monitor", 9080) in found
    assert Connection("gateway", "catalogue", 8080) in found
    assert Connection("sla-monitor", "redis", 6379) in found
    assert Connection("catalogue", "redis", 6379) in found
    assert len(found) > 15


@installed
def test_exactly_the_pairs_of_compose_may_connect(folder: str) -> None:
    ports = {*PORTS.values(), 9093, 8080, 9080, 443}
    known = peers(folder)
    ours = pod_templates(folder).keys()
    tried = [
        Connection(source, target, port)
        for source, target, port in product(known, known, ports)
        if (source in ours or target in ours) and source != target
    ]

    allowed = {each for each in tried if may_connect(folder, known, each)}

    # Kafka, Redis and PostgreSQL are in one namespace: which of them is meant, the port says.
    assert allowed == {
        each._replace(target=target)
        for each in connections_of_pods(folder)
        for target in (PORTS if each.target in PORTS else [each.target])
    }


@installed
def test_every_pod_can_look_names_up_and_nowhere_else(folder: str) -> None:
    known = peers(folder)

    for name in pod_templates(folder):
        assert may_connect(folder, known, Connection(name, "dns", 53))
        assert not may_connect(folder, known, Connection(name, "elsewhere", 53))


@installed
def test_a_pod_that_no_policy_names_can_neither_connect_nor_be_connected_to(folder: str) -> None:
    known = {**peers(folder), "new": Peer(OURS, {"app.kubernetes.io/name": "new"})}

    assert not may_connect(folder, known, Connection("new", "kafka", KAFKA_PORTS[folder]))
    assert not may_connect(folder, known, Connection("new", "billing", 8080))
    assert not may_connect(folder, known, Connection("gateway", "new", 8080))


def may_connect(folder: str, known: dict[str, Peer], tried: Connection) -> bool:
    """As Kubernetes decides it: a side that a policy selects must be allowed by one that does."""
    source, target = known[tried.source], known[tried.target]
    policies = [each["spec"] for each in of_kind(folder, "NetworkPolicy").values()]
    return allows(policies, "egress", source, target, tried.port) and allows(
        policies, "ingress", target, source, tried.port
    )


def allows(policies: list[Manifest], direction: str, side: Peer, other: Peer, port: int) -> bool:
    if side.namespace != OURS:
        return True  # policies of other namespaces are other people's
    selecting = [
        policy
        for policy in policies
        if direction.capitalize() in policy["policyTypes"] and selects(policy["podSelector"], side.pod)
    ]
    if not selecting:
        return True
    rules = [rule for policy in selecting for rule in policy.get(direction, ())]
    return any(matches(rule, "to" if direction == "egress" else "from", other, port) for rule in rules)


def matches(rule: Manifest, end: str, other: Peer, port: int) -> bool:
    return any(
        selects(peer.get("namespaceSelector", {"matchLabels": OURS}), other.namespace)
        and selects(peer.get("podSelector", {}), other.pod)
        for peer in rule[end]
    ) and port in {each["port"] for each in rule["ports"]}


def selects(selector: Any, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        {"In": labels.get(each["key"]) in each["values"]}[each["operator"]]
        for each in selector.get("matchExpressions", ())
    )
