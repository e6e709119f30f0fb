"""The dashboards are those that the code makes, can be read without seeing colours, and lead on to pages that exist."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.metrics.definition import Exporter, MetricDefinition
from tallystick.dashboards import panels as made
from tallystick.dashboards.__main__ import LOCAL, files
from tallystick.dashboards.dashboard import COLUMNS, TIME_ZONE
from tallystick.metrics_page import LISTS
from tests.support import grafana_schema
from tests.support.grafana import DASHBOARDS, FOLDER, asked_by_annotations, asked_by_panels, choices, panels

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
RULES = [
    rule
    for path in (ROOT / "deploy" / "prometheus").rglob("*.yml")
    for group in yaml.safe_load(path.read_text(encoding="utf-8")).get("groups", [])
    for rule in group["rules"]
]
METRICS = {metric.name: metric for held in LISTS.values() for metric in held}
UNITS = {value for name, value in vars(made).items() if name.isupper() and isinstance(value, str)}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}, {panel['type']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
EXPRESSIONS = [
    pytest.param(asked.expr, id=asked.place)
    for dashboard in DASHBOARDS.values()
    for asked in [*asked_by_panels(dashboard), *asked_by_annotations(dashboard)]
]
dashboards = pytest.mark.parametrize("name", DASHBOARDS)


def test_the_committed_files_are_those_that_the_code_makes() -> None:
    again = "run `python -m tallystick.dashboards`"

    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == files(LOCAL), again


def test_there_are_four_each_under_its_own_address() -> None:
    assert {name: (each["uid"], each["title"]) for name, each in DASHBOARDS.items()} == {
        "today": ("tallystick-today", "Today"),
        "one-council": ("tallystick-one-council", "One council"),
        "pipeline-health": ("tallystick-pipeline-health", "Pipeline health"),
        "billing-run": ("tallystick-billing-run", "Billing run"),
    }


def test_they_are_where_grafana_of_docker_compose_looks_for_them() -> None:
    mounted = dict(volume.split(":")[:2] for volume in COMPOSE["grafana"]["volumes"] if volume.startswith("./"))
    (provider,) = yaml.safe_load((ROOT / "deploy/grafana/providers/tallystick.yml").read_text())["providers"]
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/datasources/prometheus.yml").read_text())["datasources"]
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert mounted["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./deploy/grafana/providers"] == "/etc/grafana/provisioning/dashboards"
    assert home == f"{provider['options']['path']}/today.json"
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]


def test_grafana_accepts_every_field(tmp_path: Path) -> None:
    assert grafana_schema.faults(tmp_path, DASHBOARDS) == ""


def misspell(panel: dict[str, Any]) -> None:
    panel["options"]["colourMode"] = panel["options"].pop("colorMode")


def invent(panel: dict[str, Any]) -> None:
    panel["fieldConfig"]["defaults"]["thresholds"]["mode"] = "relative"


def forget(panel: dict[str, Any]) -> None:
    del panel["targets"][0]["expr"]


@pytest.mark.parametrize(("spoil", "said"), [(misspell, "colourMode"), (invent, "relative"), (forget, "expr")])
def test_a_field_that_grafana_does_not_know_is_found(
    spoil: Callable[[dict[str, Any]], None], said: str, tmp_path: Path
) -> None:
    spoilt = copy.deepcopy(DASHBOARDS["today"])
    spoil(next(panel for panel in panels(spoilt) if panel["type"] == "stat"))

    assert said in grafana_schema.faults(tmp_path, {"today": spoilt})


@dashboards
def test_panels_fill_24_columns_without_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert cells
        assert cells & taken == set(), panel["title"]
        taken |= cells

    bottom = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(COLUMNS) for y in range(bottom)}, "a gap, or a panel outside"
    ids = [panel["id"] for panel in DASHBOARDS[name]["panels"]]
    assert len(ids) == len(set(ids))


@dashboards
def test_no_two_panels_have_one_title(name: str) -> None:
    titles = [panel["title"] for panel in panels(DASHBOARDS[name])]

    assert len(titles) == len(set(titles))


@dashboards
def test_months_are_those_of_london_and_the_financial_year_begins_in_april(name: str) -> None:
    dashboard = DASHBOARDS[name]

    assert dashboard["timezone"] == TIME_ZONE == "Europe/London"
    assert (dashboard["weekStart"], dashboard["fiscalYearStartMonth"]) == ("monday", 3)


@dashboards
def test_people_choose_the_prometheus_the_councils_the_services_and_the_targets(name: str) -> None:
    variables = {each["name"]: each for each in DASHBOARDS[name]["templating"]["list"]}
    with_all = {each for each, choice in choices(DASHBOARDS[name]).items() if choice["includeAll"]}

    assert variables["datasource"]["type"] == "datasource"
    assert {each["name"]: each["type"] for each in variables.values() if each["name"] in {"pages", "docs"}} == {
        "pages": "constant",
        "docs": "constant",
    }
    assert (
        with_all
        == {
            "today": {"council", "service", "target"},
            "one-council": {"service", "target"},  # and one council
            "pipeline-health": {"job", "group"},
            "billing-run": {"council", "service"},
        }[name]
    )


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    unit = panel["fieldConfig"]["defaults"]["unit"]

    assert re.fullmatch(r"[A-Z0-9].*\.", panel["description"])
    assert unit in UNITS
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


@pytest.mark.parametrize("panel", PANELS)
def test_no_threshold_is_shown_by_colour_alone(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    steps = defaults.get("thresholds", {"steps": []})["steps"]
    words = [text for mapping in defaults.get("mappings", []) for text in mapping["options"].values()]

    if len(steps) > 1 and panel["type"] == "timeseries":
        assert defaults["custom"]["thresholdsStyle"]["mode"] == "dashed"
        assert "Dashed: " in panel["description"]
    elif len(steps) > 1:
        assert panel["type"] == "stat", "a figure, of which the good one is a word"
        assert [set(mapping["options"]) for mapping in defaults["mappings"]] == [{"0"}]
    assert all(word["text"] for word in words)
    if panel["type"] == "state-timeline":
        assert panel["options"]["showValue"] == "always"
        assert len(words) > 1


@pytest.mark.parametrize("panel", PANELS)
def test_a_table_shows_what_its_queries_answer(panel: dict[str, Any]) -> None:
    for override in panel["fieldConfig"]["overrides"]:
        (organised,) = (each["options"] for each in panel["transformations"] if each["id"] == "organize")
        columns = {organised["renameByName"].get(name, name) for name in organised["indexByName"]}

        assert override["matcher"]["options"] in columns
        assert {each["id"] for each in override["properties"]} <= {
            "unit",
            "decimals",
            "mappings",
            "links",
            "custom.hidden",
        }
        assert {each["displayName"] for each in panel["options"]["sortBy"]} <= columns


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_a_figure_that_every_instance_exports_alike_is_never_added_up(expr: str) -> None:
    assert added_up(expr) == []


@pytest.mark.parametrize("aggregation", ["sum by (council)", "avg by (council)", "sum", ""])
def test_one_that_is_added_up_is_found(aggregation: str) -> None:
    assert added_up(f"{aggregation} (tallystick_open_items)") == ["tallystick_open_items"]


def added_up(expr: str) -> list[str]:
    """The metrics that every instance exports alike, and of which the query does not take the greatest or the least."""
    named = re.findall(r"(?:(\w+) by \([^()]*\) ?\()?(?:increase\()?\b(tallystick_\w+)", expr)
    return [
        metric
        for aggregation, metric in named
        if metric_named(metric).exporter is Exporter.EVERY_INSTANCE and aggregation not in {"max", "min"}
    ]


def metric_named(name: str) -> MetricDefinition:
    """The metric in whose list a series of that name is."""
    return METRICS.get(name) or METRICS[re.sub(r"_(bucket|sum|count)$", "", name)]


@pytest.mark.parametrize("panel", PANELS)
def test_a_link_of_a_table_names_labels_of_its_rows(panel: dict[str, Any]) -> None:
    named = set(re.findall(r"\$\{__data\.fields\.(\w+)\}", json.dumps(panel)))
    organised = [each["options"] for each in panel["transformations"] if each["id"] == "organize"]

    assert named <= {name for options in organised for name in options["indexByName"]}


@dashboards
def test_a_runbook_that_is_linked_exists_and_is_that_of_an_alert(name: str) -> None:
    linked = set(re.findall(r"\$\{docs:raw\}/runbooks/(\w+)\.md", json.dumps(DASHBOARDS[name])))
    alerts = {rule["alert"] for rule in RULES if "alert" in rule}

    assert linked
    assert linked - alerts == set()
    assert [alert for alert in linked if not (ROOT / "docs" / "runbooks" / f"{alert}.md").exists()] == []


@dashboards
def test_a_dashboard_that_is_linked_exists(name: str) -> None:
    linked = set(re.findall(r'"/d/([^?"]+)', json.dumps(DASHBOARDS[name])))

    assert linked <= {each["uid"] for each in DASHBOARDS.values()}
