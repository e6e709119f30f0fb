"""The mail that something is there to be read: a link, no figure, and nobody's name."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from billing.documents.credit_note_view import credit_note_path
from billing.documents.view import queries_path, statement_path
from billing.domain.notices import Notice, NoticeKind, Recipient
from shared.web.formats import month_name
from shared.web.strings import text

_KEYS: dict[NoticeKind, str] = {
    "statement": "mail.statement",
    "credit-note": "mail.credit_note",
    "query-answered": "mail.query_answered",
}


def notice_mail(notice: Notice, recipient: Recipient, *, sender: str, public_url: str, at: datetime) -> EmailMessage:
    """The mail as `sender` sends it at an instant, with a link below `public_url`. Raises `ValueError` for an address.

    The same notice has the same Message-ID however often it is sent, by which a repetition can be known.
    """
    key, month = _KEYS[notice.kind], month_name(notice.month)
    message = EmailMessage()
    message["Subject"] = text(f"{key}_subject", council=recipient.name, month=month)
    message["From"], message["To"] = Address(addr_spec=sender), Address(addr_spec=recipient.address)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    happened = text(key, council=recipient.name, month=month)
    link = f"{public_url}{_path(notice)}"
    message.set_content("\n\n".join([happened, link, text("mail.about", council=recipient.name), ""]))
    return message


def _path(notice: Notice) -> str:
    match notice.kind:
        case "credit-note":
            return credit_note_path(notice.council, notice.reference)
        case "query-answered":
            return queries_path(notice.council, notice.month)
        case "statement":
            return statement_path(notice.council, notice.month)
