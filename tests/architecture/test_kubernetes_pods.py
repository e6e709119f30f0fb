"""Pods of deploy/kubernetes have probes that fit the services, limits, and no right that they do not need."""

import copy
import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from shared.running.health import CHECK_S, Health
from shared.running.servers import admin_app
from shared.settings import ServiceSettings
from tests.support.kustomize import INSTALLED, ROOT, Manifest, containers, of_kind, pod_templates

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
DEFAULTS = {name: field.default for name, field in ServiceSettings.model_fields.items()}
installed = pytest.mark.parametrize("folder", INSTALLED)


@installed
def test_services_are_reached_at_the_ports_that_their_image_listens_at(folder: str) -> None:
    listens = {name.lower(): int(port) for name, port in re.findall(r"(HTTP|ADMIN)_PORT=(\d+)", DOCKERFILE)}

    for name, service in of_kind(folder, "Service").items():
        (container,) = pod_templates(folder)[name]["spec"]["containers"]
        assert service["spec"]["selector"].items() <= pod_templates(folder)[name]["metadata"]["labels"].items()
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == listens
        assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == listens
        assert all(port["targetPort"] == port["name"] for port in service["spec"]["ports"])


@installed
def test_the_probes_ask_what_the_admin_server_answers_and_wait_as_long_as_it_may_take(folder: str) -> None:
    for deployment in of_kind(folder, "Deployment").values():
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        probes = {kind: container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")}

        assert {kind: probe["httpGet"]["path"] for kind, probe in probes.items()} == {
            "startup": "/livez",
            "liveness": "/livez",
            "readiness": "/readyz/requests",
        }
        assert {probe["httpGet"]["path"] for probe in probes.values()} <= admin_paths()
        assert {probe["httpGet"]["port"] for probe in probes.values()} == {"admin"}
        assert probes["readiness"]["timeoutSeconds"] > CHECK_S
        # The watchdog comes first: it says in the log which loop was stuck.
        assert longest(probes["liveness"]) > DEFAULTS["watchdog_loop_s"]
        assert longest(probes["startup"]) >= 60
        serves_on_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > serves_on_s + DEFAULTS["stop_within_s"]


@installed
def test_every_container_has_requests_and_limits(folder: str) -> None:
    for template in pod_templates(folder).values():
        for container in containers(template):
            requests, limits = (container["resources"][kind] for kind in ("requests", "limits"))

            assert requests.keys() == limits.keys() == {"cpu", "memory"}
            assert processors(requests["cpu"]) <= processors(limits["cpu"])
            assert mebibytes(requests["memory"]) <= mebibytes(limits["memory"])


@installed
def test_every_pod_keeps_to_the_restricted_profile_on_a_root_that_cannot_be_written(folder: str) -> None:
    for template in pod_templates(folder).values():
        assert weaknesses(template) == []
    labels = of_kind(folder, "Namespace")["tallystick"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


WEAKENED: dict[str, Callable[[Any], Any]] = {
    "root": lambda pod: pod["securityContext"].update(runAsUser=0),
    "seccomp": lambda pod: pod["securityContext"].pop("seccompProfile"),
    "token": lambda pod: pod.pop("automountServiceAccountToken"),
    "links": lambda pod: pod.pop("enableServiceLinks"),
    "host network": lambda pod: pod.update(hostNetwork=True),
    "host folder": lambda pod: pod["volumes"].append({"name": "var", "hostPath": {"path": "/var"}}),
    "capability": lambda pod: pod["containers"][0]["securityContext"].update(capabilities={"drop": ["NET_RAW"]}),
    "escalation": lambda pod: pod["initContainers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    "writable root": lambda pod: pod["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"),
    "writable secret": lambda pod: pod["containers"][0]["volumeMounts"][0].pop("readOnly"),
    "no folder for what is written": lambda pod: pod["containers"][0]["volumeMounts"].pop(),
}


@pytest.mark.parametrize("weakness", WEAKENED)
def test_a_weaker_pod_is_found(weakness: str) -> None:
    template = copy.deepcopy(pod_templates("overlays/one-node")["billing"])

    WEAKENED[weakness](template["spec"])

    assert weaknesses(template) != []


def admin_paths() -> set[str]:
    """The paths of a service's admin server."""

    async def ready() -> Health:
        return alive()

    def alive() -> Health:
        return Health(ok=True, parts={})

    registry = CollectorRegistry()
    app = admin_app(
        public=FastAPI(),
        registry=registry,
        alive=alive,
        ready=ready,
        ready_for_requests=ready,
        operator_routes=FastAPI(),
    )
    return {route.path for route in app.routes if isinstance(route, Route)}


def weaknesses(template: Manifest) -> list[str]:
    """What a pod may do that it need not; more than the restricted profile of Kubernetes refuses."""
    pod = template["spec"]
    found = [kind for kind in ("hostNetwork", "hostPID", "hostIPC") if pod.get(kind)]
    if pod.get("automountServiceAccountToken") is not False or pod.get("enableServiceLinks") is not False:
        found.append("knows of Kubernetes")
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") != 10001:
        found.append("may run as root")
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        found.append("no seccomp profile")
    found += [f"volume {each['name']}" for each in pod["volumes"] if not each.keys() & {"secret", "emptyDir"}]
    return found + [weakness for container in containers(template) for weakness in weaknesses_of(container, pod)]


def weaknesses_of(container: Manifest, pod: Manifest) -> list[str]:
    context = container.get("securityContext", {})
    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    secrets = {each["name"] for each in pod["volumes"] if "secret" in each}
    hardened = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    found = [name for name, value in hardened.items() if context.get(name) != value]
    found += [f"no {folder} to write to" for folder in ("/tmp", "/data") if folder not in mounts]  # noqa: S108 (the pod's)
    return found + [
        f"{path} is writable" for path, each in mounts.items() if each["name"] in secrets and not each.get("readOnly")
    ]


def longest(probe: Manifest) -> float:
    """How many seconds pass until a part that never answers has failed the probe."""
    return cast(float, probe["periodSeconds"] * probe["failureThreshold"])


def processors(quantity: str) -> float:
    return float(quantity.removesuffix("m")) / 1000 if quantity.endswith("m") else float(quantity)


def mebibytes(quantity: str) -> int:
    number, unit = quantity[:-2], quantity[-2:]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]
