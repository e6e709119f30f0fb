"""A Prometheus of one's own that scrapes an address of this machine, with the rules that are deployed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tests.support import servers
from tests.support.service_process import get

ROOT = Path(__file__).parents[2]
_DEPLOYED = ROOT / "deploy" / "prometheus"
_IMAGE: str = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["prometheus"][
    "image"
]


class Prometheus:
    """One that runs."""

    def __init__(self, address: str) -> None:
        self._address = address

    def data(self, path: str, **query: str) -> Any:
        """The data of an answer of its API; a query that it refuses fails the test with its reason."""
        status, body = get(f"{self._address}/api/v1/{path}?{urlencode(query)}")
        assert status == 200, body
        return json.loads(body)["data"]

    def raised(self, alert: str) -> list[dict[str, str]]:
        """The labels of the alerts of this name that are pending or firing."""
        found = self.data("alerts")["alerts"]
        return [each["labels"] for each in found if each["labels"]["alertname"] == alert]

    def holds(self, condition: str) -> bool:
        """Whether the query answers with anything now."""
        return bool(self.data("query", query=condition)["result"])


@contextmanager
def scraping(job: str, target: str, folder: Path) -> Iterator[Prometheus]:
    """It scrapes `target` (host:port) each second as the demo wants to be scraped, and evaluates the rules as often."""
    with scraping_all({job: [target]}, folder) as running:
        yield running


@contextmanager
def scraping_all(targets: Mapping[str, Sequence[str]], folder: Path) -> Iterator[Prometheus]:
    """It scrapes the `targets` of each job each second, and evaluates the rules as often."""
    deployed = yaml.safe_load((_DEPLOYED / "prometheus.yml").read_text(encoding="utf-8"))
    scraped = [
        {"job_name": job, "honor_labels": True, "static_configs": [{"targets": list(addresses)}]}
        for job, addresses in targets.items()
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": deployed["rule_files"],
        "scrape_configs": scraped,
    }
    folder.chmod(0o755)  # the server reads it as a user of its own
    (folder / "scraping.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = servers.free_port()
    container = (
        DockerContainer(_IMAGE, network_mode="host")
        .with_volume_mapping(str(folder), "/etc/scraping", "ro")
        .with_volume_mapping(str(_DEPLOYED), "/etc/prometheus", "ro")
        .with_command(
            "--config.file=/etc/scraping/scraping.yml --storage.tsdb.path=/prometheus"
            f" --web.listen-address=127.0.0.1:{port}"
        )
        .waiting_for(LogMessageWaitStrategy("Server is ready to receive web requests"))
    )
    with container:
        yield Prometheus(f"http://127.0.0.1:{port}")
