"""`tallystick explain`: why an item's verdicts are what they are, in words."""

import asyncio
from pathlib import Path

import msgspec

from shared.clock import WallClock
from sla_monitor.reports.item_text import item_text, verdict_svg
from sla_monitor.reports.items import ItemAnswer
from sla_monitor.schemas import ItemReport, item_report
from tallystick.console import err, fail, out
from tallystick.stack import open_stack


def explain(item: str, *, council: str | None, as_json: bool, pictures: Path | None, folder: Path) -> None:
    """The item's verdicts and the stretches of time behind them are printed; `pictures` gets an SVG of each clock."""
    found = asyncio.run(_find(item, council, folder))
    if not found:
        fail(
            f"No item {item!r} is known here.", do=f"State was read from {folder}; TALLYSTICK_VAR names another folder."
        )
    if len(found) > 1:
        councils = ", ".join(answer.council for answer in found)
        fail(f"More than one council has an item {item!r}: {councils}.", do="Add --council.")
    body = item_report(found[0])
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(body)).decode())  # noqa: T201 (for other programs: no console marks)
    else:
        for line in item_text(body):
            out.print(line, highlight=False, markup=False, soft_wrap=True)
    if pictures is not None:
        _draw(body, pictures)


async def _find(item: str, council: str | None, folder: Path) -> list[ItemAnswer]:
    async with open_stack(folder, clock=WallClock()) as stack:
        await stack.monitor.learn()
        return await stack.monitor.questions.items(item, council=council)


def _draw(item: ItemReport, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for verdict in item.verdicts:
        drawn = verdict_svg(verdict)
        if drawn is not None:
            path = folder / f"{item.item}-{verdict.target}-{verdict.cycle}.svg"
            path.write_text(drawn, encoding="utf-8")
            err.print(str(path), highlight=False)
