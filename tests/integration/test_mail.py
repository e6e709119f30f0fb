"""Councils are written to: from the step that is taken to a mail server, on both databases, whatever fails between."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from billing.documents.notice_mail import notice_mail
from billing.domain.notices import MOST_TRIES, RETRY_AFTER, FailedNotice, Notice, Recipient, recipient_of
from billing.mail_commands import mails, send_again
from billing.mailing import Mailing, MailRefused
from billing.routes import closing_page
from billing.settings import BillingSettings
from billing.smtp import SmtpServer
from billing.statements.closing import CouncilClose, MonthClose, MonthClosing, Progress
from billing.statements.queries import Queries, WantedAnswer, WantedQuery
from billing.store import tables
from billing.store.notices import CLAIMED_FOR, SqlNotices
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Council
from shared.contracts.topics import STATEMENTS
from shared.http import Authentication, create_app
from shared.period import Month
from shared.scope import Scope
from shared.settings import read_settings
from shared.sql.isolation import Database
from shared.startup_errors import InvalidSettings
from tests.integration.test_query_routes import AllRead
from tests.support.billing_feed import MAY, feed
from tests.support.issued_statements import (
    FINANCE,
    JUNE_9,
    agreed,
    charge,
    council_finance,
    issue,
    payroll_line,
)
from tests.support.mail_server import PASSWORD, USER, MailServer, certified, mail_server
from tests.support.recharges import ASHBY
from tests.support.servers import free_port

TEAM = "statements@ashby.example"
BURTON = Council(id="burton", name="Burton")
WRITTEN_TO = msgspec.structs.replace(ASHBY, statements_to=TEAM)
SITE = "https://recharges.example.gov.uk"
SENDER = "recharges@provider.example"


@pytest.fixture
def url(database_of: Callable[[str], str]) -> str:
    return database_of("billing")


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """A store of billing as it is when a mail server is set; Ashby says where it wants to be written to."""
    with closing(SqlStore.open(url, sends_notices=True)) as store:
        charge(store, agreed(), councils=(WRITTEN_TO,))
        yield store


@pytest.fixture
def notices(url: str, store: SqlStore) -> Iterator[SqlNotices]:
    with closing(Database.at(url)) as database:
        yield SqlNotices(database.workers)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def settings(port: int, **given: object) -> BillingSettings:
    plain = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
    named = {**plain, "mail_from": SENDER, "public_url": SITE, **given}
    aliases = {name: str(field.alias) for name, field in BillingSettings.model_fields.items()}
    return read_settings(BillingSettings, **{aliases[name]: value for name, value in named.items()})


def mailing(store: SqlStore, notices: SqlNotices, server: MailServer | int, at: datetime = JUNE_9) -> Mailing:
    def recipient(notice: Notice) -> Recipient | None:
        with store.snapshot(Scope.all()) as snapshot:
            return recipient_of(snapshot.terms, notice.council, at.date())

    port = server if isinstance(server, int) else server.port
    own = settings(port)
    return Mailing(notices, SmtpServer(own), FixedClock(at), recipient, sender=SENDER, public_url=SITE)


def waiting(url: str) -> int:
    """How many mails billing has still to send by its database."""
    with closing(Database.at(url)) as database:
        return SqlNotices(database.workers).counts(JUNE_9)["waiting"]


def queried(store: SqlStore) -> None:
    """A query of Ashby's is raised and answered."""
    queries = Queries(store, FixedClock(JUNE_9))
    queries.raise_query(council_finance(), ASHBY.id, MAY, WantedQuery("q-1", "Too many", payroll_line(store)))
    queries.answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("upheld", "It is right"))


