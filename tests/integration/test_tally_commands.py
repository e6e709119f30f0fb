"""`tallystick verify`, `acknowledge`, `export tally` and `demo tamper`, as people type them."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import Result

from catalogue.adapters.partnership_files import load
from shared.auth.sealing import key_set
from shared.clock import WallClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import USAGE
from shared.instants import epoch_ms
from shared.log.port import Message
from shared.period import month_of
from tallystick.stack import open_stack
from tests.integration.test_command_on_servers import MONTH, address, folder, run
from tests.support.recharges import recorded
from tests.support.tallies import COUNCILS, PROVIDERS, STRANGERS, lines, resealed, written

__all__ = ["address", "folder"]  # the fixtures


@pytest.fixture
def tally(tmp_path: Path) -> Path:
    return written(lines(), tmp_path, "may.tally.jsonl")


@pytest.fixture
def provider_key(tmp_path: Path) -> Path:
    path = tmp_path / "statement-keys.json"
    path.write_bytes(msgspec.json.encode(key_set([PROVIDERS])))
    return path


def acknowledged(tally: Path, tmp_path: Path, *more: str) -> Result:
    return run("acknowledge", str(tally), "--key", str(tmp_path / "own.pem"), *more)


def test_what_was_verified_is_said_with_the_key_it_was_signed_by(tally: Path, provider_key: Path) -> None:
    plain, keyed = run("verify", str(tally)), run("verify", str(tally), "--key", str(provider_key))

    assert (plain.exit_code, keyed.exit_code) == (0, 0), plain.output + keyed.output
    assert plain.stdout.splitlines()[:4] == [
        "Verified: statement 2026-27.0002 of ashby for 2026-05, £15,483.44 before VAT.",
        "Counted again: 161 events and 30 verdicts. Every line was rated again.",
        "No difference was found.",
        f"Signed by the key {PROVIDERS.kid}, which you have not confirmed (--key).",
    ]
    assert f"Signed by the key {PROVIDERS.kid}, which is one of those you gave." in keyed.stdout


def test_a_file_that_does_not_verify_ends_with_1_and_names_what_differs(tmp_path: Path) -> None:
    path = written(lines()[:-1], tmp_path)

    found, as_json = run("verify", str(path)), run("verify", str(path), "--json")

    assert (found.exit_code, found.stdout) == (1, "")
    assert "the file ends after line 203 without its seal: it is not whole" in found.stderr
    assert json.loads(as_json.stdout)["faults"] == [found.stderr.strip()]


@pytest.mark.parametrize("given", ["folder", "missing", "no key", "council key alone"])
def test_what_cannot_be_used_ends_with_2(tally: Path, tmp_path: Path, given: str) -> None:
    (tmp_path / "text").write_text("no key")
    arguments = {
        "folder": [str(tmp_path)],
        "missing": [str(tmp_path / "nothing")],
        "no key": [str(tally), "--key", str(tmp_path / "text")],
        "council key alone": [str(tally), "--council-key", str(tmp_path / "text")],
    }[given]

    found = run("verify", *arguments)

    assert (found.exit_code, found.stdout) == (2, "")
    assert "Traceback" not in found.stderr


def test_the_document_before_is_compared_by_its_bytes(tally: Path, tmp_path: Path) -> None:
    april, other = tmp_path / "april.json", tmp_path / "other.json"
    april.write_bytes(b"the statement of April")
    other.write_bytes(b"another statement of April")

    right, wrong = (run("verify", str(tally), "--previous", str(each)) for each in (april, other))

    assert (right.exit_code, wrong.exit_code) == (0, 1), right.output
    assert "the chain is broken" in wrong.stderr


def test_a_council_makes_its_key_acknowledges_and_later_sees_what_was_written_again(
    tally: Path, tmp_path: Path
) -> None:
    made = acknowledged(tally, tmp_path, "--new-key")
    signed = tmp_path / "may.acknowledgement.json"
    public = tmp_path / "own.public.json"
    public.write_bytes(msgspec.json.encode(msgspec.json.decode(signed.read_bytes())["key"]))

    forged = written(resealed(lines(), lambda record: record, STRANGERS)[:-1] + lines()[-1:], tmp_path, "same.jsonl")
    same = run("verify", str(forged), "--acknowledgement", str(signed), "--council-key", str(public))
    other = written(lines(is_issued=False), tmp_path, "other.jsonl")
    different = run("verify", str(other), "--acknowledgement", str(signed))

    assert made.exit_code == 0, made.output
    assert (tmp_path / "own.pem").stat().st_mode & 0o077 == 0
    assert same.exit_code == 0, same.output
    assert "Acknowledged by the council with the key" in same.stdout
    assert different.exit_code == 1
    assert "this is not what the council acknowledged: the number was 2026-27.0002" in different.stderr


def test_a_key_that_exists_is_kept_and_a_draft_is_not_acknowledged(tally: Path, tmp_path: Path) -> None:
    assert acknowledged(tally, tmp_path, "--new-key").exit_code == 0
    key = (tmp_path / "own.pem").read_text()

    again, draft = acknowledged(tally, tmp_path, "--new-key"), written(lines(is_issued=False), tmp_path)
    refused = acknowledged(draft, tmp_path)

    assert (again.exit_code, refused.exit_code) == (2, 1)
    assert "exists. It is kept." in " ".join(again.stderr.split())
    assert "It is a draft, which can still change." in refused.stderr
    assert (tmp_path / "own.pem").read_text() == key


def test_what_another_key_signed_is_not_the_councils(tally: Path, tmp_path: Path) -> None:
    assert acknowledged(tally, tmp_path, "--new-key").exit_code == 0
    councils = tmp_path / "council.json"
    councils.write_bytes(msgspec.json.encode(key_set([COUNCILS])))
    signed = tmp_path / "may.acknowledgement.json"

    found = run("verify", str(tally), "--acknowledgement", str(signed), "--council-key", str(councils))

    assert found.exit_code == 1
    assert "which is none of those given" in found.stderr


def test_a_tally_from_servers_is_the_one_of_the_folder_and_verifies(folder: Path, address: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here.gz", tmp_path / "there.gz"

    for to, where in ((here, {"TALLYSTICK_VAR": str(folder)}), (there, {"TALLYSTICK_URL": address})):
        assert run("export", "tally", *MONTH, "--to", str(to), **where).stdout == f"{to}\n"

    assert here.read_bytes() == there.read_bytes()
    found = run("verify", str(there))
    assert (found.exit_code, "No difference was found" in found.stdout) == (0, True), found.output


def test_the_demo_changes_a_pound_in_a_copy_and_the_check_names_it(tmp_path: Path) -> None:
    asyncio.run(demo(tmp_path))

    found = run("demo", "tamper", TALLYSTICK_VAR=str(tmp_path))

    assert found.exit_code == 0, found.output
    assert "verifies:" in found.stdout.splitlines()[0]
    assert "was changed from £" in found.stdout
    assert "by the events in the file, the statement says £" in found.stdout
    changed = next(tmp_path.glob("*.changed.tally.jsonl.gz"))
    assert run("verify", str(changed)).exit_code == 1
    assert run("verify", str(next(tmp_path.glob("adur-*[0-9].tally.jsonl.gz")))).exit_code == 0


async def demo(folder: Path) -> None:
    """The example partnership, and a month of payslips before this one."""
    at: datetime = month_of(WallClock().now()).previous.start_at + timedelta(days=9)
    async with open_stack(folder) as stack:
        await stack.record([each.definition for each in load("adur-worthing").entries])
        for number in range(20):
            reading = recorded(f"r-{number}", at.isoformat(), "10")
            sent = msgspec.structs.replace(reading, council="adur", source="/councils/adur/systems/payroll")
            message = Message(sent.key, encode_event(sent), timestamp_ms=epoch_ms(sent.time))
            await stack.bus.publish(USAGE.name, [message])
        await stack.drain()


def test_the_demo_says_where_there_is_nothing_to_change(tmp_path: Path) -> None:
    found = run("demo", "tamper", TALLYSTICK_VAR=str(tmp_path))

    assert found.exit_code == 2
    assert "Traceback" not in found.stderr
