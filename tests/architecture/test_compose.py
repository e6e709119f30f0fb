"""docker-compose.yml keeps one container from taking the machine, and starts without what cannot be had."""

import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
# Stands for Docker: it keeps what it was called with, and can pull Grafana's image only where that is said.
DOCKER = """#!/bin/sh
echo "$@" >>"$CALLS"
case "$*" in
  *pull*grafana) exit $PULL ;;
  *"config --services") printf 'kafka\\ngrafana\\nbilling\\n' ;;
esac
"""


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_each_container_has_a_limit_of_memory_and_of_what_it_logs(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["mem_limit"][-1] in "mg"
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


def test_where_the_secrets_are_missing_compose_names_the_script_that_makes_them() -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"] == f"${{TALLYSTICK_SECRETS:?run deploy/secrets.sh}}/{name}"

    script = (ROOT / "deploy/secrets.sh").read_text(encoding="utf-8")
    assert "TALLYSTICK_SECRETS=./deploy/secrets" in script


@pytest.mark.parametrize(
    ("pull_ends_with", "started", "printed"),
    [
        (0, "compose up --detach --wait --scale sla-monitor=2", ""),
        (
            1,
            "compose up --detach --wait --scale sla-monitor=2 kafka billing",
            "Grafana does not start: its image cannot be pulled, as said above. All else does. "
            "Try again with deploy/up.sh\n",
        ),
    ],
)
def test_all_but_grafana_starts_where_its_image_cannot_be_pulled(
    pull_ends_with: int, started: str, printed: str, tmp_path: Path
) -> None:
    docker, calls = tmp_path / "docker", tmp_path / "calls"
    docker.write_text(DOCKER, encoding="utf-8")
    docker.chmod(0o755)

    ended = subprocess.run(
        [ROOT / "deploy/up.sh", "--scale", "sla-monitor=2"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls), "PULL": str(pull_ends_with)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, printed)
    assert calls.read_text(encoding="utf-8").splitlines()[-1] == started
