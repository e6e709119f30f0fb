"""`tallystick what-if`: what a draft would have made of past months. Nothing is stored or announced."""

import asyncio
from pathlib import Path
from typing import NoReturn

import msgspec
from rich.markup import escape
from rich.table import Table

from shared.clock import WallClock
from shared.faults import Fault, LocatedFault, position_of
from shared.json_values import NotStrictJson, strict_json
from shared.period import InvalidMonth, Month
from shared.validation import InvalidValue, validated
from shared.yaml_values import YamlValues, read_yaml
from sla_monitor.api.what_if import WhatIfAnswer, what_if_answer
from sla_monitor.reports.what_if import UnusableDraft
from sla_monitor.trial.draft import Draft, WhatIfFindings
from tallystick.console import fail, out, progress
from tallystick.stack import open_stack

_HELP = "docs/corrections.md describes drafts. Nothing was stored."
_SHOWN = 20


def what_if(file: Path, *, first: str, last: str, as_json: bool, folder: Path) -> None:
    """Attainment under the draft of `file` is printed beside what was announced; `--json` lists every change."""
    try:
        months = Month.parse(first), Month.parse(last)
    except InvalidMonth as fault:
        fail(f"{fault}.", do=_HELP)
    if months[1] < months[0]:
        fail(f"{last} is before {first}.", do=_HELP)
    draft, values = _draft(file)
    try:
        findings = asyncio.run(_asked(draft, str(months[0]), str(months[1]), folder))
    except UnusableDraft as refused:
        _refuse(list(refused.faults), values)
    answer = what_if_answer(findings, most_listed=len(findings.changed) if as_json else _SHOWN)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(answer)).decode())  # noqa: T201 (for other programs: no console marks)
    else:
        _print(answer)


def _draft(file: Path) -> tuple[Draft, YamlValues]:
    try:
        raw = file.read_bytes()
        values = YamlValues(strict_json(raw)) if file.suffix == ".json" else read_yaml(raw.decode())
        draft = validated(values.value, Draft)
    except (NotStrictJson, UnicodeDecodeError) as fault:
        fail(f"{escape(file.name)}: {escape(str(fault))}.", do=_HELP)
    except InvalidValue as refused:
        _refuse([*values.faults, *refused.faults], values)
    if values.faults:
        _refuse(values.faults, values)
    return draft, values


def _refuse(faults: list[Fault], values: YamlValues) -> NoReturn:
    located = [LocatedFault(fault, position_of(fault.path, values.positions)) for fault in faults]
    fail("\n".join(escape(str(fault)) for fault in located), do=_HELP)


async def _asked(draft: Draft, first: str, last: str, folder: Path) -> WhatIfFindings:
    async with open_stack(folder, clock=WallClock()) as stack:
        await stack.monitor.learn()
        with progress() as bars:
            bar = bars.add_task("Judging by the draft", total=await stack.monitor.what_if.items())
            return await stack.monitor.what_if.ask(
                draft, first_month=first, last_month=last, seen=lambda done: bars.update(bar, completed=done)
            )


def _print(answer: WhatIfAnswer) -> None:
    table = Table(title="As announced, and under the draft")
    table.add_column("Council")
    table.add_column("Target")
    for heading in ("Kept", "Missed", "Kept (draft)", "Missed (draft)"):
        table.add_column(heading, justify="right")
    for row in answer.targets:
        kept, missed = f"{row.good} of {row.total}", str(row.misses)
        table.add_row(
            row.council, row.target, kept, missed, f"{row.draft_good} of {row.draft_total}", str(row.draft_misses)
        )
    out.print(table)
    out.print(f"{answer.changed:,} verdicts of {answer.items:,} items would be others.", highlight=False)
    for each in answer.listed:
        cycle = f", cycle {each.cycle}" if each.cycle > 1 else ""
        was, now = each.was or "not counted", each.now or "not counted"
        out.print(f"  {each.council} {each.item}, {each.target}{cycle}: {was} → {now}", highlight=False, markup=False)
    if answer.changed > len(answer.listed):
        out.print("  … --json lists them all", highlight=False, markup=False)
