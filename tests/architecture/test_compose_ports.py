"""What docker-compose.yml opens is reachable from this machine alone, unless TALLYSTICK_BIND says otherwise."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
PORTS = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}


@pytest.mark.parametrize("name", PORTS)
def test_a_published_port_is_bound_to_this_machine_by_default(name: str) -> None:
    addresses = [port.partition(":$")[0].removeprefix("${TALLYSTICK_BIND:-") for port in PORTS[name]]

    assert [address for address in addresses if not address.startswith("127.0.0.1")] == []
