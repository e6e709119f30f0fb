"""`python -m sla_monitor rebuild`: live state computed anew, after a look at what that would announce if wanted.

Every instance must be stopped before a rebuild, and not be started again before it says that it is done. With
`--shadow` nothing is changed, and instances may work.
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

_NAMED = 16

log = structlog.get_logger()


async def rebuild(settings: MonitorSettings, arguments: Sequence[str]) -> None:
    """Live state is computed again from the log; with `--shadow` or a digest that does not fit, nothing is done."""
    wanted = _wanted(arguments)
    now = WallClock().now()
    bus = connect(settings.bus)
    # What is approved and what is done must be judged at one instant.
    app = build(settings, bus=bus, clock=FixedClock(now))
    try:
        await bus.ensure_topics(TOPICS)
        if wanted.shadow or wanted.approve:
            events = await app.rebuild.dry_run()
            found = verdict_changes(events)
            await asyncio.to_thread(_tell, found, events, wanted)
        if wanted.approve:
            _require(found, wanted.approve)
            word = Approval(found.digest, now, "rebuild", len(events), wanted.actor, wanted.reason)
            await asyncio.to_thread(app.approvals.add, word)
        if not wanted.shadow:
            await _done(app, announced_for=wanted.approve)
    finally:
        await app.close()
        await bus.close()


async def _done(app: MonitorApp, *, announced_for: str | None) -> None:
    """The rebuild is made. What was approved is announced at once, the rest of the world's news by the next start."""
    if announced_for is None:
        done = await app.rebuild.run()
    else:
        done = await app.rebuild.run(cause=f"rebuild-{announced_for[:_NAMED]}")
        await app.rebuild.announce()
    log.info("sla_monitor.rebuilt", items=done.items, announcements_missing=done.missing)


def _tell(found: VerdictChanges, events: Sequence[VerdictEvent], wanted: argparse.Namespace) -> None:
    lines = [line for council in found.councils for line in (council, *(f"  {each}" for each in found.of(council)))]
    sys.stdout.write("\n".join([*lines, found.sums, f"digest: {found.digest}"]) + "\n")
    if wanted.json is not None:
        shown = msgspec.json.encode({"digest": found.digest, **msgspec.structs.asdict(found)})
        wanted.json.write_bytes(msgspec.json.format(shown) + b"\n")
    if wanted.events is not None:
        wanted.events.write_bytes(b"".join(encode_event(event) + b"\n" for event in events))


def _require(found: VerdictChanges, approved: str) -> None:
    if found.digest != approved:
        raise InvalidSettings(f"this is not what was approved: its digest is {found.digest}; nothing was changed")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidSettings(message)


def _wanted(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="python -m sla_monitor rebuild", description="Compute live state anew from the log.")
    parser.add_argument("--shadow", action="store_true", help="only tell what it would announce")
    parser.add_argument("--approve", metavar="DIGEST", help="what `--shadow` told: announce exactly that")
    parser.add_argument("--reason", type=_reason, help="why; it is kept for ever")
    parser.add_argument("--actor", type=_actor, help="who approves; your login name unless given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict that would be another")
    parser.add_argument("--events", type=Path, metavar="FILE", help="write what would be announced, one a line")
    wanted = parser.parse_args(arguments)
    if wanted.shadow and wanted.approve:
        raise InvalidSettings("expected --shadow, to look, or --approve, to act")
    if (wanted.json or wanted.events) and not (wanted.shadow or wanted.approve):
        raise InvalidSettings("--json and --events are of what --shadow or --approve tells")
    if wanted.approve:
        if wanted.reason is None:
            raise InvalidSettings("--approve needs --reason TEXT")
        wanted.actor = wanted.actor or _login()
    return wanted


def _reason(text: str) -> str:
    given = " ".join(text.split())
    if not 0 < len(given) <= MAX_REASON_LENGTH or not given.isprintable():
        raise argparse.ArgumentTypeError(f"expected 1 to {MAX_REASON_LENGTH} characters")
    return given


def _actor(text: str) -> str:
    if not re.match(ID_PATTERN, text):
        raise argparse.ArgumentTypeError("expected letters, digits and _.-")
    return text


def _login() -> str:
    try:
        return _actor(getpass.getuser())
    except (OSError, KeyError, argparse.ArgumentTypeError) as fault:
        raise InvalidSettings("who approves is not known: name yourself with --actor") from fault
