"""`python -m sla_monitor rebuild`: live state computed again from the log, after a dry run if wanted.

Every instance must be stopped before a rebuild, and not be started again before it says that it is done. With
`--dry-run` nothing is changed, and instances may run.
"""

import argparse
import asyncio
import getpass
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
import structlog

from shared.bus.connect import connect
from shared.clock import FixedClock, WallClock
from shared.contracts.codec import encode_event
from shared.contracts.scalars import ID_PATTERN
from shared.contracts.topics import TOPICS
from shared.contracts.verdicts import VerdictEvent
from shared.sql.approvals import Approval
from shared.sql.columns import MAX_REASON_LENGTH
from shared.startup_errors import InvalidSettings
from sla_monitor.app import MonitorApp, build
from sla_monitor.domain.verdict_changes import VerdictChanges, verdict_changes
from sla_monitor.settings import MonitorSettings

# Of the approved digest, so many characters are in the cause that corrections name.
_DIGEST_CHARS = 16

log = structlog.get_logger()


async def rebuild(settings: MonitorSettings, arguments: Sequence[str]) -> None:
    """Live state is computed again from the log; a dry run, or another digest than approved, changes nothing."""
    options = _options(arguments)
    now = WallClock().now()
    bus = connect(settings.bus)
    # What is approved and what is done must be judged at one instant.
    app = build(settings, bus=bus, clock=FixedClock(now))
    try:
        await bus.ensure_topics(TOPICS)
        if options.dry_run or options.approve:
            events = await app.rebuild.dry_run()
            changes = verdict_changes(events)
            await asyncio.to_thread(_report, changes, events, options)
        if options.approve:
            _require(changes, options.approve)
            approval = Approval(changes.digest, now, "rebuild", len(events), options.actor, options.reason)
            await asyncio.to_thread(app.approvals.add, approval)
        if not options.dry_run:
            await _run(app, approved=options.approve)
    finally:
        await app.close()
        await bus.close()


async def _run(app: MonitorApp, *, approved: str | None) -> None:
    """Live state is rebuilt. What was approved is announced at once, anything else by the next start."""
    if approved is None:
        result = await app.rebuild.run()
    else:
        result = await app.rebuild.run(cause=f"rebuild-{approved[:_DIGEST_CHARS]}")
        await app.rebuild.announce()
    log.info("sla_monitor.rebuilt", items=result.items, announcements_missing=result.missing)


def _report(changes: VerdictChanges, events: Sequence[VerdictEvent], options: argparse.Namespace) -> None:
    lines = [line for council in changes.councils for line in (council, *(f"  {each}" for each in changes.of(council)))]
    sys.stdout.write("\n".join([*lines, changes.sums, f"digest: {changes.digest}"]) + "\n")
    if options.json is not None:
        report = msgspec.json.encode({"digest": changes.digest, **msgspec.structs.asdict(changes)})
        options.json.write_bytes(msgspec.json.format(report) + b"\n")
    if options.events is not None:
        options.events.write_bytes(b"".join(encode_event(event) + b"\n" for event in events))


def _require(changes: VerdictChanges, approved: str) -> None:
    if changes.digest != approved:
        raise InvalidSettings(f"this is not what was approved: its digest is {changes.digest}; nothing was changed")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidSettings(message)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="python -m sla_monitor rebuild", description="Compute live state again from the log.")
    parser.add_argument("--dry-run", action="store_true", help="only print what it would announce")
    parser.add_argument("--approve", metavar="DIGEST", help="what `--dry-run` printed: announce exactly that")
    parser.add_argument("--reason", type=_reason, help="why; it is kept for ever")
    parser.add_argument("--actor", type=_actor, help="who approves; your login name unless given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict that would change")
    parser.add_argument("--events", type=Path, metavar="FILE", help="write what would be announced, one a line")
    options = parser.parse_args(arguments)
    if options.dry_run and options.approve:
        raise InvalidSettings("expected --dry-run or --approve, not both")
    if (options.json or options.events) and not (options.dry_run or options.approve):
        raise InvalidSettings("--json and --events need --dry-run or --approve")
    if options.approve:
        if options.reason is None:
            raise InvalidSettings("--approve needs --reason TEXT")
        options.actor = options.actor or _login()
    return options


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not 0 < len(reason) <= MAX_REASON_LENGTH or not reason.isprintable():
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_REASON_LENGTH} characters")
    return reason


def _actor(text: str) -> str:
    if not re.match(ID_PATTERN, text):
        raise argparse.ArgumentTypeError("expected letters, digits and _.-")
    return text


def _login() -> str:
    try:
        return _actor(getpass.getuser())
    except (OSError, KeyError, argparse.ArgumentTypeError) as fault:
        raise InvalidSettings("nobody knows who approves: name yourself with --actor") from fault
