"""What every dashboard shares: its variables, its annotations, its links, and how panels are laid out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tallystick.dashboards.panels import DATASOURCE, Json, Link, Panel

TIME_ZONE = "Europe/London"
COLUMNS = 24
_SCHEMA_VERSION = 41  # of Grafana 11.6
_TAG = "tallystick"
_APRIL = 3  # Grafana counts months from 0
_ROW_HEIGHT = 1
# A step of Grafana's variables: when the dashboard is opened, and whenever its time range changes.
_ON_TIME_RANGE = 2
_ALPHABETICAL = 1
_HIDDEN = 2


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where links lead: to the pages that councils read, and to docs/. Without a slash at the end."""

    pages: str
    docs: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable to choose from. `query` answers with the values, or with what `pattern` finds values and texts in."""

    name: str
    label: str
    query: str
    pattern: str = ""
    all_of_them: bool = True

    def to_json(self) -> Json:
        """As Grafana reads it."""
        every: Json = {
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }
        one: Json = {"includeAll": False, "multi": False}
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": self.query, "refId": self.name},
            "regex": self.pattern,
            "refresh": _ON_TIME_RANGE,
            "sort": _ALPHABETICAL,
            **(every if self.all_of_them else one),
        }


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark at each step at which the query's answer is above 0. `title` names it by the answer's labels."""

    name: str
    expr: str
    title: str
    labels: Sequence[str]
    colour: str

    def to_json(self) -> Json:
        """As Grafana reads it. `$__rate_interval` spans each step and one scrape more: nothing falls between."""
        return {
            "name": self.name,
            "enable": True,
            "iconColor": self.colour,
            "datasource": DATASOURCE,
            "target": {"refId": "Anno", "expr": self.expr, "interval": "60s"},
            "titleFormat": self.title,
            "textFormat": self.title,
            "tagKeys": ",".join(self.labels),
            "useValueForTime": False,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading, from left to right, on as many lines as they need. Those of one line are equally high."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard. `since` is where its time begins, as Grafana writes it: now-12h, or now/M for this month."""

    uid: str
    title: str
    description: str
    since: str
    rows: Sequence[Row]
    choices: Sequence[Choice]
    annotations: Sequence[Annotation]
    links: Sequence[Link] = field(default_factory=list)

    def to_json(self, addresses: Addresses) -> Json:
        """As Grafana provisions it."""
        fixed = [_constant("pages", addresses.pages), _constant("docs", addresses.docs)]
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [_TAG],
            "schemaVersion": _SCHEMA_VERSION,
            "editable": False,
            "timezone": TIME_ZONE,
            "weekStart": "monday",
            "fiscalYearStartMonth": _APRIL,
            "refresh": "30s",
            "time": {"from": self.since, "to": "now"},
            "graphTooltip": 1,
            "templating": {"list": [_DATASOURCE_CHOICE, *[each.to_json() for each in self.choices], *fixed]},
            "annotations": {"list": [each.to_json() for each in self.annotations]},
            "links": [_OTHER_DASHBOARDS, *[_dashboard_link(each) for each in self.links]],
            "panels": list(_laid_out(self.rows)),
        }


def _laid_out(rows: Sequence[Row]) -> Iterator[Json]:
    """Rows and panels with their ids and places."""
    number, y = 1, 0
    for row in rows:
        yield _heading(row, number, y)
        number, x, y, height = number + 1, 0, y + _ROW_HEIGHT, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, y + height
            yield panel.to_json(number, x, y)
            number, x, height = number + 1, x + panel.width, panel.height
        y += height


def _heading(row: Row, number: int, y: int) -> Json:
    place = {"x": 0, "y": y, "w": COLUMNS, "h": _ROW_HEIGHT}
    return {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}


_DATASOURCE_CHOICE: Json = {
    "name": "datasource",
    "label": "Prometheus",
    "type": "datasource",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "includeAll": False,
    "multi": False,
}


def _constant(name: str, value: str) -> Json:
    return {"name": name, "type": "constant", "query": value, "hide": _HIDDEN, "skipUrlSync": True}


_OTHER_DASHBOARDS: Json = {
    "title": "Dashboards",
    "type": "dashboards",
    "tags": [_TAG],
    "asDropdown": False,
    "icon": "external link",
    "includeVars": True,
    "keepTime": False,
    "targetBlank": False,
    "tooltip": "The other dashboards, for the same councils and services",
}


def _dashboard_link(link: Link) -> Json:
    return {
        "title": link.title,
        "type": "link",
        "url": link.url,
        "tags": [],
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": False,
        "targetBlank": True,
        "tooltip": link.title,
    }


def file_name(dashboard: Dashboard) -> str:
    """`one-council.json` of "One council"."""
    return re.sub(r"\W+", "-", dashboard.title.lower()) + ".json"
