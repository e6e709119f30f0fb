"""`tallystick load`: a partnership's file is in the catalogue."""

import asyncio
from pathlib import Path

from catalogue.adapters.partnership_files import UnknownPartnershipFile, example_names
from catalogue.domain.submission import InvalidSubmission
from catalogue.handlers import RecordResult
from shared.clock import WallClock
from tallystick.console import fail, out
from tallystick.stack import ACTOR, open_stack


def load(name_or_path: str, *, folder: Path) -> None:
    """The file's definitions are recorded and announced; what was there already is not recorded again."""
    recorded = asyncio.run(_load(name_or_path, folder))
    for kind, name, version in recorded.added:
        out.print(f"  {kind} {name}, version {version}", highlight=False)
    out.print(f"{len(recorded.added)} versions added, {recorded.unchanged} unchanged.", highlight=False)
    for warning in recorded.warnings:
        out.print(f"[yellow]{warning}[/]", highlight=False)


async def _load(name_or_path: str, folder: Path) -> RecordResult:
    async with open_stack(folder, clock=WallClock()) as stack:
        try:
            recorded = await asyncio.to_thread(stack.catalogue.load, name_or_path, actor=ACTOR)
        except UnknownPartnershipFile as fault:
            fail(str(fault), do=f"Shipped examples: {', '.join(example_names())}. Nothing was recorded.")
        except InvalidSubmission as refused:
            faults = "\n".join(str(fault) for fault in refused.faults)
            fail(faults, do=f"Nothing of {name_or_path} was recorded. docs/partnership-files.md describes the file.")
        await stack.catalogue.announce()
        return recorded
