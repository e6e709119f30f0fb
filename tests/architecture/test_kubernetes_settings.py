"""Each variable, file and key that deploy/kubernetes names is a setting of the service that gets it."""

import re
import subprocess
from itertools import product
from pathlib import Path

import pytest
import yaml

from billing.settings import BillingSettings
from catalogue.settings import CatalogueSettings
from shared.settings import ServiceSettings
from sla_monitor.settings import MonitorSettings
from tests.support.kustomize import (
    INSTALLED,
    ROOT,
    Manifest,
    containers,
    manifests,
    of_kind,
    pod_templates,
    trial_scripts,
)

SETTINGS: dict[str, type[ServiceSettings]] = {
    "catalogue": CatalogueSettings,
    "sla-monitor": MonitorSettings,
    "billing": BillingSettings,
}
installed = pytest.mark.parametrize("folder", INSTALLED)


@installed
def test_each_variable_is_a_setting_and_each_address_a_key_of_a_secret_of_its_own(folder: str) -> None:
    for name, template in pod_templates(folder).items():
        mounted = {
            each["name"]: each["secret"]["secretName"] for each in template["spec"]["volumes"] if "secret" in each
        }
        for container in containers(template):
            paths = {each["mountPath"]: mounted.get(each["name"]) for each in container["volumeMounts"]}
            for variable in container["env"]:
                setting = variable["name"].removesuffix("_FILE")
                directory, _, key = variable["value"].rpartition("/")

                assert setting in names_of_settings(container)
                assert key == setting
                assert key in keys_of_secrets()[paths[directory] or ""], (name, variable)


@installed
def test_each_value_of_the_config_map_is_a_setting_of_those_that_read_it(folder: str) -> None:
    found = {}
    for name, settings in of_kind(folder, "ConfigMap").items():
        readers = [
            container
            for template in pod_templates(folder).values()
            for container in containers(template)
            if {"configMapRef": {"name": name}} in container.get("envFrom", [])
        ]
        found[re.sub(r"-[a-z0-9]{10}$", "", name)] = {each["name"] for each in readers}
        for container in readers:
            assert settings["data"].keys() <= names_of_settings(container)

    assert found == {"settings": {*SETTINGS, "sla-monitor-rebuild"}, "sign-in": {"catalogue"}}


@installed
def test_no_password_is_in_what_is_built(folder: str) -> None:
    assert of_kind(folder, "Secret") == {}
    assert "://" not in yaml.safe_dump(
        [each for each in manifests(folder) if each["kind"] in {"ConfigMap", "Deployment"}]
    )


@installed
def test_only_the_container_that_migrates_can_read_the_address_of_the_tables_owner(folder: str) -> None:
    readers = {
        (name, container["name"])
        for name, template in pod_templates(folder).items()
        for container in containers(template)
        if "migrate" in {mount["name"] for mount in container["volumeMounts"]}
    }

    assert readers == {(name, "migrate") for name in SETTINGS}


def test_the_secrets_of_a_trial_are_those_that_its_pods_mount(tmp_path: Path) -> None:
    scripts = trial_scripts(tmp_path)
    printed = subprocess.run([scripts / "secrets.sh"], capture_output=True, text=True, check=True).stdout
    made = {each["metadata"]["name"]: each for each in yaml.safe_load_all(printed)}
    mounted = {
        volume["secret"]["secretName"]
        for template in pod_templates("overlays/one-node").values()
        for volume in template["spec"]["volumes"]
        if "secret" in volume
    }

    assert made.keys() == mounted
    assert {name: set(each["stringData"]) for name, each in made.items()} == keys_of_secrets()
    passwords = {role: (tmp_path / f"deploy/secrets/{role}_password").read_text("utf-8") for role in ("app", "migrate")}
    for name, role in product(SETTINGS, passwords):
        address = made[name if role == "app" else f"{name}-migrate"]["stringData"]["DATABASE_URL"]
        assert address == (
            f"postgresql+psycopg://tallystick_{role}:{passwords[role]}"
            f"@postgres-rw.tallystick-data:5432/{name.replace('-', '_')}"
        )


def test_the_page_names_every_secret_and_every_key() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", page.partition("## Secrets")[2], re.MULTILINE)
    named = {
        name: set(re.findall(r"`([^`]+)`", keys)) for names, keys in rows for name in re.findall(r"`([^`]+)`", names)
    }
    trigger = of_kind("your-site", "TriggerAuthentication")["kafka"]["spec"]["secretTargetRef"]

    assert named == {**keys_of_secrets(), "autoscaling": {each["key"] for each in trigger}}


def names_of_settings(container: Manifest) -> set[str]:
    """The environment variables that the service of the container's image reads, without those that end in _FILE."""
    service = container["image"].rpartition(":")[0].rpartition("/")[2]
    return {str(field.alias) for field in SETTINGS[service].model_fields.values()}


def keys_of_secrets() -> dict[str, set[str]]:
    """The keys of each Secret: the addresses that its one reader needs."""
    addresses = {"BUS_URL", "DATABASE_URL"}
    return {
        "topics": {"BUS_URL"},
        "catalogue": {*addresses, "SIGNING_KEY", "LIMITS_URL", "OIDC_CLIENT_SECRET"},
        "billing": {*addresses, "SEALING_KEY"},
        "sla-monitor": {*addresses, "STATE_URL"},
        **{f"{name}-migrate": {"DATABASE_URL"} for name in SETTINGS},
    }
