"""`tallystick export`: what other tools and other people read, as files."""

import asyncio
from pathlib import Path

from shared.clock import WallClock
from shared.period import InvalidMonth, Month
from sla_monitor.api.exports import openslo_yaml
from sla_monitor.reports.evidence import NoSuchCouncil, VerdictsChanging
from tallystick.console import fail, out
from tallystick.stack import open_stack


def export_openslo(*, council: str | None, to: Path | None, folder: Path) -> None:
    """The targets are in `to`, or printed, as a YAML stream of OpenSLO v1 documents."""
    text = asyncio.run(_openslo(council, folder))
    if not text:
        fail("No agreement has a target with an objective.", do=f"State was read from {folder}.")
    if to is None:
        print(text, end="")  # noqa: T201 (for other programs: no console marks)
    else:
        _write(to, text.encode())


def export_evidence(council: str, month: str, *, to: Path | None, folder: Path) -> None:
    """The evidence of a council's month is in a file; `tallystick verify verdicts` judges it again."""
    try:
        wanted = str(Month.parse(month))
    except InvalidMonth as fault:
        fail(f"{fault}.", do="Nothing was written.")
    try:
        content = asyncio.run(_evidence(council, wanted, folder))
    except NoSuchCouncil as fault:
        fail(f"{fault}.", do=f"State was read from {folder}; `tallystick load` adds agreements.")
    except VerdictsChanging as fault:
        fail(f"{fault}.", do="Let the services come to rest, and export again.")
    _write(to or Path(f"evidence-{council}-{wanted}.jsonl"), content)


async def _openslo(council: str | None, folder: Path) -> str:
    async with open_stack(folder, clock=WallClock()) as stack:
        await stack.monitor.learn()
        documents = stack.monitor.questions.openslo(council=council)
        return openslo_yaml(documents) if documents else ""


async def _evidence(council: str, month: str, folder: Path) -> bytes:
    async with open_stack(folder, clock=WallClock()) as stack:
        await stack.monitor.learn()
        return await stack.monitor.evidence_room.evidence(council, month)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    out.print(str(path), highlight=False, soft_wrap=True)
