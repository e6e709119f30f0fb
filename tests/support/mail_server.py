"""A mail server in this process that keeps what it takes, over plain SMTP or over TLS with a certificate of its own."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.servers import free_port

USER, PASSWORD = "billing", "correct horse"
_TAKEN = "250 OK"


@dataclass
class MailServer:
    """What it has taken, and what it says to the next mails: the first of the answers is for the next one."""

    port: int
    taken: list[EmailMessage] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refuses_addresses: str = ""
    seen: int = 0

    async def handle_RCPT(  # noqa: N802 (the server calls it so)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """An address is named."""
        if self.refuses_addresses:
            return self.refuses_addresses
        envelope.rcpt_tos.append(address)
        return _TAKEN

    async def handle_DATA(  # noqa: N802 (the server calls it so)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """A mail has come in whole."""
        self.seen += 1
        answer = self.answers.pop(0) if self.answers else _TAKEN
        if answer == _TAKEN:
            self.taken.append(message_from_bytes(cast(bytes, envelope.content), policy=policy.default))
        return answer


@contextmanager
def mail_server(*, context: ssl.SSLContext | None = None, port: int | None = None) -> Iterator[MailServer]:
    """It listens on this machine until the block is left; with a `context` it takes mails of `USER` over TLS alone."""
    handler = MailServer(port or free_port())
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=handler.port,
        server_hostname="localhost",
        tls_context=context,
        require_starttls=context is not None,
        auth_required=context is not None,
        authenticator=_authenticate,
    )
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    is_right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of this machine needs for TLS, and what a client needs to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(private + pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())
