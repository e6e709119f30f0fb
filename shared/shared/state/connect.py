"""The one place that knows which live state an address means."""

from shared.startup_errors import InvalidSettings
from shared.state.port import MAX_BATCH, StateStore


class UnknownState(InvalidSettings):
    """The address has a scheme that no store of live state answers to."""


def connect(url: str, *, max_batch: int = MAX_BATCH) -> StateStore:
    """The state at `url`: `sqlite:///path/of/file` or `redis://host:port/number` (`rediss://` over TLS).

    `max_batch` is the store's. Raises `UnknownState` for any other scheme.
    """
    match url.partition("://")[0]:
        case "sqlite":
            from shared.sqlite import path_of  # noqa: PLC0415 (each store's needs are imported only when used)
            from shared.state.embedded import EmbeddedStateStore  # noqa: PLC0415 (as above)

            return EmbeddedStateStore(path_of(url), max_batch=max_batch)
        case "redis" | "rediss":
            from shared.state.redis import RedisStateStore  # noqa: PLC0415 (as above)

            return RedisStateStore(url, max_batch=max_batch)
        case scheme:
            raise UnknownState(f"expected STATE_URL to be sqlite:///path or redis://host, got the scheme {scheme!r}")
