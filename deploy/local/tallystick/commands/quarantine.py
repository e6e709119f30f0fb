"""`tallystick quarantine`: records that could not be believed are looked at, offered again, or left where they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.quarantine.service import AlreadyDecided, CannotRedrive, NotQuarantined, QuarantineEntry, QuarantineService
from tallystick.commands import desks
from tallystick.commands.deciding import Authorisation, confirm
from tallystick.console import fail, out

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 4_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are meant: those at `places`, or with `every` all open ones, of a service and for a cause."""

    places: Sequence[str]
    service: str | None
    because: str | None
    every: bool


def list_entries(service: str | None, *, because: str | None, decided: bool) -> None:
    """What is open, or all of it, is printed by place."""
    desks.run(_list(service, because=because, decided=decided))


def show(place: str, service: str | None, *, to: Path | None) -> None:
    """The record at `place` is printed, or its bytes are in the file `to`."""
    desks.run(_show(place, service, to=to))


def redrive(wanted: Selection, *, reason: str, actor: str | None, yes: bool) -> None:
    """The records are in the log once more."""
    desks.run(_redrive(wanted, Authorisation.of(actor, reason), yes=yes))


def discard(wanted: Selection, *, reason: str, actor: str | None, yes: bool) -> None:
    """The records will not be offered again."""
    desks.run(_discard(wanted, Authorisation.of(actor, reason), yes=yes))


def accept_flood(shard: str, service: str | None, *, reason: str, actor: str | None, yes: bool) -> None:
    """The shard goes on, in every service that reads it."""
    desks.run(_accept_flood(shard, service, Authorisation.of(actor, reason), yes=yes))


def decisions(service: str | None) -> None:
    """Everything that was ever decided is printed, the oldest first."""
    desks.run(_decisions(service))


def parked(service: str | None) -> None:
    """What waits for the catalogue is printed by council."""
    desks.run(_parked(service))


async def _list(service: str | None, *, because: str | None, decided: bool) -> None:
    async with desks.opened(service) as opened:
        found = await desks.held(opened, because=because, decided=decided)
    for place, held in found.items():
        services = ", ".join(each.quarantine.service for each in held)
        _say(f"{place}  {held[0].entry.record.reason}  {_sent(held[0].entry)}  {services}")
        _say(f"  {held[0].entry.record.detail}")
        _say_decided(held)
    _say(f"{len(found):,} set aside." if decided else f"{len(found):,} open.")


async def _show(place: str, service: str | None, *, to: Path | None) -> None:
    async with desks.opened(service) as opened:
        held = await desks.held_at(opened, place)
    entry = held[0].entry
    value = entry.record.value or b""
    _say(f"{place}  {entry.record.reason}  {_sent(entry)}  {', '.join(each.quarantine.service for each in held)}")
    _say(f"  {entry.record.detail}")
    _say_decided(held)
    _say(f"key: {'none' if entry.record.key is None else _printable(entry.record.key)}")
    if to is not None:
        await asyncio.to_thread(to.write_bytes, value)
        _say(f"{len(value):,} bytes written to {to}.")
    else:
        _say(f"value: {'none' if entry.record.value is None else _printable(value[:_SHOWN])}")
        if len(value) > _SHOWN:
            _say(f"… and {len(value) - _SHOWN:,} bytes more; --to FILE writes all of them.")


async def _redrive(wanted: Selection, word: Authorisation, *, yes: bool) -> None:
    async with desks.opened(wanted.service) as opened:
        found = await _wanted(opened, wanted)
        confirm(f"Offer {_records(len(found))} again?", yes=yes)
        done = 0
        for first, *others in found.values():
            try:
                await first.quarantine.redrive(first.entry, actor=word.actor, reason=word.reason)
            except CannotRedrive as refused:
                _say(f"{refused}.")
                continue
            for other in others:
                await other.quarantine.note_redriven(other.entry, actor=word.actor, reason=word.reason)
            done += 1
    _say(f"{_records(done)} offered again. What cannot be believed is set aside anew.")


async def _discard(wanted: Selection, word: Authorisation, *, yes: bool) -> None:
    async with desks.opened(wanted.service) as opened:
        found = await _wanted(opened, wanted)
        confirm(f"Discard {_records(len(found))}?", yes=yes)
        for each in [each for held in found.values() for each in held]:
            try:
                await each.quarantine.discard(each.entry, actor=word.actor, reason=word.reason)
            except AlreadyDecided as refused:
                fail(f"{refused}.", do="`tallystick quarantine show` tells when and why.")
    _say(f"{_records(len(found))} discarded; the bytes are kept.")


async def _accept_flood(name: str, service: str | None, word: Authorisation, *, yes: bool) -> None:
    shard = desks.shard_of(name)
    async with desks.opened(service) as opened:
        confirm(f"Set aside whatever {shard} holds by now that cannot be believed?", yes=yes)
        accepted = 0
        for quarantine in opened:
            try:
                decision = await quarantine.accept_flood(shard, actor=word.actor, reason=word.reason)
            except NotQuarantined:
                continue
            accepted += 1
            _say(f"{quarantine.service} goes on with {shard}; counting starts again at offset {decision.offset}.")
    if not accepted:
        fail(f"Nobody reads {shard}.", do="Write for example provider.work.v1/3.")


async def _decisions(service: str | None) -> None:
    async with desks.opened(service) as opened:
        told = [(decision, quarantine.service) for quarantine in opened for decision in await quarantine.decisions()]
    for decision, name in sorted(told, key=lambda each: each[0].decided_at):
        at = f"{decision.decided_at:%Y-%m-%d %H:%M:%S}Z"
        _say(
            f"{at}  {decision.action}  {decision.shard}@{decision.offset}  {name}  {decision.actor}: {decision.reason}"
        )


async def _parked(service: str | None) -> None:
    async with desks.readers(service) as apps:
        found = [(app.quarantine.service, each) for app in apps for each in await app.parked()]
    for name, each in found:
        _say(f"{each.council}  {_records(each.records)} since {each.oldest}, for its {each.waits_for}  {name}")
    _say("Nothing waits." if not found else "They count as soon as the catalogue knows it.")


async def _wanted(opened: Sequence[QuarantineService], wanted: Selection) -> desks.Places:
    if wanted.every == bool(wanted.places):
        fail("Which records is not clear.", do="Name their places, or all open ones with --all.")
    if wanted.every:
        return await desks.held(opened, because=wanted.because, decided=False)
    return {place: await desks.held_at(opened, place) for place in wanted.places}


def _say_decided(held: Sequence[desks.QuarantinedBy]) -> None:
    for each in held:
        if (decision := each.entry.decision) is not None:
            at = f"{decision.decided_at:%Y-%m-%d %H:%M}Z"
            _say(f"  {decision.action} at {each.quarantine.service} on {at} by {decision.actor}: {decision.reason}")


def _sent(entry: QuarantineEntry) -> str:
    """When the record was sent, where its timestamp is an instant at all."""
    try:
        return f"{_EPOCH + timedelta(milliseconds=entry.record.timestamp_ms):%Y-%m-%d %H:%M:%S}Z"
    except OverflowError:
        return "no instant"


def _printable(sent: bytes) -> str:
    """The bytes as text that no terminal obeys."""
    text = sent.decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _say(line: str) -> None:
    out.print(line, highlight=False, markup=False, soft_wrap=True)
