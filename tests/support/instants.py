"""Instants as people write them, with the weekday, so that a table of rules can be read without a calendar."""

from datetime import datetime
from zoneinfo import ZoneInfo


def epoch(text: str, *, zone: str = "Europe/London", second_pass: bool = False) -> int:
    """Epoch seconds of `Fri 2026-03-27 16:59` (or `…:59:30`) on the wall clock of `zone`.

    Fails where the weekday is not that of the date. `second_pass` chooses the later of two where clocks go back.
    """
    weekday, _, rest = text.partition(" ")
    local = datetime.fromisoformat(rest).replace(tzinfo=ZoneInfo(zone), fold=int(second_pass))
    assert f"{local:%a}" == weekday, f"{rest} is a {local:%A}"
    return int(local.timestamp())


def written(at: int | None, *, zone: str = "Europe/London") -> str | None:
    """The other way round: `Fri 2026-03-27 16:59:00`, or None."""
    return None if at is None else f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%a %Y-%m-%d %H:%M:%S}"
