"""The catalogue's settings, read once from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.auth.sessions import LONGEST_SESSION_S
from shared.settings import Port, ServiceSettings

# Where the key is kept in the folder of the embedded default.
SIGNING_KEY_NAME = "signing-key.json"


class CatalogueSettings(ServiceSettings):
    """The settings of every service, the key to sign by, and bank holidays that are added to the shipped ones."""

    database_file: ClassVar[str] = "catalogue.db"

    http_port: Port = Field(default=8081, alias="HTTP_PORT")
    admin_port: Port = Field(default=9081, alias="ADMIN_PORT")
    # The private key of access tokens, in PEM or as a JWK: SIGNING_KEY_FILE names its file.
    signing_key: str = Field(default="", alias="SIGNING_KEY", repr=False)
    # The OpenID provider by which people sign in, and what it knows this installation as; nobody signs in without one.
    oidc_issuer: str = Field(default="", alias="OIDC_ISSUER")
    oidc_client_id: str = Field(default="", alias="OIDC_CLIENT_ID")
    oidc_client_secret: str = Field(default="", alias="OIDC_CLIENT_SECRET", repr=False)
    # The claim whose values give roles, and what each value means: lines of `VALUE: ROLE [COUNCIL ...]`.
    oidc_roles_claim: str = Field(default="", alias="OIDC_ROLES_CLAIM")
    oidc_roles: str = Field(default="", alias="OIDC_ROLES")
    # Whom people ask for access: an e-mail address, a team.
    access_contact: str = Field(default="", max_length=200, alias="ACCESS_CONTACT")
    session_idle_s: int = Field(default=30 * 60, ge=600, le=LONGEST_SESSION_S, alias="SESSION_IDLE_S")
    session_absolute_s: int = Field(default=12 * 60 * 60, ge=600, le=LONGEST_SESSION_S, alias="SESSION_ABSOLUTE_S")
    # Where attempts are counted for all instances together (redis://…); in this process's memory where it is empty.
    limits_url: str = Field(default="", alias="LIMITS_URL", repr=False)
    # Events that came in over HTTP and wait for the log: beyond it senders are asked to come back.
    events_waiting: int = Field(default=200_000, ge=1_000, le=100_000_000, alias="EVENTS_WAITING")
    # Of one source, over HTTP; beyond it the sender is asked to wait.
    events_per_minute: int = Field(default=600_000, ge=1, le=100_000_000, alias="EVENTS_PER_MINUTE")
    # For how long it can be asked what became of such an event.
    events_kept_days: int = Field(default=30, ge=1, le=400, alias="EVENTS_KEPT_DAYS")
    holidays_file: Path | None = Field(default=None, alias="TALLYSTICK_HOLIDAYS_FILE")

    @property
    def signing_key_file(self) -> Path | None:
        """Where the key is kept, and made, where none is given; None on servers, where there may be other instances."""
        return self.var / SIGNING_KEY_NAME if self.is_local else None

    @property
    def is_local(self) -> bool:
        """Whether the files of one machine hold the state, which are one person's to read and change."""
        return not self.database_url or self.database_url.startswith("sqlite:")
