"""`tallystick what-if`: what a draft would have made of past months. Nothing is stored or published."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from shared.period import Month
from shared.scope import Scope
from shared.web.formats import counted
from tallystick.console import answer, fail, progress, var_folder
from tallystick.options import Json, input_file, read_month
from tallystick.servers import RequestRefused, ServiceApi, service_api
from tallystick.stack import open_as_judged

if TYPE_CHECKING:
    from rich.table import Table

    from shared.faults import Fault
    from shared.yaml_values import YamlValues
    from sla_monitor.trial.draft import Draft, WhatIfFindings
    from sla_monitor.trial.what_if import WhatIfAnswer

_HELP = "docs/corrections.md describes drafts. Nothing was stored."
_SHOWN = 20

app = typer.Typer(add_completion=False)


@app.command()
def what_if(
    draft: Annotated[Path, input_file("YAML, or JSON in a file named *.json.")],
    first: Annotated[Month, typer.Option("--from", parser=read_month, metavar="MONTH", help="The first month.")],
    last: Annotated[Month, typer.Option("--to", parser=read_month, metavar="MONTH", help="The last month, included.")],
    as_json: Json = False,
) -> None:
    """Attainment under the draft (YAML, or JSON if named *.json) is printed beside what was published.

    With --json, every verdict that changes is listed; services on servers list the first 1,000 of them.
    """
    from sla_monitor.trial.what_if import UnusableDraft, what_if_answer

    if last < first:
        fail(f"{last} is before {first}.", do=_HELP)
    wanted, values = _read(draft)
    if (api := service_api("POST /v1/what-if/targets")) is not None:
        found = _asked(api, wanted, values, str(first), str(last))
    else:
        try:
            findings = asyncio.run(_ask(wanted, str(first), str(last)))
        except UnusableDraft as refused:
            _refuse(refused.faults, values)
        found = what_if_answer(findings, max_listed=len(findings.changed) if as_json else _SHOWN)
    answer(found, _lines(found), as_json=as_json)


def _asked(api: ServiceApi, draft: "Draft", values: "YamlValues", first: str, last: str) -> "WhatIfAnswer":
    import msgspec

    from shared.faults import Fault, path_of
    from sla_monitor.trial.what_if import WhatIfAnswer, WhatIfRequest

    try:
        found = api.post("what-if", "targets", body=WhatIfRequest(draft, first, last))
    except RequestRefused as refused:
        located = [(path_of(each.pointer or ""), each.detail) for each in refused.problem.errors]
        if not located:
            raise
        _refuse([Fault(path[1:] if path[:1] == ("draft",) else path, detail) for path, detail in located], values)
    return msgspec.json.decode(found, type=WhatIfAnswer)


def _read(file: Path) -> "tuple[Draft, YamlValues]":
    from shared.json_values import strict_json
    from shared.validation import InvalidValue, validated
    from shared.yaml_values import YamlValues, read_yaml
    from sla_monitor.trial.draft import Draft

    raw = file.read_bytes()
    try:
        values = YamlValues(strict_json(raw)) if file.suffix == ".json" else read_yaml(raw.decode())
        draft = validated(values.value, Draft)
    except UnicodeDecodeError:
        fail(f"{file.name} is not UTF-8.", do=_HELP)
    except InvalidValue as refused:
        _refuse([*values.faults, *refused.faults], values)
    if values.faults:
        _refuse(values.faults, values)
    return draft, values


def _refuse(faults: "Sequence[Fault]", values: "YamlValues") -> NoReturn:
    from shared.faults import LocatedFault, listed, position_of

    located = [LocatedFault(fault, position_of(fault.path, values.positions)) for fault in faults]
    fail("\n".join(listed(located)), do=_HELP)


async def _ask(draft: "Draft", first: str, last: str) -> "WhatIfFindings":
    scope = Scope.all()
    async with open_as_judged(var_folder()) as stack:
        await stack.monitor.catch_up()
        with progress() as bars:
            bar = bars.add_task("Evaluating under the draft", total=await stack.monitor.what_if.count_items(scope))
            return await stack.monitor.what_if.ask(
                draft, scope, first_month=first, last_month=last, report=lambda done: bars.update(bar, completed=done)
            )


def _lines(found: "WhatIfAnswer") -> "Iterator[str | Table]":
    from rich.table import Table

    table = Table(title="As published, and under the draft")
    table.add_column("Council")
    table.add_column("Agreement")
    table.add_column("Target")
    for heading in ("Met", "Missed", "Met (draft)", "Missed (draft)"):
        table.add_column(heading, justify="right")
    for row in found.targets:
        met, draft_met = f"{row.good} of {row.total}", f"{row.draft_good} of {row.draft_total}"
        table.add_row(row.council, row.agreement, row.target, met, str(row.misses), draft_met, str(row.draft_misses))
    yield table
    yield f"{counted(found.changed, 'verdict')} of {counted(found.items, 'item')} would change."
    if found.failed_items:
        yield f"{counted(found.failed_items, 'item')} failed under the draft, and in no figure: a bug in Tallystick."
    for each in found.listed[:_SHOWN]:
        cycle = f", cycle {each.cycle}" if each.cycle > 1 else ""
        was, now = each.was or "not counted", each.now or "not counted"
        yield f"  {each.council} {each.item}, {each.agreement}, {each.target}{cycle}: {was} → {now}"
    if found.changed > _SHOWN:
        yield "  … --json lists more"
