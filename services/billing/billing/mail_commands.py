"""Commands for the mails to councils that were given up: which they are, and to send them again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from billing.settings import BillingSettings
from billing.store.notices import SqlNotices
from shared.clock import WallClock
from shared.period import Month
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from shared.startup_errors import InvalidSettings

_MOST_ARGUMENTS = 2
log = structlog.get_logger()


async def mails(settings: BillingSettings, arguments: Sequence[str]) -> None:
    """Each mail that was not sent and is not tried again is printed: council, month, what about, why."""
    if arguments:
        raise InvalidSettings("expected `mails` alone")
    with _notices(settings) as notices:
        for each in notices.failed():
            about = (
                each.notice.council,
                str(each.notice.month),
                each.notice.kind,
                each.reason or "no address is known",
            )
            print(*about, sep="\t")  # noqa: T201 (for whoever asked)


async def send_again(settings: BillingSettings, arguments: Sequence[str]) -> None:
    """The mails that were not sent wait again: all, those of a council, or those of one of its months."""
    if len(arguments) > _MOST_ARGUMENTS:
        raise InvalidSettings("expected `send-again`, with a council and a month after it if you like")
    council = arguments[0] if arguments else None
    month = _month(arguments[1]) if len(arguments) == _MOST_ARGUMENTS else None
    with _notices(settings) as notices:
        log.info("mail.sent_again", mails=notices.send_again(WallClock().now(), council=council, month=month))


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as fault:
        raise InvalidSettings(f"expected a month like 2026-03, got {text}") from fault


@contextmanager
def _notices(settings: BillingSettings) -> Iterator[SqlNotices]:
    engine = Database.at(settings.database).workers
    try:
        prepare(engine, "billing")
        yield SqlNotices(engine)
    finally:
        engine.dispose()