def test_an_issued_statement_and_an_answer_are_told_of_by_a_link_and_no_figure(
    store: SqlStore, notices: SqlNotices, server: MailServer
) -> None:
    issue(store)
    queried(store)
    sending = mailing(store, notices, server)

    assert [sending.send_next() for _ in range(2)] == [0.0, 0.0]
    assert sending.send_next() > 0

    answer, statement = sorted(server.taken, key=lambda mail: str(mail["Subject"]))
    assert (statement["To"], statement["From"]) == (TEAM, SENDER)
    assert statement["Subject"] == "Recharge statement for May 2026: Ashby"
    assert statement.get_content().splitlines()[2] == f"{SITE}/v1/statements/ashby/2026-05"
    assert answer["Subject"] == "Answer to a query about May 2026: Ashby"
    assert answer.get_content().splitlines()[2] == f"{SITE}/statements/ashby/2026-05/queries"
    for mail in server.taken:
        words = mail.get_content().replace("2026", "")
        assert "£" not in words
        assert FINANCE.name not in words
        assert "442" not in words
    assert notices.counts(JUNE_9) == {"waiting": 0, "failing": 0, "failed": 0}


def test_a_step_that_is_read_back_from_the_log_is_not_told_of_again(
    store: SqlStore, notices: SqlNotices, tmp_path: Path
) -> None:
    issue(store)
    with store.snapshot(Scope.all()) as snapshot:
        events = snapshot.steps.steps(ASHBY.id, MAY)
    copy = f"sqlite:///{tmp_path}/restored.db"
    with closing(SqlStore.open(copy, sends_notices=True)) as restored:
        feed(restored, STATEMENTS, [decode_event(msgspec.json.encode(each)) for each in events])
        with restored.snapshot(Scope.all()) as snapshot:
            assert len(snapshot.steps.steps(ASHBY.id, MAY)) == len(events)

    assert notices.counts(JUNE_9)["waiting"] == 1
    assert waiting(copy) == 0


def test_without_a_mail_server_nothing_waits_to_be_sent(url: str) -> None:
    with closing(SqlStore.open(url)) as store:
        charge(store, agreed(), councils=(WRITTEN_TO,))
        issue(store)

    assert waiting(url) == 0


def test_a_council_that_gave_no_address_is_not_written_to(
    store: SqlStore, notices: SqlNotices, server: MailServer
) -> None:
    charge(store, agreed(BURTON.id), councils=(BURTON,))
    issue(store, BURTON.id)

    assert mailing(store, notices, server).send_next() == 0.0

    assert server.seen == 0
    assert notices.counts(JUNE_9) == {"waiting": 0, "failing": 0, "failed": 0}


def test_a_server_that_is_away_delays_no_issue_and_the_mail_goes_once_it_is_back(
    store: SqlStore, notices: SqlNotices
) -> None:
    port = free_port()
    assert issue(store).lifecycle.status == "issued"

    assert mailing(store, notices, port).send_next() >= 60
    assert notices.counts(JUNE_9) == {"waiting": 0, "failing": 1, "failed": 0}
    assert notices.claim(JUNE_9 + RETRY_AFTER[0] - timedelta(seconds=1)) is None

    with mail_server(port=port) as server:
        later = JUNE_9 + RETRY_AFTER[0]
        assert mailing(store, notices, server, later).send_next() == 0.0
        assert len(server.taken) == 1
    assert notices.counts(later) == {"waiting": 0, "failing": 0, "failed": 0}


def test_a_process_that_ended_while_it_sent_leaves_the_mail_to_be_sent_again(
    store: SqlStore, notices: SqlNotices, server: MailServer
) -> None:
    issue(store)
    killed = notices.claim(JUNE_9)

    assert killed is not None
    assert notices.claim(JUNE_9) is None, "another instance does not send it meanwhile"
    assert mailing(store, notices, server, JUNE_9 + CLAIMED_FOR).send_next() == 0.0
    (mail,) = server.taken
    assert mail["Message-ID"] == f"<{killed.notice.id}@provider.example>"


