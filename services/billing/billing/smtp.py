"""The mail server, spoken to by the standard library's client: one conversation a mail. Calls block."""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage

from billing.mailing import MailRefused
from billing.settings import BillingSettings

# For each answer of the server; a mail takes some ten of them.
_ANSWER_WITHIN_S = 10.0
_PERMANENT = range(500, 600)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """`billing.mailing.MailServer` at the address of the settings; `context` says whose certificate is trusted."""

    settings: BillingSettings
    context: ssl.SSLContext | None = None

    def send(self, message: EmailMessage) -> None:
        """The server has taken the mail. Raises `MailRefused`."""
        try:
            with self._connected() as client:
                if self.settings.smtp_user:
                    client.login(self.settings.smtp_user, self.settings.smtp_password)
                client.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            code = _first_code(refused.recipients)
            reason = f"the address was refused ({code})"
            raise MailRefused(reason, is_final=code in _PERMANENT, of_server=False) from refused
        except smtplib.SMTPDataError as refused:
            code = refused.smtp_code
            raise MailRefused(
                f"the text was refused ({code})", is_final=code in _PERMANENT, of_server=False
            ) from refused
        except smtplib.SMTPResponseException as refused:
            raise MailRefused(f"{type(refused).__name__} ({refused.smtp_code})") from refused
        except (OSError, UnicodeError) as fault:  # what the client itself refuses, a connection, a certificate
            raise MailRefused(type(fault).__name__) from fault

    def _connected(self) -> smtplib.SMTP:
        """A client that has said hello, over TLS unless the server is on this machine and it was agreed otherwise."""
        settings, context = self.settings, self.context or ssl.create_default_context()
        own_name = settings.mail_from.rpartition("@")[2]  # else the client asks the network for one, and waits
        if settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, own_name, timeout=_ANSWER_WITHIN_S, context=context
            )
        client = smtplib.SMTP(settings.smtp_host, settings.smtp_port, own_name, timeout=_ANSWER_WITHIN_S)
        if settings.smtp_security == "starttls":
            try:
                client.starttls(context=context)
            except BaseException:
                client.close()
                raise
        return client


def _first_code(recipients: Mapping[str, tuple[int, bytes]]) -> int:
    return next((code for code, _ in recipients.values()), 0)
