"""Billing's settings, read once from the environment."""

from typing import ClassVar

from pydantic import Field

from shared.settings import Port, ServiceSettings


class BillingSettings(ServiceSettings):
    """What every service is configured with, and nothing else."""

    database_file: ClassVar[str] = "billing.db"

    http_port: Port = Field(default=8083, alias="HTTP_PORT")
    admin_port: Port = Field(default=9083, alias="ADMIN_PORT")