def test_of_many_instances_that_look_at_once_one_sends_a_mail(
    store: SqlStore, notices: SqlNotices, url: str, server: MailServer
) -> None:
    issue(store)
    queried(store)
    with closing(Database.at(url)) as other, ThreadPoolExecutor(8) as instances:
        queues = [notices, SqlNotices(other.workers)] * 8
        list(instances.map(lambda queue: mailing(store, queue, server).send_next(), queues))
        rest = [mailing(store, notices, server).send_next() for _ in range(2)]

    assert rest[-1] > 0
    assert len(server.taken) == len({mail["Message-ID"] for mail in server.taken}) == 2


def test_a_mail_that_is_refused_for_now_is_tried_so_often_and_then_given_up_and_shown_for_a_week(
    store: SqlStore, notices: SqlNotices, server: MailServer
) -> None:
    issue(store)
    server.answers = ["451 try later"] * MOST_TRIES
    now = JUNE_9
    for wait in (*RETRY_AFTER, timedelta()):
        assert mailing(store, notices, server, now).send_next() == 0.0
        now += wait

    assert (server.seen, server.taken) == (MOST_TRIES, [])
    assert notices.counts(now) == {"waiting": 0, "failing": 0, "failed": 1}
    assert notices.counts(now + timedelta(days=8)) == {"waiting": 0, "failing": 0, "failed": 0}
    assert notices.claim(now + timedelta(days=8)) is None


@pytest.mark.parametrize(
    ("address", "text", "state"),
    [("550 no such mailbox", "", "failed"), ("450 busy", "", "failing"), ("", "554 not wanted", "failed")],
)
def test_what_is_refused_for_good_is_not_tried_again(
    store: SqlStore, notices: SqlNotices, server: MailServer, url: str, address: str, text: str, state: str
) -> None:
    issue(store)
    server.refuses_addresses, server.answers = address, [text] if text else []

    assert mailing(store, notices, server).send_next() == 0.0

    assert notices.counts(JUNE_9) == {"waiting": 0, "failing": 0, "failed": 0} | {state: 1}
    with closing(Database.at(url)) as database, database.workers.connect() as connection:
        assert TEAM not in repr(connection.execute(select(tables.notice)).all())


def test_a_mail_goes_over_tls_with_the_password_of_its_user(tmp_path: Path) -> None:
    of_server, of_client = certified(tmp_path)
    with mail_server(context=of_server) as server:
        own = settings(server.port, smtp_security="starttls", smtp_user=USER, smtp_password=PASSWORD)
        SmtpServer(own, of_client).send(_mail())
        with pytest.raises(MailRefused, match=r"SMTPAuthenticationError \(535\)") as wrong:
            SmtpServer(own.model_copy(update={"smtp_password": "wrong"}), of_client).send(_mail())
        with pytest.raises(MailRefused, match="SSLCertVerificationError"):
            SmtpServer(own).send(_mail())

    assert len(server.taken) == 1
    assert (wrong.value.is_final, wrong.value.of_server) == (False, True)


def test_nothing_is_sent_openly_to_a_server_that_should_speak_tls_and_does_not(server: MailServer) -> None:
    own = settings(server.port, smtp_security="starttls")

    with pytest.raises(MailRefused, match="SMTPNotSupportedError"):
        SmtpServer(own).send(_mail())

    assert server.seen == 0


def _mail() -> EmailMessage:
    notice = Notice("id-1", ASHBY.id, MAY, "credit-note", "2026-27.C0001")
    return notice_mail(notice, Recipient(TEAM, "Ashby"), sender=SENDER, public_url=SITE, at=JUNE_9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mail_from": ""}, "MAIL_FROM and PUBLIC_URL"),
        ({"public_url": ""}, "MAIL_FROM and PUBLIC_URL"),
        ({"smtp_user": "billing"}, "SMTP_USER and SMTP_PASSWORD"),
        ({"smtp_host": "mail.example", "smtp_security": "none"}, "only a mail server on this machine"),
        ({"mail_from": "nobody"}, "MAIL_FROM"),
    ],
)
def test_settings_by_which_no_mail_could_be_sent_are_refused_at_the_start(given: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSettings, match=message):
        settings(25, **given)


