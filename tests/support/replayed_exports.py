"""A mapping and an export as texts, replayed by the command into a folder's state: what came of them."""

import asyncio
import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import structs
from typer.testing import CliRunner, Result

from shared.bus.connect import connect
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.items import TicketOpened
from tallystick.command import app
from tallystick.replay.sending import message_of
from tests.support.replays import TICKETS
from tests.support.replays import replay as translated

AS_OF = "2026-08-01T00:00:00Z"
TRIAL = """
trial:
  title: Trial
  provider: {id: desk, name: Desk}
  targets:
    - {id: fix, service: ict, measure: resolution-time, within: 4 hours}
"""
BILLED = """
trial:
  title: Trial
  provider: {id: finance, name: Finance}
"""
PRICED = (
    BILLED
    + """  services:
    - {id: accounts-payable, name: Invoices, group: Finance, unit: line, unit_name: line, counted_by: readings}
  tariffs:
    - id: invoices
      name: Invoices
      service: accounts-payable
      illustrative: true
      charges: [{kind: graduated, name: Lines, tiers: [{price_gbp: "0.01"}]}]
"""
)
HEADER = "number,council,opened,resolved\n"
IN_TIME = "1,adur,2026-03-02T09:00:00,2026-03-02T10:00:00\n"
LATE = "1,adur,2026-03-02T09:00:00,2026-03-05T10:00:00\n"
OPEN, CLOSED = "2,adur,2026-03-02T09:00:00,\n", "2,adur,2026-03-02T09:00:00,2026-03-02T11:00:00\n"
# Tickets whose keys share a partition: more of them than may be quarantined there.
IN_ONE_PARTITION = (26, 30, 64, 72, 94, 99, 125, 126, 144, 145, 150, 151)
FLOOD = [f"K-{number},adur,2026-06-29T09:00:00,\n" for number in IN_ONE_PARTITION]


def replay(folder: Path, mapping: str, text: str, *options: str) -> Result:
    """The text replayed into the folder's state."""
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    (folder / "export.csv").write_text(text, encoding="utf-8")
    given = ("replay", str(folder / "export.csv"), "--mapping", str(folder / "mapping.yaml"), "--as-of", AS_OF)
    env = {"TALLYSTICK_VAR": str(folder / "var"), "COLUMNS": "200"}
    return CliRunner(env=env).invoke(app, [*given, "--verdicts", str(folder / "verdicts.csv"), *options])


def answered(result: Result) -> dict[str, Any]:
    """What was printed for programs."""
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def verdicts(folder: Path) -> dict[str, dict[str, str]]:
    """The lines of the verdict file, by council and item."""
    with (folder / "verdicts.csv").open(encoding="utf-8", newline="") as text:
        return {f"{line['council']}:{line['item']}": line for line in csv.DictReader(text)}


def lines(result: Result) -> list[str]:
    """What was printed, line by line, without what it is set in by."""
    return [line.strip() for line in result.stdout.splitlines()]


def records_of(folder: Path) -> int:
    """How many tickets' events the log holds."""
    with closing(sqlite3.connect(folder / "var/log.db")) as log:
        held: int = log.execute("SELECT sum(next) FROM shards WHERE topic = 'provider.tickets.v1'").fetchone()[0]
    return held


def forge(folder: Path, rows: str) -> None:
    """Somebody else has sent other content under the ids that the events of `rows` will have."""

    async def publish() -> None:
        bus = connect(f"sqlite:///{folder}/var/log.db")
        for timed in translated(folder, TICKETS, HEADER + rows).timed:
            event = decode_event(timed.value)
            assert isinstance(event, TicketOpened)
            forged = structs.replace(event, data=structs.replace(event.data, priority="forged"))
            await bus.publish(timed.topic, [message_of(timed._replace(value=encode_event(forged)))[1]])
        await bus.close()

    asyncio.run(publish())
