"""A panel of a dashboard: what it shows, in which unit, and how it is read without seeing colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

Json = dict[str, object]
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
PLAIN, NOTICE, ACT = "text", "orange", "red"

# Units of Grafana, by what they show. Working time is in hours: Grafana would make days of 24 hours out of seconds.
COUNT = "locale"
SHARE = "percentunit"
SECONDS = "s"
WORKING_HOURS = "suffix: working hours"
POUNDS = "currencyGBP"
BYTES = "bytes"
PER_SECOND = "cps"
REQUESTS = "reqps"
TIMES = "suffix: times"
STATE = "none"
_DEFAULT_HEIGHT = 8
_HALF = 12  # of the columns of a dashboard


@dataclass(frozen=True, slots=True)
class Link:
    """An address to go on to. Grafana fills in `${…}`: variables, and fields of the row or labels of the line."""

    title: str
    url: str

    def to_json(self) -> Json:
        """As Grafana reads it."""
        return {"title": self.title, "url": self.url, "targetBlank": self.url.startswith("${")}


@dataclass(frozen=True, slots=True)
class Query:
    """A query of Prometheus; `legend` names each series of its answer by its labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel without its place. `empty` says when its answer is empty, where that is right; else it never is."""

    type: str
    title: str
    description: str
    unit: str
    targets: Sequence[Json]
    options: Json
    width: int
    height: int = _DEFAULT_HEIGHT
    empty: str = ""
    defaults: Json = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()

    def to_json(self, number: int, x: int, y: int) -> Json:
        """The panel at a place of the grid, as Grafana reads it."""
        return {
            "id": number,
            "type": self.type,
            "title": self.title,
            "description": f"{self.description} Empty {self.empty}." if self.empty else self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": DATASOURCE, **target}
                for place, target in enumerate(self.targets)
            ],
            "fieldConfig": {"defaults": {"unit": self.unit, **self.defaults}, "overrides": list(self.overrides)},
            "options": self.options,
            "transformations": list(self.transformations),
        }

    def when_empty(self, when: str) -> "Panel":
        """The same panel, whose answer is empty `when` …"""
        return replace(self, empty=when)


def number(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str = COUNT,
    act_from: float | None = None,
    none: str = "none",
    decimals: int | None = None,
    links: Sequence[Link] = (),
    width: int = 4,
) -> Panel:
    """One figure of now. From `act_from` on it is red; 0 is then the word `none`, so that the colour is not needed."""
    acting = act_from is not None
    defaults = {
        **_thresholds([] if act_from is None else [(act_from, ACT)]),
        "mappings": words_for({0: none}) if acting else [],
        "links": [link.to_json() for link in links],
        **({} if decimals is None else {"decimals": decimals}),
    }
    options: Json = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value" if acting else "none",
        "graphMode": "none",
        "textMode": "value",
    }
    return Panel(
        type="stat",
        title=title,
        description=description,
        unit=unit,
        targets=[instant(expr)],
        options=options,
        defaults=defaults,
        width=width,
        height=4,
    )


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = COUNT,
    limits: Sequence[float] = (),
    bars: bool = False,
    links: Sequence[Link] = (),
    width: int = 12,
) -> Panel:
    """Figures over time. A dashed line lies at each of the `limits`; the description names them. `bars` stack."""
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars else 0,
        "lineWidth": 1,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if bars else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    defaults = {
        **_thresholds([(limit, ACT) for limit in limits]),
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "links": [link.to_json() for link in links],
    }
    options: Json = {
        "legend": {
            "displayMode": "table",
            "placement": "right" if width >= _HALF else "bottom",
            "showLegend": True,
            "calcs": ["lastNotNull"],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(
        type="timeseries",
        title=title,
        description=description,
        unit=unit,
        targets=[{"expr": each.expr, "legendFormat": each.legend, "range": True} for each in queries],
        options=options,
        defaults=defaults,
        width=width,
    )


def states(
    title: str, description: str, query: Query, *, words: Mapping[int, str], links: Sequence[Link] = (), width: int = 12
) -> Panel:
    """What holds over time, in words; the first of the `words` is the good state."""
    colours = [PLAIN, *[ACT] * (len(words) - 1)]
    custom: Json = {"fillOpacity": 40, "lineWidth": 0}
    mappings = [
        {"type": "value", "options": {str(value): {"text": text, "color": colour, "index": place}}}
        for place, ((value, text), colour) in enumerate(zip(words.items(), colours, strict=True))
    ]
    options: Json = {
        "showValue": "always",
        "mergeValues": True,
        "rowHeight": 0.8,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return Panel(
        type="state-timeline",
        title=title,
        description=description,
        unit=STATE,
        targets=[{"expr": query.expr, "legendFormat": query.legend, "range": True}],
        options=options,
        defaults={"custom": custom, "mappings": mappings, "links": [link.to_json() for link in links]},
        width=width,
    )


def buckets(title: str, description: str, expr: str, *, unit: str = COUNT, width: int = 12) -> Panel:
    """How many fell into each bucket of a histogram; `expr` answers by `le`, each with those of the buckets below."""
    options: Json = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "text",
    }
    return Panel(
        type="bargauge",
        title=title,
        description=description,
        unit=unit,
        targets=[{"expr": expr, "legendFormat": "up to {{le}}", "format": "heatmap", "instant": True, "range": False}],
        options=options,
        defaults={"min": 0, "decimals": 0, "color": {"mode": "fixed", "fixedColor": "blue"}},
        width=width,
    )


def instant(expr: str, *, as_table: bool = False) -> Json:
    """A query of now."""
    return {"expr": expr, "instant": True, "range": False, "format": "table" if as_table else "time_series"}


def _thresholds(steps: Sequence[tuple[float, str]]) -> Json:
    first: Json = {"value": None, "color": PLAIN}
    above: list[Json] = [{"value": value, "color": colour} for value, colour in steps]
    return {"thresholds": {"mode": "absolute", "steps": [first, *above]}}


def words_for(words: Mapping[int, str]) -> list[Json]:
    """Mappings that show words in the place of values."""
    return [{"type": "value", "options": {str(value): {"text": text}}} for value, text in words.items()]
