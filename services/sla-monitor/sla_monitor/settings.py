"""The monitor's settings, read once from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`STATE_URL` and `DATABASE_URL` default to files under `TALLYSTICK_VAR` (./var): no server is needed."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    var: Path = Field(default=Path("var"), alias="TALLYSTICK_VAR")
    state_url: str = Field(default="", alias="STATE_URL")
    database_url: str = Field(default="", alias="DATABASE_URL")
    # How long a month's figures may still be corrected in place after its end.
    freeze_days: int = Field(default=14, ge=0, le=366, alias="SLA_FREEZE_DAYS")
    margin_s: int = Field(default=1, ge=0, alias="SLA_CLOCK_MARGIN_S")

    @property
    def state(self) -> str:
        """Where live state is kept."""
        return self.state_url or f"sqlite:///{self.var}/sla-monitor-state.db"

    @property
    def database(self) -> str:
        """Where the read model is kept."""
        return self.database_url or f"sqlite:///{self.var}/sla-monitor.db"
