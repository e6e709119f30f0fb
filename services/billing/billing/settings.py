"""Billing's settings, read once from the environment."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from shared.settings import LOOPBACK, Port, ServiceSettings

# Where the key is kept in the folder of the embedded default.
SEALING_KEY_NAME = "sealing-key.json"


class BillingSettings(ServiceSettings):
    """What every service is configured with, the key to seal by, and the mail server, where councils are written to."""

    database_file: ClassVar[str] = "billing.db"

    http_port: Port = Field(default=8083, alias="HTTP_PORT")
    admin_port: Port = Field(default=9083, alias="ADMIN_PORT")
    # The private key that statements are sealed by, in PEM or as a JWK: SEALING_KEY_FILE names its file.
    sealing_key: str = Field(default="", alias="SEALING_KEY", repr=False)
    # Empty: no council is sent a mail.
    smtp_host: str = Field(default="", max_length=253, alias="SMTP_HOST")
    smtp_port: Port = Field(default=587, alias="SMTP_PORT")
    smtp_security: Literal["starttls", "tls", "none"] = Field(default="starttls", alias="SMTP_SECURITY")
    smtp_user: str = Field(default="", max_length=200, alias="SMTP_USER")
    smtp_password: str = Field(default="", alias="SMTP_PASSWORD", repr=False)
    # Whom mails are from: an address that may be written to.
    mail_from: str = Field(default="", max_length=200, pattern=r"^([^\s@,;<>]+@[^\s@,;<>]+)?$", alias="MAIL_FROM")

    @model_validator(mode="after")
    def _mails_can_be_sent(self) -> Self:
        """With a mail server there is a sender and an address to link to; a password never crosses a network openly."""
        if not self.smtp_host:
            return self
        if not self.mail_from or not self.public_url:
            raise ValueError("SMTP_HOST is set: MAIL_FROM and PUBLIC_URL must be too, for a mail says who and where")
        if bool(self.smtp_user) != bool(self.smtp_password):
            raise ValueError("SMTP_USER and SMTP_PASSWORD belong together: set both or neither")
        if self.smtp_security == "none" and self.smtp_host not in LOOPBACK:
            raise ValueError("SMTP_SECURITY is none: only a mail server on this machine is spoken to openly")
        return self

    @property
    def sealing_key_file(self) -> Path | None:
        """Where the key is kept, and made, where none is given; None on servers, where there may be other instances."""
        is_local = not self.database_url or self.database_url.startswith("sqlite:")
        return self.var / SEALING_KEY_NAME if is_local else None
