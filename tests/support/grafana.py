"""The committed dashboards as Grafana 11.6 reads them: their panels, and what each of their queries asks Prometheus."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
# What Grafana fills in by itself, for a month that is looked at in steps of a minute.
_BUILT_IN = {"__rate_interval": "75s", "__interval": "60s", "__range": "30d"}
# All of each variable.
EVERYTHING = dict.fromkeys(("council", "service", "target", "job", "group"), ".*")
_WINDOW_S, _STEP_S = 900, 15
_QUERY_RESULT = re.compile(r"query_result\((.*)\)")
_LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a dashboard, still with its variables. `labels` are those that its answer must have.

    `may_be_empty`: the description says when it is.
    """

    place: str
    expr: str
    labels: frozenset[str]
    over_time: bool
    may_be_empty: bool


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every panel but the headings."""
    return [each for each in dashboard["panels"] if each["type"] != "row"]


def asked_by_panels(dashboard: Mapping[str, Any]) -> Iterator[Asked]:
    """The queries of a dashboard's panels."""
    for panel in panels(dashboard):
        empty = re.search(r"\bEmpty (in the columns [^.]+ )?(while|until) [^.]+\.$", panel["description"]) is not None
        for target in panel["targets"]:
            labels = _labels_of(panel, target)
            place = f"{dashboard['title']}: {panel['title']} {target['refId']}"
            yield Asked(place, target["expr"], labels, target["range"], empty)


def asked_by_annotations(dashboard: Mapping[str, Any]) -> Iterator[Asked]:
    """The queries of a dashboard's annotations."""
    for each in dashboard["annotations"]["list"]:
        labels = frozenset([*re.findall(r"{{(\w+)}}", each["titleFormat"]), *each["tagKeys"].split(",")])
        place = f"{dashboard['title']}: annotation {each['name']}"
        yield Asked(place, each["target"]["expr"], labels, over_time=True, may_be_empty=False)


def choices(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The variables that people choose from, by name."""
    return {each["name"]: each for each in dashboard["templating"]["list"] if each["type"] == "query"}


def filled_in(expr: str, chosen: Mapping[str, str]) -> str:
    """The query with the values of its variables; raises `KeyError` where it has a variable that is not known."""
    return re.sub(r"\$(\w+)", lambda found: (_BUILT_IN | dict(chosen))[found[1]], expr)


def answered(ask: Callable[..., Any], asked: Asked, chosen: Mapping[str, str]) -> list[dict[str, Any]]:
    """The series of Prometheus' answer that have a number; `ask` calls its API."""
    query = filled_in(asked.expr, chosen)
    if not asked.over_time:
        return [each for each in ask("query", query=query)["result"] if _has_number([each["value"]])]
    now = time.time()
    span = {"start": str(now - _WINDOW_S), "end": str(now), "step": str(_STEP_S)}
    return [each for each in ask("query_range", query=query, **span)["result"] if _has_number(each["values"])]


def metrics_of(asked: Asked) -> set[str]:
    """The names of the metrics of services and their processes that a query reads."""
    return set(re.findall(r"\b(?:tallystick|process)_\w+", asked.expr))


def call_of_choice(choice: Mapping[str, Any], chosen: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Path and query of the call of Prometheus that a variable's values come from."""
    query = filled_in(choice["query"]["query"], chosen)
    if found := _QUERY_RESULT.fullmatch(query):
        return "query", {"query": found[1]}
    labels = _LABEL_VALUES.fullmatch(query)
    assert labels is not None, query
    return f"label/{labels[2]}/values", {"match[]": labels[1]}


def values_of_choice(choice: Mapping[str, Any], answer: Any) -> list[str]:
    """What people may choose, of Prometheus' answer, as Grafana reads it with the variable's pattern."""
    if isinstance(answer, list):
        return [str(value) for value in answer]
    pattern = re.compile(choice["regex"].strip("/").replace("(?<", "(?P<"))
    lines = [_as_text(series["metric"], series["value"]) for series in answer["result"]]
    return [found["value"] for line in lines if (found := pattern.search(line))]


def _has_number(values: list[list[Any]]) -> bool:
    return any(not math.isnan(float(value)) for _, value in values)


def _as_text(metric: Mapping[str, str], value: list[Any]) -> str:
    """A series of an answer in the form that Grafana gives to a variable's pattern."""
    labels = ",".join(f'{name}="{text}"' for name, text in metric.items() if name != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}} {value[1]} {value[0] * 1000}"


def _labels_of(panel: Mapping[str, Any], target: Mapping[str, Any]) -> frozenset[str]:
    """The labels that a legend or a table's columns name."""
    if panel["type"] != "table":
        return frozenset(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
    (organised,) = (each["options"] for each in panel["transformations"] if each["id"] == "organize")
    return frozenset(name for name in organised["indexByName"] if not name.startswith("Value"))
