"""What services export is what their lists say, in names and units that Prometheus' own linter accepts."""

import asyncio
import re
import subprocess
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
import yaml

from catalogue.adapters.partnership_files import load
from shared.contracts.definitions import EVERY_SERVICE, Agreement, Service
from shared.contracts.topics import TICKETS, VERDICTS, WORK
from shared.metrics.definition import MetricDefinition
from shared.metrics.every_service import PROCESS_METRICS
from tallystick.demo.example import send
from tallystick.demo.metrics import DemoMetrics
from tallystick.demo.year import year_of_events
from tallystick.metrics_page import LISTS, Extent, page
from tallystick.stack import Stack, open_stack
from tests.support.servers import require_docker
from tests.support.service_process import eventually, running_service, state_folder_env

ROOT = Path(__file__).parents[2]
EXAMPLE = [each.definition for each in load("adur-worthing").entries]
EVENTS = 400
ALL = [pytest.param(each, id=f"{service}: {each.name}") for service, held in LISTS.items() for each in held]
UNITS = {
    "seconds": "_seconds",
    "working seconds": "_working_seconds",
    "ratio": "_ratio",
    "records": "_records",
    "items": "_items",
    "messages": "_messages",
    "versions": "_versions",
    "always 1": "_info",
    "pounds sterling before VAT": "_gbp",
}


async def exported(folder: Path) -> tuple[str, dict[str, set[str]], int]:
    """The demo's page of metrics, the names that each service exports, and the series of the monitor.

    Of the example partnership after some of its events.
    """
    async with open_stack(folder) as stack:
        await stack.record(EXAMPLE)
        events = list(islice(year_of_events(EXAMPLE, until=date(2026, 3, 31), seed=1), EVENTS))
        await send(stack.bus, events, report=lambda _: None)
        metrics = DemoMetrics(stack)
        await run_and_sample(stack)
        apps = (stack.catalogue, stack.monitor, stack.billing)
        names = {app.name: {each.name for each in app.registry.collect()} for app in apps}
        series = sum(len(each.samples) for each in stack.monitor.registry.collect())
        return metrics.text().decode(), names, series


async def run_and_sample(stack: Stack) -> None:
    """All is evaluated, and sampled while the shards are still this process's."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stack.run(stop))
        while await stack.pending():  # noqa: ASYNC110 (what it does is stored, not signalled)
            await asyncio.sleep(0.05)
        for app in (stack.catalogue, stack.monitor, stack.billing):
            await app.sample()
            await app.sample_read_model()
        stop.set()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, set[str]], int]:
    return asyncio.run(exported(tmp_path_factory.mktemp("example")))


def test_the_page_of_metrics_is_made_from_the_lists() -> None:
    made = "run `python -m tallystick.metrics_page > docs/metrics.md`"

    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page(), made


@pytest.mark.parametrize("metric", ALL)
def test_a_name_has_the_prefix_and_says_its_unit(metric: MetricDefinition) -> None:
    assert re.fullmatch(r"tallystick_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.removesuffix("_total").endswith(UNITS.get(metric.unit, "")), metric.unit
    assert metric.meaning.endswith(".")
    assert metric.action.endswith(".")
    assert bool(metric.buckets) == (metric.kind == "histogram")


@pytest.mark.parametrize("service", LISTS)
def test_a_service_exports_what_its_list_says_and_nothing_else(
    service: str, example: tuple[str, dict[str, set[str]], int]
) -> None:
    listed = {each.name.removesuffix("_total") for each in LISTS[service] if each not in PROCESS_METRICS}

    assert example[1][service] == listed


def test_an_example_partnership_has_no_more_series_than_the_page_says(
    example: tuple[str, dict[str, set[str]], int],
) -> None:
    agreements = [each for each in EXAMPLE if isinstance(each, Agreement)]
    services = [each for each in EXAMPLE if isinstance(each, Service)]
    targets = [target for agreement in agreements for target in agreement.targets]
    extent = Extent(
        councils=len({agreement.council for agreement in agreements}),
        services=len(services),
        targets=sum(len(services) if target.service == EVERY_SERVICE else 1 for target in targets),
        priorities=len({"normal", *(each for target in targets for each in target.when.get("priority", ()))}),
        measures=len({target.measure for target in targets}),
        partitions=TICKETS.partitions + WORK.partitions + VERDICTS.partitions,
    )
    of_process_and_groups = 100

    assert extent.targets * 4 < example[2] <= extent.most_series + of_process_and_groups


def test_no_series_is_exported_twice(example: tuple[str, dict[str, set[str]], int]) -> None:
    series = [line.rpartition(" ")[0] for line in example[0].splitlines() if not line.startswith("#")]

    assert len(series) == len(set(series))
    assert 'tallystick_outbox_waiting_messages{job="catalogue"}' in series
    assert 'tallystick_outbox_waiting_messages{job="sla-monitor"}' in series


@pytest.mark.docker
def test_the_metrics_of_the_demo_are_clean(promtool: list[str], example: tuple[str, dict[str, set[str]], int]) -> None:
    assert linted(promtool, example[0]) == ""


@pytest.mark.docker
@pytest.mark.parametrize("service", LISTS)
def test_the_metrics_of_a_service_are_clean_and_those_of_its_process_are_there(
    service: str, promtool: list[str], tmp_path: Path
) -> None:
    with running_service("-m", service.replace("-", "_"), env=state_folder_env(tmp_path)) as running:
        eventually(lambda: running.admin("/livez")[0] == 200)
        running.public("/v1/nowhere")
        # The figures of its stores come with the first sample.
        eventually(lambda: all(kind_of(metric) in running.admin("/metrics")[1] for metric in LISTS[service]))
        text = running.admin("/metrics")[1]

    assert linted(promtool, text) == ""
    assert [metric.name for metric in LISTS[service] if kind_of(metric) not in text] == []
    assert 'tallystick_store_up{store="bus"} 1.0' in text


def kind_of(metric: MetricDefinition) -> str:
    """The line that says of which kind the metric is."""
    return f"# TYPE {metric.name} {metric.kind}\n"


@pytest.fixture(scope="module")
def promtool() -> list[str]:
    """The command, in the image of the Prometheus that is deployed."""
    require_docker()
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return ["docker", "run", "--rm", "-i", "--entrypoint", "promtool", compose["services"]["prometheus"]["image"]]


def linted(promtool: list[str], text: str) -> str:
    """What `promtool check metrics` has to say: nothing where all is well."""
    ended = subprocess.run([*promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr if ended.returncode else ""
