"""The command asks services on servers over HTTP, and prints what it prints for a folder; or it says what to call."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner, Result

from catalogue.settings import SIGNING_KEY_NAME
from shared.contracts.topics import TICKETS, USAGE
from tallystick.command import VERBS, OnServers, app
from tallystick.servers import SETTINGS
from tests.support.backfills import LIVE, READING, work
from tests.support.callers import SIGNING_KEY, token
from tests.support.monitoring import ticket
from tests.support.served import CREDENTIALS, OPERATOR, served

MONTH = ("adur", "2026-03")
DRAFT = """
targets:
  - {id: ict-resolution, service: "*", measure: resolution-time, within: 40 working hours, calendar: office-hours}
"""
# Its clock stands still, so that the same is left whenever it is asked for.
WAITING = ("Wed 2026-03-04 09:00", "opened"), ("Wed 2026-03-04 09:30", "paused")
SENT = [
    *((TICKETS, event) for event in LIVE),
    *((TICKETS, event) for event in ticket(("Wed 2026-03-04 09:00", "opened"), item="open", council="worthing")),
    *((TICKETS, event) for event in ticket(*WAITING, item="waiting", council="worthing")),
    (USAGE, READING),
]
ASKED = [
    ("at-risk",),
    ("at-risk", "--json", "--limit", "1"),
    ("at-risk", "--csv", "--council", "worthing"),
    ("attainment", "--month", "2026-03"),
    ("attainment", "--month", "2026-03", "--json"),
    ("attainment", "--month", "2026-03", "--csv", "--over", "quarter"),
    ("explain", "seen"),
    ("explain", "seen", "--long"),
    ("explain", "seen", "--json"),
    ("statement", *MONTH),
    ("statement", *MONTH, "--json"),
    ("what-if", "DRAFT", "--from", "2026-02", "--to", "2026-04"),
    ("what-if", "DRAFT", "--from", "2026-02", "--to", "2026-04", "--json"),
    ("export", "openslo"),
    ("export", "openslo", "--council", "adur", "--json"),
]


def run(*arguments: str, **env: str) -> Result:
    unset: dict[str, str | None] = dict.fromkeys(SETTINGS)
    return CliRunner(env=unset | {"COLUMNS": "200"} | CREDENTIALS | env).invoke(app, [*arguments])


def approve(address: str, run_id: str) -> None:
    """Somebody else of the provider, who has signed in, approves a correction run."""
    headers = {"Authorization": f"Bearer {token('approver')}"}
    with urlopen(Request(f"{address}/v1/correction-runs/{run_id}/approve", b"", headers)) as answer:  # noqa: S310 (ours)
        assert answer.status == 200


def refusal(result: Result) -> str:
    """What it wrote on stderr, in one line; nothing is on stdout and no failure left the command."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served")
    (made / SIGNING_KEY_NAME).write_text(SIGNING_KEY, encoding="utf-8")
    work(made, SENT)
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as at:
        yield at


def without_the_present(text: str) -> str:
    """The text without the instant at which it was made, and what was left of targets by then."""
    text = re.sub(r"as of [^;]*;", "as of now;", text)
    return re.sub(r'"as_of": "[^"]*"', '"as_of": "now"', text)


@pytest.mark.parametrize("arguments", ASKED, ids=" ".join)
def test_what_servers_answer_is_printed_as_of_a_folder(
    arguments: tuple[str, ...], folder: Path, address: str, tmp_path: Path
) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT)
    asked = [str(tmp_path / "draft.yaml") if each == "DRAFT" else each for each in arguments]

    here, there = run(*asked, TALLYSTICK_VAR=str(folder)), run(*asked, TALLYSTICK_URL=f"{address}/")

    assert (here.exit_code, there.exit_code) == (0, 0), here.output + there.output
    assert len(here.stdout) > 100
    assert without_the_present(there.stdout) == without_the_present(here.stdout)


