"""What a `kafka://` address says: where the brokers are, and how to speak to them."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from shared.startup_errors import InvalidSettings

_TLS = {"kafka": False, "kafka+ssl": True}
_DEFAULT_PORT = 9092
_MECHANISMS = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})
_DEFAULT_MECHANISM = "SCRAM-SHA-512"
_OPTIONS = frozenset({"mechanism", "ca", "session_s"})
# After this time a group gives a silent member's shards to others. Three heartbeats of a second fit into the shortest.
_DEFAULT_SESSION_S = 10
_SESSIONS_S = range(3, 61)


class UnusableAddress(InvalidSettings):
    """The address does not say how to reach a Kafka. The message does not repeat its credentials."""


@dataclass(frozen=True, slots=True)
class Login:
    """The user and password for the brokers, by SASL."""

    user: str
    password: str
    mechanism: str

    def __repr__(self) -> str:
        """Without the password, because addresses end up in tracebacks."""
        return f"Login(user={self.user!r}, mechanism={self.mechanism!r})"


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Brokers as `host:port`. `ca_file` names the certificates to trust; None trusts those of the system.

    A member of a group that is silent for `session_s` is taken for dead.
    """

    brokers: tuple[str, ...]
    tls: bool = False
    ca_file: str | None = None
    login: Login | None = None
    session_s: int = _DEFAULT_SESSION_S


def parse(url: str) -> KafkaAddress:
    """`kafka[+ssl]://[user:password@]host[:port][,host[:port] …][?mechanism=…&ca=…&session_s=…]`, or `UnusableAddress`.

    Characters of the user and the password that mean something in an address are written as `%40` and the like.
    """
    split = urlsplit(url)
    if split.scheme not in _TLS:
        raise UnusableAddress(f"expected kafka:// or kafka+ssl://, got {split.scheme}://")
    credentials, _, hosts = split.netloc.rpartition("@")
    options = {name: values[-1] for name, values in parse_qs(split.query).items()}
    if options.keys() - _OPTIONS:
        raise UnusableAddress(f"expected options {sorted(_OPTIONS)}, got {sorted(options)}")
    if split.path.strip("/"):
        raise UnusableAddress(f"expected nothing after the brokers, got {split.path}")
    return KafkaAddress(
        tuple(_broker(host) for host in hosts.split(",")),
        tls=_TLS[split.scheme],
        ca_file=options.get("ca"),
        login=_login(credentials, options.get("mechanism", _DEFAULT_MECHANISM)) if credentials else None,
        session_s=_session_s(options.get("session_s", str(_DEFAULT_SESSION_S))),
    )


def _broker(text: str) -> str:
    host, colon, port = text.partition(":")
    if not host or (colon and not port.isdecimal()):
        raise UnusableAddress(f"expected brokers as host:port, got {text!r}")
    return text if colon else f"{host}:{_DEFAULT_PORT}"


def _login(credentials: str, mechanism: str) -> Login:
    user, colon, password = credentials.partition(":")
    if not user or not colon:
        raise UnusableAddress("expected user:password before the @")
    if mechanism not in _MECHANISMS:
        raise UnusableAddress(f"expected a mechanism of {sorted(_MECHANISMS)}, got {mechanism}")
    return Login(unquote(user), unquote(password), mechanism)


def _session_s(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) not in _SESSIONS_S:
        raise UnusableAddress(f"expected session_s from {_SESSIONS_S[0]} to {_SESSIONS_S[-1]} seconds, got {text!r}")
    return int(text)
