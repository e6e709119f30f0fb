"""The catalogue's settings, read once from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.settings import Port, ServiceSettings


class CatalogueSettings(ServiceSettings):
    """The settings of every service, and a file of bank holidays that are added to the shipped ones."""

    database_file: ClassVar[str] = "catalogue.db"

    http_port: Port = Field(default=8081, alias="HTTP_PORT")
    admin_port: Port = Field(default=9081, alias="ADMIN_PORT")
    holidays_file: Path | None = Field(default=None, alias="TALLYSTICK_HOLIDAYS_FILE")