def test_a_line_is_explained_down_to_its_events_as_of_a_folder(folder: Path, address: str) -> None:
    stated = json.loads(run("statement", *MONTH, "--json", TALLYSTICK_VAR=str(folder)).stdout)
    line = next(
        line for of in stated["services"] for line in of["lines"] if line["counts_usage"] and of["events_counted"]
    )

    here = run("explain-penny", *MONTH, line["ref"], TALLYSTICK_VAR=str(folder))
    there = run("explain-penny", *MONTH, line["ref"], TALLYSTICK_URL=address)

    assert (here.exit_code, there.exit_code) == (0, 0), here.output + there.output
    assert there.stdout == here.stdout
    assert f"Quantity: {line['quantity']} {line['unit']}" in here.stdout
    assert "half up, once for the line" in here.stdout
    assert "Day         Item" in here.stdout


def test_a_line_is_found_by_the_name_of_its_charge_or_service(folder: Path, address: str) -> None:
    stated = json.loads(run("statement", *MONTH, "--json", TALLYSTICK_VAR=str(folder)).stdout)
    of, line = next((of, of["lines"][0]) for of in stated["services"] if len(of["lines"]) == 1)
    by_ref = run("explain-penny", *MONTH, line["ref"], TALLYSTICK_VAR=str(folder))

    for name in (of["id"], of["name"].upper()):
        for where in ({"TALLYSTICK_VAR": str(folder)}, {"TALLYSTICK_URL": address}):
            assert run("explain-penny", *MONTH, name, **where).stdout == by_ref.stdout


def test_a_name_of_several_lines_is_answered_with_the_reference_of_each(folder: Path) -> None:
    stated = json.loads(run("statement", *MONTH, "--json", TALLYSTICK_VAR=str(folder)).stdout)
    of = next(of for of in stated["services"] if len(of["lines"]) > 1)

    result = run("explain-penny", *MONTH, of["id"], TALLYSTICK_VAR=str(folder))

    refused = refusal(result)
    assert result.exit_code == 2
    assert all(line["ref"] in refused for line in of["lines"])


@pytest.mark.parametrize("arguments", [(*MONTH, "no-such-line"), ("2026-27.0009", "any")], ids=" ".join)
def test_a_line_that_is_not_there_is_a_sentence(arguments: tuple[str, ...], folder: Path, address: str) -> None:
    for where in ({"TALLYSTICK_VAR": str(folder)}, {"TALLYSTICK_URL": address}):
        result = run("explain-penny", *arguments, **where)

        assert result.exit_code == 2
        assert re.search(r"no (line|such line|document)", refusal(result), re.IGNORECASE)


def test_every_form_of_a_statement_is_the_same_file(folder: Path, address: str, tmp_path: Path) -> None:
    for to, where in (("here", {"TALLYSTICK_VAR": str(folder)}), ("there", {"TALLYSTICK_URL": address})):
        written = run("statement", *MONTH, "--to", str(tmp_path / to), **where)
        assert written.exit_code == 0, written.output

    files = {to: {path.name: path.read_bytes() for path in (tmp_path / to).iterdir()} for to in ("here", "there")}
    assert len(files["here"]) == 6
    assert files["there"] == files["here"]


def test_evidence_from_servers_verifies(address: str, tmp_path: Path) -> None:
    to = tmp_path / "evidence.jsonl"

    exported = run("export", "evidence", *MONTH, "--to", str(to), TALLYSTICK_URL=address)
    verified = run("verify", str(to))

    assert (exported.exit_code, exported.stdout) == (0, f"{to}\n")
    assert (verified.exit_code, "No difference was found" in verified.stdout) == (0, True), verified.output


