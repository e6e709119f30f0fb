"""deploy/kubernetes builds, is valid, and runs what docker compose runs: same images, commands, routes and alerts."""

import copy
import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from billing.store.sql import GROUP as BILLING_GROUP
from shared.log.failures import PRODUCT_VERSION
from sla_monitor.app import GROUP as MONITOR_GROUP
from tests.support import custom_resources
from tests.support.kustomize import INSTALLED, KUBERNETES, ROOT, containers, manifests, of_kind, pod_templates

# The oldest in which all fields have their meaning (policy/v1 unhealthyPodEvictionPolicy), and the newest known here.
KUBERNETES_VERSIONS = ("1.31", "1.37")
MOST_INSTANCES = 6
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
# What each container does in docker compose.
AS_IN_COMPOSE = {
    ("catalogue", "migrate"): "migrate-catalogue",
    ("sla-monitor", "migrate"): "migrate-sla-monitor",
    ("billing", "migrate"): "migrate-billing",
    ("catalogue", "catalogue"): "catalogue",
    ("sla-monitor", "sla-monitor"): "sla-monitor",
    ("billing", "billing"): "billing",
    ("topics", "topics"): "topics",
}
installed = pytest.mark.parametrize("folder", INSTALLED)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@installed
def test_what_is_built_is_what_kubernetes_and_the_operators_accept(folder: str, version: str) -> None:
    for manifest in manifests(folder):
        if custom_resources.is_custom(manifest):
            assert custom_resources.faults(manifest) == []
        else:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_is_found_in_either() -> None:
    deployment = copy.deepcopy(of_kind("your-site", "Deployment")["billing"])
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    scaled = copy.deepcopy(of_kind("your-site", "ScaledObject")["billing"])
    scaled["spec"]["maxReplicas"] = scaled["spec"].pop("maxReplicaCount")

    with pytest.raises(kubernetes_validate.ValidationError, match="livenesProbe"):
        kubernetes_validate.validate(deployment, KUBERNETES_VERSIONS[0], strict=True)
    assert "maxReplicas" in " ".join(custom_resources.faults(scaled))


@installed
def test_everything_is_in_one_namespace_and_part_of_tallystick(folder: str) -> None:
    namespaced = [each for each in manifests(folder) if each["kind"] != "Namespace"]

    assert {each["metadata"]["namespace"] for each in namespaced} == {"tallystick"}
    assert list(of_kind(folder, "Namespace")) == ["tallystick"]
    for template in pod_templates(folder).values():
        assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "tallystick"


@installed
def test_each_image_is_one_that_the_dockerfile_builds_in_the_products_version(folder: str) -> None:
    images = {each["image"] for template in pod_templates(folder).values() for each in containers(template)}
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))

    for image in images:
        name, _, version = image.rpartition(":")
        assert name.rpartition("/")[2] in targets
        assert version == PRODUCT_VERSION
    if folder != "your-site":
        assert {image.rpartition(":")[0] for image in images} <= {each["image"] for each in COMPOSE.values()}


@installed
def test_each_container_runs_what_compose_runs(folder: str) -> None:
    found = {
        (name, each["name"]): each for name, template in pod_templates(folder).items() for each in containers(template)
    }
    assert found.pop(("sla-monitor-rebuild", "sla-monitor-rebuild"))["args"] == ["rebuild"]
    assert found.keys() == AS_IN_COMPOSE.keys()
    for where, container in found.items():
        composed = COMPOSE[AS_IN_COMPOSE[where]]
        assert (container.get("command"), container.get("args")) == (
            composed.get("entrypoint"),
            composed.get("command"),
        )


