"""`tallystick explain`: why an item's verdicts are what they are, in words."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.contracts.scalars import Stream
from shared.scope import Scope
from tallystick.console import answer, err, fail, var_folder, write_file
from tallystick.options import Json
from tallystick.servers import ADDRESS, RequestRefused, ServiceApi, service_api
from tallystick.stack import open_as_judged

if TYPE_CHECKING:
    from sla_monitor.reports.item_report import ItemAnswer, ItemReport

app = typer.Typer(add_completion=False)


@app.command()
def explain(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    item: Annotated[str, typer.Argument(help="The item's id, or its number in the export.")],
    council: Annotated[str | None, typer.Option(help="Whose item, where several councils use the id.")] = None,
    stream: Annotated[
        Stream | None, typer.Option(help="Which item, where a ticket and a work item share an id.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Draw each clock as SVG into this folder.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Print every segment of time, not a page.")] = False,
    as_json: Json = False,
) -> None:
    """The item's verdicts and the time behind them are printed; `pictures` gets an SVG of each clock."""
    from sla_monitor.reports.item_report import item_report
    from sla_monitor.reports.item_text import item_text
    from sla_monitor.reports.items import verdict_chart
    from tallystick.replay.ids import plain_item_id

    item = plain_item_id(item) or item
    if (api := service_api(f"GET /v1/items/{item}")) is not None:
        report = _asked(api, item, council, stream)
    else:
        report = item_report(asyncio.run(_only(item, council, stream)))
    drawings = [] if pictures is None else [(each, verdict_chart(each)) for each in report.verdicts]
    for verdict, drawn in drawings:
        if pictures is not None and drawn is not None:
            path = pictures / f"{report.item}-{verdict.agreement}-{verdict.target}-{verdict.cycle}.svg"
            write_file(path, str(drawn).encode())
            err.print(str(path))
    answer(report, item_text(report, long=long), as_json=as_json)


def _asked(api: ServiceApi, item: str, council: str | None, stream: Stream | None) -> "ItemReport":
    import msgspec

    from sla_monitor.reports.item_report import ItemReport

    try:
        found = api.get("items", item, query={"council": council, "stream": stream})
    except RequestRefused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            fail(f"There is no item {item!r}.", do=f"Asked: {refused.call}. {ADDRESS} names another address.")
        if refused.status == HTTPStatus.CONFLICT:
            fail(f"More than one item is called {item!r}: {refused}.", do="Add --council or --stream.")
        raise
    return msgspec.json.decode(found, type=ItemReport)


async def _only(item: str, council: str | None, stream: Stream | None) -> "ItemAnswer":
    from sla_monitor.reports.items import find_items, find_items_by_scan, items_text

    async with open_as_judged(var_folder()) as stack:
        await stack.monitor.catch_up()
        sources = stack.monitor.sources
        found = await find_items(sources, await sources.narrowed(Scope.all(), council), item, stream=stream)
        if not found and council is None:
            found = await find_items_by_scan(sources, item, stream=stream)
    if not found:
        fail(f"There is no item {item!r}.", do=f"State was read from {var_folder()}; TALLYSTICK_VAR names another.")
    if len(found) > 1:
        fail(f"More than one item is called {item!r}: {items_text(found)}.", do="Add --council or --stream.")
    return found[0]
