"""`tallystick demo tamper`: one pound is changed in a copy of a statement's tally, and the check names it."""

import asyncio
import gzip
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from billing.tally.checking import verify
from billing.tally.records import TallyRecord, TallyStatement, decoder, encoded
from billing.tally.writing import SUFFIX
from shared.clock import WallClock
from shared.money import format_gbp
from shared.period import Month, month_of
from shared.scope import Scope
from tallystick.stack import FolderInUse, Stack, exclusive_use, open_existing_stack

_POUND = 100


class NothingToTamper(Exception):
    """The folder holds no statement with a line that has a price."""


class Tampered(Struct, frozen=True):
    """The tally as it is, the copy in which one pound was changed, what was changed, and what the check says of it."""

    council: str
    month: str
    tally: str
    changed: str
    edit: str
    events: int
    faults: list[str]


async def tamper(folder: Path, council: str | None) -> Tampered:
    """A tally of last month's statement and a changed copy are in `folder`; what is stored stays as it is.

    Raises `NothingToTamper`, and what opening the folder raises.
    """
    async with open_existing_stack(folder) as stack:
        with suppress(FolderInUse), exclusive_use(folder):  # where the demo runs, it reads its log by itself
            await stack.meter()
        month = month_of(WallClock().now()).previous
        content, of = await asyncio.to_thread(_first_tally, stack, month, council)
    name = f"{of}-{month}"
    original, changed = folder / f"{name}.{SUFFIX}", folder / f"{name}.changed.{SUFFIX}"
    lines = gzip.decompress(content).splitlines(keepends=True)
    edited, edit = _with_a_pound_more(lines)
    original.write_bytes(content)
    changed.write_bytes(gzip.compress(b"".join(edited), mtime=0))
    if faults := verify(original).faults:
        raise NothingToTamper(f"the tally as it is does not verify: {faults[0]}")
    found = verify(changed)
    return Tampered(of, str(month), str(original), str(changed), edit, found.events, found.faults)


def tampered_lines(found: Tampered) -> Iterator[str]:
    """For people: what was done, what anybody would see who checks the copy, and how to do it again."""
    yield f"The tally of {found.council} for {found.month}, with {found.events:,} events, verifies: {found.tally}"
    yield f"In a copy, {found.edit}: {found.changed}"
    yield ""
    yield f"$ tallystick verify {found.changed}"
    yield from found.faults
    yield ""
    yield "It ended with 1, as for every file that does not verify. Change the copy as you like and check it again."


def _first_tally(stack: Stack, month: Month, council: str | None) -> tuple[bytes, str]:
    """Of the council, else of the first one that has a statement."""
    billing = stack.billing
    found = billing.statements.statements(month, scope=Scope.all()).statements
    for statement in found:
        if council in (None, statement.council.id) and any(line.amount_pence for line in statement.lines):
            with billing.tallies.file(statement.council.id, month, scope=Scope.all()) as file:
                return file.read(), statement.council.id
    raise NothingToTamper(f"no statement of {council or 'any council'} for {month} has a line with a price")


def _with_a_pound_more(lines: list[bytes]) -> tuple[list[bytes], str]:
    """The tally with a pound more on the dearest line of the statement, and what that is in words."""
    records: list[TallyRecord] = [decoder().decode(line) for line in lines[:2]]
    stated = next(each for each in records if isinstance(each, TallyStatement))
    read: dict[str, Any] = msgspec.json.decode(stated.content)
    service, line = max(
        ((service, line) for service in read["services"] for line in service["lines"]),
        key=lambda each: each[1]["amount_pence"],
    )
    was = line["amount_pence"]
    line["amount_pence"] += _POUND
    content = msgspec.json.encode(read, order="sorted")
    edit = f"{line['charge']} of {service['name']} was changed from {format_gbp(was)} to {format_gbp(was + _POUND)}"
    place = records.index(stated)
    return [*lines[:place], encoded(replace(stated, content=Raw(content))) + b"\n", *lines[place + 1 :]], edit
