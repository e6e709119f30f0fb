"""The catalogue's settings, read once from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.settings import Port, ServiceSettings


class CatalogueSettings(ServiceSettings):
    """The settings of every service, the key to sign by, and bank holidays that are added to the shipped ones."""

    database_file: ClassVar[str] = "catalogue.db"

    http_port: Port = Field(default=8081, alias="HTTP_PORT")
    admin_port: Port = Field(default=9081, alias="ADMIN_PORT")
    # The private key of access tokens, in PEM or as a JWK: SIGNING_KEY_FILE names its file.
    signing_key: str = Field(default="", alias="SIGNING_KEY", repr=False)
    # Where attempts are counted for all instances together (redis://…); in this process's memory where it is empty.
    limits_url: str = Field(default="", alias="LIMITS_URL", repr=False)
    # Networks of proxies whose X-Forwarded-For says where a request comes from.
    trusted_proxies: str = Field(default="", alias="TRUSTED_PROXIES")
    holidays_file: Path | None = Field(default=None, alias="TALLYSTICK_HOLIDAYS_FILE")

    @property
    def signing_key_file(self) -> Path | None:
        """Where the key is kept, and made, where none is given; None on servers, where there may be other instances."""
        is_local = not self.database_url or self.database_url.startswith("sqlite:")
        return self.var / "signing-key.json" if is_local else None
