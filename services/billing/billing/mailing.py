"""Notices are sent one after the other, beside everything else: a mail server that is away delays nothing but mails."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.errors import HeaderParseError
from email.message import EmailMessage
from typing import Protocol

import structlog

from billing.documents.notice_mail import notice_mail
from billing.domain.notices import ClaimedNotice, Notice, NoticeEnd, Recipient
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.log.processor import Busy
from shared.sql.engine import busy_during_outages

_PAUSE_S = 2.0
# A server that takes no mail is left alone for so long.
_LEFT_ALONE_S = 60.0
log = structlog.get_logger()


class MailRefused(Exception):
    """The mail was not taken. `is_final`: this one never will be. `of_server`: nor would any other be now.

    `reason` names no address.
    """

    def __init__(self, reason: str, *, is_final: bool = False, of_server: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.is_final, self.of_server = reason, is_final, of_server


class MailServer(Protocol):
    """Takes mails. Calls block, for some minutes at most."""

    def send(self, message: EmailMessage) -> None:
        """The server has taken the mail. Raises `MailRefused`."""
        ...


class NoticeQueue(Protocol):
    """Notices that wait. Calls block."""

    def claim(self, now: datetime) -> ClaimedNotice | None:
        """The notice that has been due for the longest, which is this caller's for a while; None where none is due."""
        ...

    def settle(self, id_: str, end: NoticeEnd, now: datetime, *, reason: str = "") -> None:
        """The notice is not tried again."""
        ...

    def try_again(self, claimed: ClaimedNotice, now: datetime, *, reason: str) -> bool:
        """It is tried again later; False where this was the last try, and it has failed."""
        ...


class Mailing:
    """Sends what waits in `queue` to whom `recipient` names, from `sender` and with a link below `public_url`."""

    def __init__(
        self,
        queue: NoticeQueue,
        server: MailServer,
        clock: Clock,
        recipient: Callable[[Notice], Recipient | None],
        *,
        sender: str,
        public_url: str,
    ) -> None:
        self._queue, self._server, self._clock, self._recipient = queue, server, clock, recipient
        self._sender, self._public_url = sender, public_url
        self.heartbeat = Heartbeat("mailing")

    async def run(self, stop: asyncio.Event) -> None:
        """What is due is sent until `stop` is set; while the database is away it looks again."""
        while not stop.is_set():
            self.heartbeat.beat()
            pause_s = _PAUSE_S
            with suppress(Busy), busy_during_outages():
                pause_s = await asyncio.to_thread(self.send_next)
            if pause_s:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause_s)

    def send_next(self) -> float:
        """One notice that is due was sent or refused; how long to wait before the next, in seconds. Blocks."""
        claimed = self._queue.claim(self._clock.now())
        if claimed is None:
            return _PAUSE_S
        notice = claimed.notice
        recipient = self._recipient(notice)
        if recipient is None:
            self._queue.settle(notice.id, "without-address", self._clock.now())
            return 0.0
        try:
            self._server.send(self._mail(notice, recipient))
        except MailRefused as refused:
            return self._refused(claimed, refused)
        self._queue.settle(notice.id, "sent", self._clock.now())
        log.info("mail.sent", council=notice.council, month=str(notice.month), kind=notice.kind)
        return 0.0

    def _mail(self, notice: Notice, recipient: Recipient) -> EmailMessage:
        try:
            return notice_mail(
                notice, recipient, sender=self._sender, public_url=self._public_url, at=self._clock.now()
            )
        except (ValueError, HeaderParseError) as fault:
            raise MailRefused("the address is none", is_final=True, of_server=False) from fault

    def _refused(self, claimed: ClaimedNotice, refused: MailRefused) -> float:
        notice, now = claimed.notice, self._clock.now()
        about = {"council": notice.council, "month": str(notice.month), "kind": notice.kind, "reason": refused.reason}
        if refused.is_final:
            self._queue.settle(notice.id, "failed", now, reason=refused.reason)
        if refused.is_final or not self._queue.try_again(claimed, now, reason=refused.reason):
            log.error("mail.failed", **about)
        else:
            log.warning("mail.refused", tries=claimed.tries, **about)
        return _LEFT_ALONE_S if refused.of_server else 0.0
