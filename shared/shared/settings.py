"""The settings of every service, from its environment; any NAME may instead be the content of the file NAME_FILE."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.startup_errors import InvalidSettings

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", re.ASCII)
_PUBLIC_URL = re.compile(
    r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.ASCII
)
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.ASCII)
_PORT = re.compile(r":[0-9]+$")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
LOOPBACK_NAMES = frozenset({"127.0.0.1", "[::1]", "localhost"})
Port = Annotated[int, Field(ge=0, le=65535)]


class ServiceSettings(BaseSettings):
    """The addresses default to files under `TALLYSTICK_VAR` (./var): no server is needed."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")
    database_file: ClassVar[str]

    var: Path = Field(default=Path("var"), alias="TALLYSTICK_VAR")
    bus_url: str = Field(default="", alias="BUS_URL", repr=False)
    database_url: str = Field(default="", alias="DATABASE_URL", repr=False)
    http_host: str = Field(default="127.0.0.1", alias="HTTP_HOST")
    http_port: Port = Field(default=8080, alias="HTTP_PORT")
    admin_host: str = Field(default="127.0.0.1", alias="ADMIN_HOST")
    admin_port: Port = Field(default=9080, alias="ADMIN_PORT")
    # The names under which the public server is reached, with commas between; those of this machine always are.
    allowed_hosts: str = Field(default="", alias="ALLOWED_HOSTS")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", alias="LOG_LEVEL")
    # A service that is further behind than this is not ready, though it lives.
    ready_lag_records: int = Field(default=10_000, ge=0, alias="READY_LAG_RECORDS")
    # Whom access tokens of this installation are for: another installation's are refused.
    audience: str = Field(default="tallystick", min_length=1, max_length=200, alias="TALLYSTICK_AUDIENCE")
    # The address at which people open the pages, for signing in and for cookies; empty where nobody does.
    public_url: str = Field(default="", alias="PUBLIC_URL")
    # Networks of proxies whose X-Forwarded-For says where a request comes from.
    trusted_proxies: str = Field(default="", alias="TRUSTED_PROXIES")
    # Every figure is invented, and each page says so.
    illustrative: bool = Field(default=False, alias="TALLYSTICK_ILLUSTRATIVE")
    # A supervisor must wait longer than this before it kills.
    stop_within_s: float = Field(default=20.0, gt=0, alias="STOP_WITHIN_S")
    watchdog_loop_s: float = Field(default=30.0, gt=0, alias="WATCHDOG_LOOP_S")
    # As long as a member of a Kafka group may take between two polls.
    watchdog_round_s: float = Field(default=300.0, gt=0, alias="WATCHDOG_ROUND_S")

    @property
    def is_secure(self) -> bool:
        """Whether people open the pages over HTTPS, so that cookies are sent over it alone; on loopback not."""
        return not self.public_url.startswith("http:")

    @property
    def hosts(self) -> frozenset[str]:
        """The names to which the public server answers; raises `InvalidSettings` where other machines reach it by none.

        A name that is not its own is how another site would read it through somebody's browser.
        """
        names = [name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip()]
        if wrong := [name for name in names if not _HOST_NAME.fullmatch(name)]:
            raise InvalidSettings(f"ALLOWED_HOSTS: expected names with commas between, without ports, got {wrong[0]!r}")
        if self.public_url:
            names.append(_PORT.sub("", self.public_url.partition("://")[2].lower()))
        if not names and self.http_host not in LOOPBACK:
            raise InvalidSettings(
                f"HTTP_HOST {self.http_host} opens the service to other machines: set ALLOWED_HOSTS to the names by "
                "which they reach it, with commas between (recharges.example.gov.uk,gateway)"
            )
        return frozenset((*names, *LOOPBACK_NAMES))

    @property
    def admin_hosts(self) -> frozenset[str] | None:
        """The names to which the other server answers; None for any: Prometheus asks pods by their addresses."""
        return LOOPBACK_NAMES if self.admin_host in LOOPBACK else None

    @property
    def bus(self) -> str:
        """Where the log is."""
        return self.bus_url or f"sqlite:///{self.var}/log.db"

    @property
    def database(self) -> str:
        """Where the service's own tables are."""
        return self.database_url or f"sqlite:///{self.var}/{self.database_file}"

    @property
    def stores(self) -> Mapping[str, str]:
        """The addresses of what it stores its results in, by the names of their settings; empty where none is given."""
        return {"DATABASE_URL": self.database_url}

    def require_shared_stores(self) -> None:
        """Raises `InvalidSettings` where the log is on servers and a store, for want of an address, would be a file.

        Such an instance would join the group, take partitions from the others and keep their results to itself.
        """
        missing = [name for name, address in self.stores.items() if not address]
        if missing and self.bus_url and not self.bus_url.startswith("sqlite:"):
            raise InvalidSettings(
                f"BUS_URL names a server, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set: "
                f"results would go to a file of this instance alone. Set {' and '.join(missing)} as for the others "
                "(sqlite:///path for an instance that runs alone)"
            )

    @field_validator("*", mode="before")
    @classmethod
    def _plain_digits(cls, value: object, info: ValidationInfo) -> object:
        """Text is a number only in plain digits: pydantic would also take `+5`, `1_0` and `1e3`."""
        is_number = cls.model_fields[str(info.field_name)].annotation in (int, float)
        if is_number and isinstance(value, str) and not _NUMBER.fullmatch(value):
            raise ValueError("expected a number in plain digits")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        """An origin, over HTTPS unless it is this machine: elsewhere whoever listens could take a session."""
        if value and not _PUBLIC_URL.fullmatch(value):
            raise ValueError("expected https://host without a path, or http:// and a loopback address")
        return value

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.http_port == self.admin_port != 0:
            raise ValueError("HTTP_PORT and ADMIN_PORT are the same: metrics would be public")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (pydantic's signature; no file is read unasked)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (as above)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller says, then the environment, then the files that it names."""
        return init_settings, env_settings, _NamedFiles(settings_cls)


S = TypeVar("S", bound=ServiceSettings)


def read_settings(kind: type[S], **given: Any) -> S:
    """The settings as `given` by name, else as the environment has them; raises `InvalidSettings` with every fault."""
    try:
        return kind(**given)
    except ValidationError as refused:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in refused.errors()]
        raise InvalidSettings("; ".join(fault.removeprefix(": ") for fault in faults)) from None


def read_text(name: str) -> str:
    """The one setting of that name, empty where it is not set; raises `InvalidSettings`."""
    return os.environ.get(name) or _file_content(name) or ""


class _NamedFiles(PydanticBaseSettingsSource):
    """Settings whose NAME_FILE is in the environment: the file's content without the line's end."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = field.alias or field_name
        return _file_content(name), name, False

    def __call__(self) -> dict[str, Any]:
        given = [self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items()]
        return {name: content for content, name, _ in given if content is not None}


def _file_content(name: str) -> str | None:
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        return None
    if name in os.environ:
        raise InvalidSettings(f"{name} and {name}_FILE are both set: leave one of them out")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidSettings(f"{name}_FILE names a file that cannot be read: {type(fault).__name__}") from fault
