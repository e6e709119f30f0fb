"""Time zones as cells name them: honoured, or refused; never dropped, and never those of the machine."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_UTC = frozenset({"UTC", "GMT", "Z"})
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{1,2}):?([0-9]{2})?")
_PARENTHESES = "()[]"


class ZoneNotHonoured(Exception):
    """No instant can be meant by a local time in what is named so."""


def split_zone(text: str) -> tuple[str, str]:
    """A text without its last word, and that word; raises `ValueError` where it is one word."""
    local_text, name = text.rsplit(maxsplit=1)
    return local_text, name.strip(_PARENTHESES)


def zone_named(name: str, own: ZoneInfo, naive: datetime) -> tzinfo:
    """The zone that `name` names beside the local time `naive`, in a file of the zone `own`; raises `ZoneNotHonoured`.

    A name is UTC, an offset, one of the IANA database, or a short one by which `own`'s clocks go at that time: the
    same short names stand for other hours elsewhere.
    """
    if name.upper() in _UTC:
        return UTC
    if (found := _OFFSET.fullmatch(name)) is not None:
        return _fixed(found)
    if "/" in name:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ZoneNotHonoured(f"{name!r} is no time zone") from None
    for fold in (0, 1):
        local = naive.replace(tzinfo=own, fold=fold)
        if local.tzname() == name and (offset := local.utcoffset()) is not None:
            return timezone(offset, name)
    if not name:
        raise ZoneNotHonoured("the cell of its zone is blank")
    raise ZoneNotHonoured(f"the clocks of {own} do not show {name!r} then, and it names no zone")


def _fixed(found: re.Match[str]) -> tzinfo:
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if offset >= timedelta(days=1):
        raise ZoneNotHonoured(f"{found[0]!r} is no offset from UTC")
    return timezone(offset if found[1] == "+" else -offset)
