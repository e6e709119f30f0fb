"""Instants and times of day as integers, exactly: microseconds since 1970, seconds after midnight."""

from datetime import UTC, datetime, timedelta

from shared.units import EpochMicros, EpochMillis, EpochSeconds

DAY_S = 86_400
SECOND_US = 1_000_000
# 00:00 to 23:59, and with seconds where they are written.
TIME_OF_DAY_PATTERN = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_us(instant: datetime) -> EpochMicros:
    """Microseconds from 1 January 1970 to an aware instant; negative before it."""
    since = instant - _EPOCH
    return EpochMicros((since.days * DAY_S + since.seconds) * SECOND_US + since.microseconds)


def epoch_ms(instant: datetime) -> EpochMillis:
    """Whole milliseconds from 1 January 1970 to an aware instant, rounded down."""
    return EpochMillis(epoch_us(instant) // 1000)


def epoch_s(instant: datetime) -> EpochSeconds:
    """Whole seconds from 1 January 1970 to an aware instant, rounded down."""
    return EpochSeconds(epoch_us(instant) // SECOND_US)


def instant_at(at_us: int) -> datetime:
    """The instant, in UTC, that is `at_us` microseconds after 1 January 1970."""
    return _EPOCH + timedelta(microseconds=at_us)


def instant(at_s: int) -> datetime:
    """The instant, in UTC, that is `at_s` seconds after 1 January 1970."""
    return datetime.fromtimestamp(at_s, UTC)


def maybe_instant(at_s: int | None) -> datetime | None:
    """As `instant`, where there is one."""
    return None if at_s is None else instant(at_s)


def seconds_of_day(text: str) -> int:
    """Seconds after midnight of `16:00` or `16:00:30`; `24:00`, an end, is `DAY_S`."""
    hour, minute, second = (*map(int, text.split(":")), 0)[:3]
    return (hour * 60 + minute) * 60 + second
