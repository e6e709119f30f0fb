"""Billing's settings, read once from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`DATABASE_URL` defaults to a file under `TALLYSTICK_VAR` (./var): no server is needed."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    var: Path = Field(default=Path("var"), alias="TALLYSTICK_VAR")
    database_url: str = Field(default="", alias="DATABASE_URL")

    @property
    def database(self) -> str:
        """Where usage, terms and progress are kept."""
        return self.database_url or f"sqlite:///{self.var}/billing.db"
