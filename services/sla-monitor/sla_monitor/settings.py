"""The monitor's settings, read once from the environment."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from shared.settings import Port, ServiceSettings
from shared.state.port import MAX_BATCH


class MonitorSettings(ServiceSettings):
    """Those of every service, and where live state is kept: a file under `TALLYSTICK_VAR` unless STATE_URL is set."""

    database_file: ClassVar[str] = "sla-monitor.db"

    http_port: Port = Field(default=8082, alias="HTTP_PORT")
    admin_port: Port = Field(default=9082, alias="ADMIN_PORT")
    state_url: str = Field(default="", alias="STATE_URL", repr=False)
    # How long a month's figures may still be corrected in place after its end.
    freeze_days: int = Field(default=14, ge=0, le=366, alias="SLA_FREEZE_DAYS")
    # How long after that its ended items stay in live state before they are left to the database alone.
    archive_days: int = Field(default=35, ge=0, le=3660, alias="SLA_ARCHIVE_DAYS")
    # How many records of a shard are judged at once, and stored in one write.
    batch_records: int = Field(default=MAX_BATCH, ge=1, le=MAX_BATCH, alias="SLA_BATCH_RECORDS")
    # Where the board's links to runbooks lead, with a slash at the end; empty where nothing serves them.
    runbooks: str = Field(default="", pattern=r"^((https?:/)?/\S*/)?$", alias="SLA_RUNBOOKS")
    margin_s: int = Field(default=1, ge=0, alias="SLA_CLOCK_MARGIN_S")

    @property
    def state(self) -> str:
        """Where live state is kept."""
        return self.state_url or f"sqlite:///{self.var}/sla-monitor-state.db"

    @property
    def stores(self) -> Mapping[str, str]:
        """Those of every service, and live state."""
        return {"STATE_URL": self.state_url, **super().stores}


class DryRunSettings(MonitorSettings):
    """Of a dry run beside billing's, whose the `DATABASE_URL` is."""

    monitor_database_url: str = Field(default="", alias="MONITOR_DATABASE_URL", repr=False)

    @property
    def archive(self) -> str:
        """The monitor's database; empty where it is on a server that nobody named."""
        return self.monitor_database_url or ("" if self.database_url else self.database)
