"""A table of a dashboard: a row for each combination of labels, a column for each query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.dashboards.panels import Json, Link, Panel, instant, words_for


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a table's rows; `words` stand in the place of some values."""

    title: str
    expr: str
    unit: str
    decimals: int | None = None
    words: Mapping[int, str] = field(default_factory=dict)


def table(
    title: str,
    description: str,
    *columns: Column,
    labels: Sequence[str],
    sort: str,
    descending: bool = False,
    hidden: Sequence[str] = (),
    links: Sequence[Link] = (),
    width: int = 24,
) -> Panel:
    """Rows of now, one for each combination of `labels`, which every column's query answers by; sorted by a column.

    The first label's cell has the `links`; `hidden` labels are there for links alone.
    """
    shown = [label for label in labels if label not in hidden]
    values = {f"Value #{chr(ord('A') + place)}": column.title for place, column in enumerate(columns)}
    if len(columns) == 1:
        values = {"Value": columns[0].title}
    names = [*labels, *values]
    overrides = [_override(column.title, _properties(column)) for column in columns]
    overrides.append(_override(shown[0], {"links": [link.to_json() for link in links]}))
    overrides += [_override(label, {"custom.hidden": True}) for label in hidden]
    organised: Json = {
        "excludeByName": {"Time": True},
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": values,
    }
    return Panel(
        type="table",
        title=title,
        description=description,
        unit=columns[0].unit,
        targets=[instant(column.expr, as_table=True) for column in columns],
        options={"showHeader": True, "sortBy": [{"displayName": sort, "desc": descending}]},
        overrides=overrides,
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organised}],
        width=width,
    )


def _properties(column: Column) -> Json:
    decimals: Json = {} if column.decimals is None else {"decimals": column.decimals}
    words: Json = {"mappings": words_for(column.words)} if column.words else {}
    return {"unit": column.unit, **decimals, **words}


def _override(name: str, properties: Json) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }
