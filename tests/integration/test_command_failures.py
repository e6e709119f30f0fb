"""Whatever goes wrong with the command ends in a sentence, what to do and an exit code: never a traceback."""

import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from billing.documents.forms import FORMS
from tallystick import failures
from tallystick.command import VERBS, app
from tallystick.commands import load
from tallystick.stack import UnusableFolder, exclusive_use
from tests.support.backfills import LATE, file_of, work
from tests.support.replays import TICKETS
from tests.support.service_process import state_folder_env

MONTH = ("adur", "2026-03")
# Where the services on servers keep the rest of their data; nothing answers there.
OTHER_STORES = {
    "STATE_URL": "redis://127.0.0.1:1/0",
    "MONITOR_DATABASE_URL": "postgresql+psycopg://nobody:secret@127.0.0.1:1/none",
    "BILLING_DATABASE_URL": "postgresql+psycopg://nobody:secret@127.0.0.1:1/none",
}
DRAFT = """
calendars:
  - {id: office-hours, name: Office, weekly: {mon: ["09:00-17:00"]}}
"""


def run(folder: Path, *arguments: str, **env: str) -> Result:
    return CliRunner(env={"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"} | env).invoke(app, [*arguments])


def refusal(result: Result) -> str:
    """What it wrote on stderr, in one line; nothing is on stdout and no failure left the command."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return re.sub(r"[│╭╮╰╯─\s]+", " ", result.stderr)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose services know the example's catalogue."""
    folder = tmp_path_factory.mktemp("state")
    work(folder)
    return folder


def test_a_port_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path / "var", "demo", "--port", "99999")

    assert (result.exit_code, "less than or equal to 65535" in refusal(result)) == (2, True)


def test_ports_that_are_all_in_use_are_named_and_nothing_is_stored(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 65_535))
        taken.listen()
        result = run(tmp_path / "var", "demo", "--port", "65535")

    assert (result.exit_code, "No port from 65535 to 65535 can be used" in refusal(result)) == (3, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo",),
        ("load", "adur-worthing"),
        ("explain", "T1"),
        ("statement", *MONTH),
        ("quarantine", "list"),
        ("quarantine", "list", "--service", "sla-monitor"),
        ("approvals",),
        ("illustrate", "--months", "1"),
        ("rate", "EMPTY"),
    ],
    ids=" ".join,
)
def test_a_state_folder_that_cannot_be_used_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "empty").touch()

    result = run(tmp_path / "file", *(str(tmp_path / "empty") if each == "EMPTY" else each for each in arguments))

    assert (result.exit_code, "Set TALLYSTICK_VAR to a folder that you may write" in refusal(result)) == (2, True)
    assert result.stderr.startswith(f"The state folder {tmp_path}/file cannot be made: File exists.")


@pytest.mark.parametrize("content", [b"\x93\x07 no database" * 500, None], ids=["random bytes", "a folder"])
@pytest.mark.parametrize("name", ["billing.db", "catalogue.db", "sla-monitor.db", "sla-monitor-state.db", "log.db"])
def test_a_state_file_that_is_no_database_is_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is None:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(content)

    result = run(tmp_path, "statement", *MONTH)

    why = "cannot be opened" if content is None else "is not a Tallystick database (damaged?): set TALLYSTICK_VAR to"
    assert (result.exit_code, f"{tmp_path / name} {why}" in refusal(result)) == (2, True)


@pytest.mark.parametrize("text", ["afile: File exists", "adur has no agreement", "var/log.db is of another release"])
def test_a_failure_leaves_names_and_paths_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        failures.report_failure(UnusableFolder(text))

    assert capsys.readouterr().err.startswith(f"{text}.")


def test_a_folder_in_use_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with exclusive_use(tmp_path):
        result = run(tmp_path, "demo")

    assert (result.exit_code, "Stop it, or set TALLYSTICK_VAR" in refusal(result)) == (3, True)