def test_a_correction_run_is_requested_and_its_end_awaited(address: str) -> None:
    waiting = run("correct", "--from", "2026-03-01", "--to", "2026-04-01", "--name", "again", TALLYSTICK_URL=address)
    approve(address, "again")
    done = run("correct", "--from", "2026-03-01", "--to", "2026-04-01", "--name", "again", TALLYSTICK_URL=address)
    report = run(
        "correct", "--from", "2026-03-01", "--to", "2026-04-01", "--name", "again", "--json", TALLYSTICK_URL=address
    )
    other = run("correct", "--from", "2026-02-01", "--to", "2026-04-01", "--name", "again", TALLYSTICK_URL=address)

    assert (waiting.exit_code, "changes nothing until somebody else approves it" in waiting.stdout) == (0, True)
    assert (done.exit_code, done.stdout) == (0, "again: 0 verdicts changed, 24 of 24 shards done.\n"), done.output
    found: dict[str, Any] = json.loads(report.stdout)
    assert (found["run"]["id"], found["shards_done"], found["recorded"]) == ("again", 24, True)
    assert (other.exit_code, "Another correction run has this id" in refusal(other)) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("explain", "nothing"), 2, "There is no item 'nothing'."),
        (("statement", "nowhere", "2026-03"), 2, "The catalogue has no such council in that month."),
        (("statement", "adur", "2099-01"), 2, "Ask for the present month or an earlier one."),
        (("export", "evidence", "nowhere", "2026-03"), 2, "There is nothing here, or nothing that you may see."),
        (("what-if", "DRAFT", "--from", "2026-03", "--to", "2026-03"), 2, "line 3, column 92: #/targets/0/calendar: "),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_refusal_is_printed_as_a_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, address: str, tmp_path: Path
) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT.replace("office-hours", "no-such-calendar"))
    asked = [str(tmp_path / "draft.yaml") if each == "DRAFT" else each for each in arguments]

    result = run(*asked, TALLYSTICK_URL=address)

    assert (result.exit_code, sentence in refusal(result)) == (code, True), result.stderr


