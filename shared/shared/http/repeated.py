"""What is done over and over by programs and by strangers, for the audit log: bounded, however often it is done.

Tokens that are issued, and refusals of callers whom nobody knows. Of each kind the first in a minute is recorded before
it is answered; how often it was done again in that minute is counted, and recorded with what comes next. Strangers are
distinguished by the network they call from, not by their address, which is personal data that would be kept for ever.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Network, ip_network
from typing import Any

from starlette.requests import Request
from starlette.types import Message, Scope

from shared.audit import AuditRecord
from shared.http.rates import Networks, client_address

_MINUTE_US = 60_000_000
MOST_IN_A_MINUTE = 20
_OTHERS = "others"
_ISSUED_TO = "tallystick.issued-to"
_KNOWN_BITS = {4: 24, 6: 48}
# What a public path's refusals are called, by their statuses.
_REFUSED: Mapping[tuple[str, int], str] = {
    ("/v1/token", 401): "token-refused",
    ("/v1/token", 429): "token-refused",
    ("/sign-in/start", 429): "sign-in-failed",
    ("/sign-in/return", 400): "sign-in-failed",
    ("/sign-in/return", 429): "sign-in-failed",
}


def issued_to(request: Request, name: str) -> None:
    """The answer to the request is a token for `name`."""
    request.scope[_ISSUED_TO] = name


def repeated(scope: Scope, start: Message, *, is_known: bool, at_us: int, trusted: Networks) -> AuditRecord | None:
    """What an answer that begins so is, where it is of one of these kinds."""
    status, name = start["status"], scope.get(_ISSUED_TO)
    if name is not None and status == 200:
        return AuditRecord(at_us=at_us, actor=name, action="token-issued", subject=f"client:{name}")
    action = _REFUSED.get((scope["path"], status), "refused" if status == 401 and not is_known else None)
    if action is None:
        return None
    network = network_of(client_address(Request(scope), trusted))
    return AuditRecord(at_us=at_us, actor="unknown", action=action, subject=f"from:{network}")


def network_of(address: str) -> str:
    """The network of an address, or of an IPv6 site, that distinguishes strangers; `nowhere` for what is none."""
    try:
        found = ip_network(address)
    except ValueError:
        return "nowhere"
    bits = _KNOWN_BITS[6 if isinstance(found, IPv6Network) else 4]
    return str(found.supernet(new_prefix=min(bits, found.prefixlen)))


class RepeatedActs:
    """What is to be recorded now; called by one event loop."""

    def __init__(self) -> None:
        self._minute = 0
        self._again: dict[tuple[str, str, str], int] = {}

    def add(self, record: AuditRecord) -> Sequence[AuditRecord]:
        """The record where it is the first of its kind in this minute; after what is `due`."""
        due = self.due(record.at_us)
        key: Any = (record.action, record.actor, record.subject)
        if key not in self._again and len(self._again) >= MOST_IN_A_MINUTE:
            key = (record.action, _OTHERS, _OTHERS)
            record = AuditRecord(at_us=record.at_us, actor=_OTHERS, action=record.action, subject=_OTHERS)
        if key in self._again:
            self._again[key] += 1
            return due
        self._again[key] = 0
        return [*due, record]

    def due(self, at_us: int) -> Sequence[AuditRecord]:
        """How often each was done again in a minute that is over by then."""
        minute, ended_us = at_us // _MINUTE_US, (self._minute + 1) * _MINUTE_US
        if minute == self._minute:
            return []
        counted, self._again, self._minute = self._again, {}, minute
        return [
            AuditRecord(at_us=ended_us, actor=actor, action=action, subject=subject, details={"again": str(times)})
            for (action, actor, subject), times in counted.items()
            if times
        ]