def test_a_lock_is_gone_with_the_process_that_held_it(tmp_path: Path) -> None:
    held = (
        "import os, pathlib, sys; from tallystick.stack import exclusive_use\n"
        "with exclusive_use(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", held, str(tmp_path)], check=False)

    with exclusive_use(tmp_path):
        pass


@pytest.mark.parametrize(
    "arguments",
    [
        ("statement", *MONTH, "--to"),
        ("export", "openslo", "--to"),
        ("export", "evidence", *MONTH, "--to"),
    ],
    ids=" ".join,
)
def test_a_file_that_cannot_be_written_is_refused(arguments: tuple[str, ...], state: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    result = run(state, *arguments, str(tmp_path / "file" / "out"))

    assert (result.exit_code, "cannot be written" in refusal(result)) == (2, True)


@pytest.mark.parametrize("option", ["--verdicts", "--rejects"])
def test_a_full_disk_of_a_file_that_a_replay_writes_is_named_and_no_bug(option: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(TICKETS)
    (tmp_path / "export.csv").write_text("number,council,opened,resolved\n1,adur,2026-03-27T16:59:00,\n")
    replay = ("replay", str(tmp_path / "export.csv"), "--mapping", str(tmp_path / "mapping.yaml"))

    result = run(tmp_path / "var", *replay, option, "/dev/full")

    assert (result.exit_code, "/dev/full takes no more: No space left on device." in refusal(result)) == (2, True)
    assert "What was stored is kept. Make room there" in refusal(result)


@pytest.mark.parametrize(
    ("as_of", "why"),
    [
        ("2099-01-01T00:00:00Z", "is in the future: it is now"),
        ("9999-12-31T23:59:59-14:00", "is not of the years 2000 to 2099"),
        ("0001-01-01T00:00:00+14:00", "is not of the years 2000 to 2099"),
        ("1999-12-31T23:59:59Z", "is not of the years 2000 to 2099"),
        ("2026-04-01T00:00:00", "does not say in which zone"),
    ],
)
def test_an_instant_at_which_no_export_was_made_is_refused_before_anything_is_read(
    as_of: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "export.csv").write_text("number\n")

    result = run(tmp_path / "var", "replay", str(tmp_path / "export.csv"), "--mapping", "glpi", "--as-of", as_of)

    assert (result.exit_code, why in refusal(result)) == (2, True)
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("option", ["--verdicts", "--rejects"])
def test_a_replay_that_could_not_write_its_files_does_not_begin(option: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(TICKETS)
    (tmp_path / "export.csv").write_text("number,council,opened,resolved\n1,adur,2026-03-27T16:59:00,\n")
    replay = ("replay", str(tmp_path / "export.csv"), "--mapping", str(tmp_path / "mapping.yaml"))

    result = run(tmp_path / "var", *replay, option, str(tmp_path / "mapping.yaml" / "out.csv"))

    assert (result.exit_code, "cannot be written" in refusal(result)) == (2, True)
    assert not (tmp_path / "var" / "log.db").exists()


@pytest.mark.parametrize(("url", "code"), [("kafka://127.0.0.1:1", 3), ("amqp://broker", 2), ("kafka://", 2)], ids=str)
@pytest.mark.parametrize("arguments", [("illustrate", "--months", "1"), ("quarantine", "list")], ids=" ".join)
def test_a_log_that_does_not_answer_is_named(arguments: tuple[str, ...], url: str, code: int, tmp_path: Path) -> None:
    result = run(tmp_path / "var", *arguments, BUS_URL=url, **OTHER_STORES)

    assert (result.exit_code, "BUS_URL" in refusal(result)) == (code, True)


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody:secret@127.0.0.1:1/none", "mysql://x/y", "nonsense"])
def test_a_database_that_does_not_answer_is_named_and_its_password_is_not(url: str, tmp_path: Path) -> None:
    result = run(tmp_path / "var", "quarantine", "list", "--service", "billing", DATABASE_URL=url)

    assert result.exit_code in {2, 3}
    assert "DATABASE_URL" in refusal(result)
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("approvals", "--service", "sla-monitor"), ("quarantine", "parked", "--service", "billing")],
    ids=" ".join,
)
def test_a_database_out_of_reach_is_no_bug_of_any_verb(arguments: tuple[str, ...], tmp_path: Path) -> None:
    address = "postgresql+psycopg://nobody:secret@127.0.0.1:1/none"

    result = run(tmp_path / "var", *arguments, DATABASE_URL=address)

    assert (result.exit_code, "The database does not answer now" in refusal(result)) == (3, True)
    assert "secret" not in result.stderr


def test_a_kafka_out_of_reach_is_named_in_a_sentence_and_nothing_else(tmp_path: Path) -> None:
    environment = state_folder_env(tmp_path) | {"BUS_URL": "kafka://127.0.0.1:1"} | OTHER_STORES

    ended = subprocess.run(
        [sys.executable, "-m", "tallystick", "quarantine", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 3
    assert ended.stderr.startswith("Kafka at 127.0.0.1:1 does not answer: no connection could be made")
    assert "Error" not in ended.stderr
    assert "{" not in ended.stderr


def unread(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of the command, whose output nobody reads."""
    command = [sys.executable, "-m", "tallystick", *arguments]
    with subprocess.Popen(
        command, env=state_folder_env(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        errors = started.stderr.read()
    return started.returncode, errors


def test_a_statement_is_written_although_nobody_reads_what_is_printed(state: Path, tmp_path: Path) -> None:
    assert unread(state, "statement", *MONTH, "--to", str(tmp_path / "out")) == (141, "")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".csv", ".html", ".pdf", ".xlsx"}


@pytest.mark.parametrize("arguments", [("--help",), ("replay", "--help"), ("--version",)], ids=" ".join)
def test_help_that_nobody_reads_is_no_failure(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert unread(tmp_path, *arguments) == (141, "")


def test_a_bug_is_called_one_and_its_traceback_is_kept_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(load, "open_stack", broken)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    result = run(tmp_path / "var", "load", "adur-worthing")

    assert (result.exit_code, "This is a bug in Tallystick: ZeroDivisionError" in refusal(result)) == (70, True)
    (kept,) = tmp_path.glob("tallystick-*.txt")
    assert "on purpose" in kept.read_text()
    assert oct(kept.stat().st_mode & 0o777) == oct(0o600)


def test_a_bug_whose_traceback_cannot_be_kept_is_reported_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(load, "open_stack", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))

    result = run(tmp_path / "var", "load", "adur-worthing")

    assert result.exit_code == 70
    assert "Please report it with these details:\nTraceback" in result.stderr


def test_a_failure_in_the_log_shows_no_local_variable_and_keeps_standard_output_free(tmp_path: Path) -> None:
    program = """
import sys, structlog
sys.argv = ["tallystick", "load", "nowhere"]
from tallystick.__main__ import main
try:
    main()
except SystemExit:
    pass
def request(authorization):
    raise ZeroDivisionError
try:
    request("Bearer " + "secret")
except ZeroDivisionError:
    structlog.get_logger().exception("request.failed")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], env=state_folder_env(tmp_path), capture_output=True, text=True, check=True
    )

    assert "request.failed" in ended.stderr
    assert "Bearer secret" not in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("at-risk",),
        ("attainment", "--month", "2026-03"),
        ("export", "openslo"),
        ("explain", "T1"),
        ("correct", "--from", "2026-03-01", "--to", "2026-04-01"),
    ],
    ids=" ".join,
)
def test_a_council_that_is_misspelt_is_refused_with_the_one_that_is_known(
    arguments: tuple[str, ...], state: Path
) -> None:
    result = run(state, *arguments, "--council", "adurr")

    assert (result.exit_code, "No such council is known: did you mean adur?" in refusal(result)) == (2, True)


@pytest.mark.parametrize("verb", [("statement",), ("export", "evidence")], ids=" ".join)
def test_a_council_that_is_misspelt_has_no_file(verb: tuple[str, ...], state: Path, tmp_path: Path) -> None:
    result = run(state, *verb, "adurr", "2026-03", "--to", str(tmp_path / "file"))

    assert (result.exit_code, "did you mean adur?" in refusal(result)) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("at-risk",),
        ("attainment",),
        ("explain", "T1"),
        ("statement", *MONTH),
        ("export", "openslo"),
        ("what-if", "DRAFT", "--from", "2026-03", "--to", "2026-03"),
        ("compare", "DRAFT", "2026-03", "--mapping", "RECHARGES"),
        ("rate", "EMPTY"),
        ("correct", "--from", "2026-03-01", "--to", "2026-04-01"),
        ("quarantine", "list"),
        ("approvals",),
        ("people", "list"),
        ("clients", "list"),
        ("audit", "list"),
    ],
    ids=" ".join,
)
def test_a_verb_that_reads_makes_no_folder_and_says_that_nothing_is_there(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    files = {"DRAFT": tmp_path / "draft.yaml", "EMPTY": tmp_path / "empty", "RECHARGES": tmp_path / "recharges.yaml"}
    files["DRAFT"].write_text(DRAFT)
    files["EMPTY"].touch()
    files["RECHARGES"].write_text("council: {constant: a}\nservice: {constant: b}\namount: {column: 'calendars:'}\n")

    result = run(tmp_path / "var", *(str(files.get(each, each)) for each in arguments))

    assert (result.exit_code, "nothing was ever stored there" in refusal(result)) == (2, True)
    assert not (tmp_path / "var").exists()


def test_a_choice_that_does_not_exist_is_refused_in_the_command_s_own_words(tmp_path: Path) -> None:
    result = run(tmp_path, "attainment", "--over", "decade")

    assert "Invalid value for '--over': 'decade' is not one of 'month'" in refusal(result)


def test_every_known_failure_says_what_to_do() -> None:
    assert all(advice.do.endswith(".") and advice.code in {2, 3} for advice in failures.ADVICE)


def test_a_digest_that_was_not_shown_is_refused(state: Path, tmp_path: Path) -> None:
    result = run(state, "backfill", str(file_of(tmp_path, LATE)), "--approve", "abc", "--reason", "x", "--actor", "ada")

    assert (result.exit_code, "Nothing was sent" in refusal(result)) == (2, True)


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("verb", [(), *((verb.name,) for verb in VERBS)], ids=lambda verb: " ".join(verb) or "root")
def test_every_verb_has_help_under_both_names(verb: tuple[str, ...], option: str, tmp_path: Path) -> None:
    result = run(tmp_path, *verb, option)

    assert (result.exit_code, "Usage:" in result.stdout) == (0, True)


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert re.fullmatch(r"tallystick \d+\.\d+\.\d+\n", run(tmp_path, "--version").stdout)


def test_a_statement_is_written_in_the_forms_that_are_named_and_no_other(state: Path, tmp_path: Path) -> None:
    named = run(state, "statement", *MONTH, "--to", str(tmp_path), "--form", "csv", "--form", "json")
    unknown = run(state, "statement", *MONTH, "--to", str(tmp_path), "--form", "docx")
    every = ", ".join(form.suffix for form in FORMS)

    assert (named.exit_code, {path.suffix for path in tmp_path.iterdir()}) == (0, {".csv", ".json"})
    assert (unknown.exit_code, every in " ".join(unknown.stderr.split())) == (2, True)
    assert every in " ".join(run(state, "statement", "--help").stdout.split())


def without_the_present(text: str) -> str:
    """The text without the second at which it was made."""
    return re.sub(r"as of [^;]*;", "as of now;", text)


def test_an_item_of_a_council_that_is_not_loaded_is_explained_without_naming_the_council(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(TICKETS)
    (tmp_path / "export.csv").write_text("number,council,opened,resolved\n1,elsewhere,2026-03-27T16:59:00,\n")
    replayed = run(tmp_path, "replay", str(tmp_path / "export.csv"), "--mapping", str(tmp_path / "mapping.yaml"))

    named, unnamed = run(tmp_path, "explain", "1", "--council", "elsewhere"), run(tmp_path, "explain", "1")

    assert (replayed.exit_code, unnamed.exit_code) == (1, 0), unnamed.output
    assert "1 of elsewhere" in unnamed.stdout
    assert without_the_present(unnamed.stdout) == without_the_present(named.stdout)
    assert "There is no item '2'" in refusal(run(tmp_path, "explain", "2"))


@pytest.mark.parametrize("verb", [("statement",), ("export", "evidence")])
def test_a_month_that_has_not_begun_has_no_statement_and_no_evidence(
    verb: tuple[str, ...], state: Path, tmp_path: Path
) -> None:
    result = run(state, *verb, "adur", "2099-12", "--to", str(tmp_path / "out"))

    assert (result.exit_code, [path for path in tmp_path.rglob("*") if path.is_file()]) == (2, [])
    assert result.stderr == "2099-12 has not begun.\nNothing was written. Ask for the present month or one before it.\n"


def test_a_form_without_a_folder_to_write_it_to_is_refused(state: Path) -> None:
    result = run(state, "statement", *MONTH, "--form", "pdf")

    assert (result.exit_code, "add --to FOLDER" in refusal(result)) == (2, True)


def test_a_statement_minds_no_file_of_a_form_that_is_not_asked_for(state: Path, tmp_path: Path) -> None:
    (tmp_path / "recharge-statement-adur-2026-03.json").mkdir()

    written = run(state, "statement", *MONTH, "--to", str(tmp_path), "--form", "csv")
    refused = run(state, "statement", *MONTH, "--to", str(tmp_path), "--form", "json")

    assert (written.exit_code, (tmp_path / "recharge-statement-adur-2026-03.csv").is_file()) == (0, True)
    assert (refused.exit_code, "recharge-statement-adur-2026-03.json cannot be written" in refusal(refused)) == (
        2,
        True,
    )


def test_a_folder_of_another_release_is_refused_with_what_to_do_and_left_as_it_was(state: Path, tmp_path: Path) -> None:
    older = shutil.copytree(state, tmp_path / "var")
    with closing(sqlite3.connect(older / "log.db")) as log:
        log.execute("PRAGMA user_version = 1")
        log.commit()
    before = (older / "log.db").read_bytes()

    result = run(older, "statement", *MONTH)

    assert (result.exit_code, "was written by another release" in refusal(result)) == (2, True)
    assert "Nothing was changed" in result.stderr
    assert (older / "log.db").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("load", "adur-worthing"),
        ("illustrate", "--months", "1"),
        ("statement", *MONTH),
        ("export", "openslo"),
        ("quarantine", "list"),
        ("quarantine", "parked"),
        ("quarantine", "decisions"),
        ("approvals",),
        ("what-if", "DRAFT", "--from", "2026-03", "--to", "2026-03"),
        ("try", "target", "DOCUMENT"),
    ],
    ids=" ".join,
)
def test_json_is_all_that_is_on_standard_output(arguments: tuple[str, ...], state: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(state, tmp_path / "var")
    (tmp_path / "draft.yaml").write_text(DRAFT)
    (tmp_path / "document.yaml").write_text("calendar: {weekly: {}}\nquestions: [{is_open: 2026-03-07 12:00}]\n")
    files = {"DRAFT": str(tmp_path / "draft.yaml"), "DOCUMENT": str(tmp_path / "document.yaml")}

    result = run(folder, *(files.get(each, each) for each in arguments), "--json")

    assert result.exit_code == 0, result.stderr
    assert isinstance(json.loads(result.stdout), dict | list)