class Answering(BaseHTTPRequestHandler):
    """Answers every request as the test says."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")

    def do_GET(self) -> None:
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Whoever asks for a token gets one."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"access_token": "x", "token_type": "Bearer", "expires_in": 300}')

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def other_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        ((502, {}, b"<html>Bad Gateway</html>"), 3, "cannot be answered now (502 Bad Gateway)"),
        ((503, {}, b'{"title": "Service unavailable"}'), 3, "cannot be answered now (503"),
        (
            (500, {}, b'{"title": "Internal error", "instance": "urn:uuid:1"}'),
            3,
            "(500 Internal Server Error), urn:uuid:1",
        ),
        ((404, {}, b"<html>nginx</html>"), 2, "by no service of Tallystick, but with 404"),
        (
            (307, {"Location": "https://b/v1"}, b""),
            2,
            "but with 307 Temporary Redirect to https://b/v1. Set TALLYSTICK_URL",
        ),
        ((422, {}, b"\xff"), 2, "by no service of Tallystick, but with 422"),
    ],
    ids=lambda each: str(each)[:12],
)
def test_whatever_else_is_answered_ends_in_a_sentence(
    answer: tuple[int, dict[str, str], bytes],
    code: int,
    sentence: str,
    other_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Answering, "answer", answer)

    result = run("statement", *MONTH, TALLYSTICK_URL=other_server)

    assert (result.exit_code, sentence in refusal(result)) == (code, True), result.stderr


def test_without_credentials_it_is_said_what_to_set(address: str) -> None:
    result = run("at-risk", TALLYSTICK_URL=address, TALLYSTICK_CLIENT_SECRET="")

    assert (result.exit_code, "it is not known who asks" in refusal(result)) == (2, True)


def test_refused_credentials_are_named_without_their_secret(address: str) -> None:
    result = run("at-risk", TALLYSTICK_URL=address, TALLYSTICK_CLIENT_SECRET="tss_" + "x" * 43)

    assert (result.exit_code, f"credentials of client {OPERATOR[0]} are not valid" in refusal(result)) == (2, True)
    assert "tss_" not in result.stderr


def test_an_address_where_nothing_answers_is_named() -> None:
    result = run("explain", "T1", TALLYSTICK_URL="http://127.0.0.1:1")

    assert (result.exit_code, "http://127.0.0.1:1 was not reached" in refusal(result)) == (3, True)


@pytest.mark.parametrize("text", ["gateway:8080", "ftp://gateway", "http://", "http://me:secret@gateway", "http://a b"])
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    result = run("explain", "T1", TALLYSTICK_URL=text)

    assert (result.exit_code, "expected an address as http://gateway:8080" in refusal(result)) == (2, True)
    assert "secret" not in result.stderr


@pytest.mark.parametrize("setting", ["BUS_URL", "STATE_URL", "DATABASE_URL_FILE"])
@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (("explain", "T1"), "GET /v1/items/T1"),
        (("statement", *MONTH), "GET /v1/statements/adur/2026-03"),
        (("explain-penny", *MONTH, "x"), "GET /v1/statements/adur/2026-03/lines/x"),
        (("what-if", "DRAFT", "--from", "2026-03", "--to", "2026-03"), "POST /v1/what-if/targets"),
        (("at-risk",), "GET /v1/at-risk"),
        (("attainment",), "GET /v1/attainment"),
        (("export", "openslo"), "GET /v1/openslo"),
        (("export", "evidence", *MONTH), "GET /v1/evidence/adur/2026-03"),
        (("correct", "--from", "2026-03-01", "--to", "2026-04-01"), "POST /v1/correction-runs"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_servers_without_the_address_of_their_api_are_not_mistaken_for_the_folder(
    arguments: tuple[str, ...], call: str, setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "draft.yaml").write_text(DRAFT)
    asked = ["draft.yaml" if each == "DRAFT" else each for each in arguments]

    result = run(*asked, TALLYSTICK_VAR="var", **{setting: "kafka://kafka:9092"})

    sentence = refusal(result)
    assert (result.exit_code, sentence.startswith(f"{setting} is set"), call in sentence) == (2, True, True), sentence
    assert "Set TALLYSTICK_URL to the address of their gateway" in sentence
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (("demo",), "Unset it"),
        (("load", "adur-worthing"), "python -m catalogue load FILE"),
        (("replay", "draft.yaml", "--mapping", "boston-311"), "tallystick backfill"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_verb_of_a_folder_names_what_does_it_on_servers(
    arguments: tuple[str, ...], instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "draft.yaml").write_text(DRAFT)

    result = run(*arguments, TALLYSTICK_VAR="var", STATE_URL="redis://redis:6379/0")

    assert (result.exit_code, instead in refusal(result)) == (2, True), result.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("arguments", "settings", "missing"),
    [
        (
            ("quarantine", "list"),
            ("TALLYSTICK_URL",),
            "not BUS_URL, not STATE_URL, not MONITOR_DATABASE_URL, not BILLING_DATABASE_URL.",
        ),
        (("quarantine", "list"), ("BUS_URL", "STATE_URL", "BILLING_DATABASE_URL"), "but not MONITOR_DATABASE_URL."),
        (("approvals", "--service", "billing"), ("BUS_URL",), "but not BILLING_DATABASE_URL or DATABASE_URL."),
        (
            ("approvals",),
            ("DATABASE_URL", "BUS_URL"),
            "Set MONITOR_DATABASE_URL and BILLING_DATABASE_URL, or say whose",
        ),
        (("rate", "draft.yaml"), ("TALLYSTICK_URL",), "not BILLING_DATABASE_URL or DATABASE_URL."),
        (("illustrate", "--months", "1"), ("TALLYSTICK_URL",), "but not BUS_URL."),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_verb_that_connects_names_the_addresses_that_it_lacks(
    arguments: tuple[str, ...],
    settings: tuple[str, ...],
    missing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "draft.yaml").touch()

    result = run(*arguments, TALLYSTICK_VAR="var", **dict.fromkeys(settings, "http://127.0.0.1:1"))

    assert (result.exit_code, missing in refusal(result)) == (2, True), result.stderr
    assert not (tmp_path / "var").exists()


def test_the_table_of_verbs_says_for_each_what_it_does_on_servers() -> None:
    refusing = {verb.name for verb in VERBS if verb.on_servers is OnServers.REFUSES}

    assert refusing == {verb.name for verb in VERBS if verb.instead}


def test_the_guide_says_of_every_verb_what_it_does_on_servers() -> None:
    guide = (Path(__file__).parents[2] / "docs/running.md").read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in re.findall(r"^\| (`.*) \|$", guide.partition("| Verb |")[2], re.MULTILINE)]
    does = {verb: row[1] for row in rows for verb in re.findall(r"`([a-z-]+)`", row[0])}

    assert does.keys() == {verb.name for verb in VERBS}
    asking = {name for name, what in does.items() if re.match(r"(asks|sends) `", what)}
    assert asking == {verb.name for verb in VERBS if verb.on_servers is OnServers.ASKS}
    refusing = {name for name, what in does.items() if what.startswith("refuses")}
    assert refusing == {verb.name for verb in VERBS if verb.on_servers is OnServers.REFUSES}