@installed
def test_there_are_never_more_than_six_members_of_a_group_and_they_change_one_by_one(folder: str) -> None:
    scaled = of_kind(folder, "ScaledObject")
    for name in ("sla-monitor", "billing"):
        spec = of_kind(folder, "Deployment")[name]["spec"]
        most = scaled[name]["spec"]["maxReplicaCount"] if name in scaled else spec["replicas"]

        assert 1 <= most <= MOST_INSTANCES
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_the_autoscaler_watches_the_groups_of_what_it_scales_and_nobody_else_sets_their_number() -> None:
    scaled = of_kind("your-site", "ScaledObject")
    (user,) = of_kind("your-site", "TriggerAuthentication")

    assert {name: each["spec"]["scaleTargetRef"]["name"] for name, each in scaled.items()} == {
        "sla-monitor": "sla-monitor",
        "billing": "billing",
    }
    for name, group in (("sla-monitor", MONITOR_GROUP), ("billing", BILLING_GROUP)):
        (trigger,) = scaled[name]["spec"]["triggers"]
        assert trigger["metadata"]["consumerGroup"] == group
        assert trigger["authenticationRef"]["name"] == user
        assert "replicas" not in of_kind("your-site", "Deployment")[name]["spec"]
        assert (
            scaled[name]["spec"]["minReplicaCount"]
            == of_kind("overlays/production", "Deployment")[name]["spec"]["replicas"]
        )


@pytest.mark.parametrize("folder", ["overlays/production", "your-site"])
def test_in_production_instances_are_spread_and_drained_one_at_a_time(folder: str) -> None:
    budgets = of_kind(folder, "PodDisruptionBudget")

    for name, deployment in of_kind(folder, "Deployment").items():
        spec = deployment["spec"]
        spread = spec["template"]["spec"]["topologySpreadConstraints"]
        assert budgets[name]["spec"]["maxUnavailable"] == 1
        assert budgets[name]["spec"]["selector"] == spec["selector"]
        assert {each["topologyKey"] for each in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(each["labelSelector"] == spec["selector"] for each in spread)
    assert budgets.keys() == {"catalogue", "sla-monitor", "billing"}


@installed
def test_the_ingress_leads_where_the_gateway_of_compose_leads(folder: str) -> None:
    (rule,) = of_kind(folder, "Ingress")["tallystick"]["spec"]["rules"]
    routes = {
        path["path"]: (path["pathType"], path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
        for path in rule["http"]["paths"]
    }

    assert routes == {path: ("Prefix", service, "http") for path, service in routes_of_the_gateway().items()}


def test_the_rules_of_the_prometheus_operator_are_those_of_compose() -> None:
    made = subprocess.run([KUBERNETES / "prometheus-rule.sh"], capture_output=True, text=True, check=True).stdout
    file = KUBERNETES / "components" / "prometheus-operator" / "prometheus-rule.yaml"

    assert file.read_text(encoding="utf-8") == made, "run deploy/kubernetes/prometheus-rule.sh as it says"
    installed_groups = of_kind("your-site", "PrometheusRule")["tallystick"]["spec"]["groups"]
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    assert {group["name"]: group for group in installed_groups} == {group["name"]: group for group in groups}


def test_the_prometheus_operator_gives_series_the_labels_that_alerts_read() -> None:
    monitor = of_kind("your-site", "ServiceMonitor")["tallystick"]["spec"]
    rules = "".join(path.read_text(encoding="utf-8") for path in RULES)
    (endpoint,) = monitor["endpoints"]

    for service in of_kind("your-site", "Service").values():
        labels = service["metadata"]["labels"]
        assert monitor["selector"]["matchLabels"].items() <= labels.items()
        assert f'up{{job="{service["metadata"]["name"]}"}}' in rules
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
    assert endpoint["relabelings"] == [{"action": "labeldrop", "regex": "service"}]


def routes_of_the_gateway() -> dict[str, str]:
    """Each path of deploy/nginx/nginx.conf that leads to a service, and the service."""
    conf = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text(encoding="utf-8")
    hosts = dict(re.findall(r"set \$(\w+) http://([\w-]+):8080;", conf))
    routes: dict[str, str] = {}
    for location, host in re.findall(r"location (?:[~=] )?(\S+) \{\s+proxy_pass \$(\w+);", conf):
        listed = re.fullmatch(r"\^(/(?:\w+/)*)\(?([\w|/-]+)\)?\(/\|\$\)", location)
        paths = [f"{listed[1]}{name}" for name in listed[2].split("|")] if listed else [location]
        routes |= dict.fromkeys(paths, hosts[host])
    return routes
