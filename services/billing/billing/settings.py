"""Billing's settings, read once from the environment."""

from typing import ClassVar

from pydantic import Field

from shared.settings import Port, ServiceSettings


class BillingSettings(ServiceSettings):
    """Nothing beside what every service is told."""

    database_file: ClassVar[str] = "billing.db"

    http_port: Port = Field(default=8083, alias="HTTP_PORT")
    admin_port: Port = Field(default=9083, alias="ADMIN_PORT")
