"""The one place that knows which live state an address means."""

from shared.startup_errors import InvalidSettings
from shared.state.port import StateStore


class UnknownState(InvalidSettings):
    """The address has a scheme that no store of live state answers to."""


def connect(url: str) -> StateStore:
    """The state at `url`: `sqlite:///path/of/file` or `redis://host:port/number` (`rediss://` over TLS).

    Raises `UnknownState` for any other scheme.
    """
    match url.partition("://")[0]:
        case "sqlite":
            from shared.sqlite import path_of  # noqa: PLC0415 (each store's needs are imported only when used)
            from shared.state.embedded import EmbeddedStateStore  # noqa: PLC0415 (as above)

            return EmbeddedStateStore(path_of(url))
        case "redis" | "rediss":
            from shared.state.redis import RedisStateStore  # noqa: PLC0415 (as above)

            return RedisStateStore(url)
        case scheme:
            raise UnknownState(f"expected STATE_URL to be sqlite:///path or redis://host, got the scheme {scheme!r}")
