"""The one place that knows which log an address means."""

from shared.log.port import Bus
from shared.startup_errors import InvalidSettings


class UnknownBus(InvalidSettings):
    """The address leads to no log: its scheme is not known, or the rest of it cannot be read."""


def connect(url: str) -> Bus:
    """The log at `url`: `sqlite:///path/of/file` or `kafka://host:port,…`; raises `UnknownBus` for any other.

    Nothing is connected to before the first use, which must be inside the loop that the log is used in.
    """
    match url.partition("://")[0]:
        case "sqlite":
            from shared.bus.embedded import EmbeddedBus  # noqa: PLC0415 (each log's needs are imported only when used)
            from shared.sqlite import path_of  # noqa: PLC0415 (as above)

            return EmbeddedBus(path_of(url))
        case "kafka" | "kafka+ssl":
            from shared.bus.kafka import KafkaBus  # noqa: PLC0415 (as above)
            from shared.bus.kafka_address import parse  # noqa: PLC0415 (as above)

            return KafkaBus(parse(url))
        case scheme:
            raise UnknownBus(f"expected BUS_URL to be sqlite:///path or kafka://host:port, got the scheme {scheme!r}")