def test_the_password_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("SMTP_PASSWORD_FILE", str(tmp_path / "password"))

    own = settings(25, smtp_user=USER)

    assert own.smtp_password == PASSWORD
    assert PASSWORD not in repr(own)


def test_mails_are_sent_while_it_runs_until_it_is_stopped(
    store: SqlStore, notices: SqlNotices, server: MailServer
) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(mailing(store, notices, server).run(stop))
            async with asyncio.timeout(10):
                while not server.taken:  # noqa: ASYNC110 (a server in another thread takes it)
                    await asyncio.sleep(0.02)
            stop.set()

    issue(store)
    asyncio.run(run())

    assert len(server.taken) == 1


def test_what_was_given_up_is_named_and_sent_again_when_somebody_says_so(
    store: SqlStore, notices: SqlNotices, server: MailServer
) -> None:
    issue(store)
    claimed = notices.claim(JUNE_9)
    assert claimed is not None
    notices.settle(claimed.notice.id, "failed", JUNE_9, reason="the address was refused")

    assert [(each.notice.council, each.reason) for each in notices.failed(MAY)] == [
        (ASHBY.id, "the address was refused")
    ]
    assert notices.failed(MAY.next) == []
    assert notices.send_again(JUNE_9, council=BURTON.id) == 0
    assert notices.send_again(JUNE_9, council=ASHBY.id, month=MAY) == 1

    mailing(store, notices, server).send_next()
    assert (len(server.taken), notices.failed(), notices.send_again(JUNE_9)) == (1, [], 0)


def test_the_commands_list_what_was_given_up_and_send_it_again(
    url: str, store: SqlStore, notices: SqlNotices, capsys: pytest.CaptureFixture[str]
) -> None:
    issue(store)
    claimed = notices.claim(JUNE_9)
    assert claimed is not None
    notices.settle(claimed.notice.id, "without-address", JUNE_9)
    own = settings(25, database_url=url)

    asyncio.run(mails(own, []))
    asyncio.run(send_again(own, [ASHBY.id, "2026-05"]))

    assert capsys.readouterr().out.splitlines()[0] == "ashby\t2026-05\tstatement\tno address is known"
    assert notices.failed() == []
    for arguments in ([ASHBY.id, "May"], [ASHBY.id, "2026-05", "more"]):
        with pytest.raises(InvalidSettings):
            asyncio.run(send_again(own, arguments))


class Closed(MonthClosing):
    """A month in which Ashby's statement is issued."""

    def __init__(self) -> None:
        """Without a store."""

    async def look(
        self,
        month: Month,
        *,
        scope: Scope,  # noqa: ARG002 (the signature of what it stands for)
        progress: Progress = lambda *_: None,  # noqa: ARG002 (as above)
    ) -> MonthClose:
        issued = CouncilClose(ASHBY.id, "Ashby", "issued", 44_200, "0" * 64, "2026-27.0001", ())
        return MonthClose(month, (), (issued,), {})


def test_the_page_of_a_close_names_the_mails_that_were_not_sent() -> None:
    failed = [
        FailedNotice(Notice("a", ASHBY.id, MAY, "statement"), "the address was refused"),
        FailedNotice(Notice("b", ASHBY.id, MAY, "credit-note", "2026-27.C0001"), ""),
        FailedNotice(Notice("c", BURTON.id, MAY, "statement"), "of no council that is shown"),
    ]
    routes = closing_page.router(Closed(), AllRead(), FixedClock(JUNE_9), lambda _: failed)
    named = Authentication(lambda _: FINANCE)

    shown = TestClient(create_app("Closing", [routes], authentication=named)).get("/closings/2026-05").text

    assert "The mail about the statement was not delivered: the address was refused." in shown
    assert "No mail about a credit note was sent: the council has said no address." in shown
    assert "of no council that is shown" not in shown
