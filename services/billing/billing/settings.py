"""Billing's settings, read once from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.settings import Port, ServiceSettings

# Where the key is kept in the folder of the embedded default.
SEALING_KEY_NAME = "sealing-key.json"


class BillingSettings(ServiceSettings):
    """What every service is configured with, and the key to seal by."""

    database_file: ClassVar[str] = "billing.db"

    http_port: Port = Field(default=8083, alias="HTTP_PORT")
    admin_port: Port = Field(default=9083, alias="ADMIN_PORT")
    # The private key that statements are sealed by, in PEM or as a JWK: SEALING_KEY_FILE names its file.
    sealing_key: str = Field(default="", alias="SEALING_KEY", repr=False)

    @property
    def sealing_key_file(self) -> Path | None:
        """Where the key is kept, and made, where none is given; None on servers, where there may be other instances."""
        is_local = not self.database_url or self.database_url.startswith("sqlite:")
        return self.var / SEALING_KEY_NAME if is_local else None
