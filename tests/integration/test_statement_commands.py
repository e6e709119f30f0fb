"""`tallystick query` and `tallystick payments` on a folder: what they print, store, publish and refuse."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from billing.domain.statement import Statement
from shared.clock import WallClock
from shared.contracts.topics import STATEMENTS
from shared.log.port import Shard
from shared.period import Month, month_of
from shared.scope import Scope
from tallystick.authorisation import local_principal
from tallystick.command import app
from tallystick.servers import SETTINGS
from tallystick.stack import Stack, open_stack
from tests.support.any_time import ANY_TIME
from tests.support.examples import definitions_of

MONTH = month_of(WallClock().now()).previous
COUNCIL = "adur"


def issued(folder: Path) -> Statement:
    """The last whole month of an example's council is issued in the folder: its standing charges."""

    async def make() -> Statement:
        async with open_stack(folder) as stack:
            await stack.record(definitions_of("adur-worthing"))
            await stack.meter()
            statement = await asyncio.to_thread(issue, stack, MONTH)
            await stack.meter()
            return statement

    return asyncio.run(make())


def issue(stack: Stack, month: Month) -> Statement:
    by, steps = local_principal(), stack.billing.steps
    seen = steps.draft(COUNCIL, month, scope=Scope.all())
    if seen.review_days:
        steps.open_review(by, COUNCIL, month)
    steps.check(by, COUNCIL, month, sha256=seen.sha256)
    steps.approve(by, COUNCIL, month, sha256=seen.sha256)
    return steps.issue(by, COUNCIL, month, ANY_TIME).statement


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issued")


@pytest.fixture(scope="module", name="statement")
def _statement(folder: Path) -> Statement:
    return issued(folder)


def run(folder: Path, *arguments: str) -> Result:
    unset: dict[str, str | None] = dict.fromkeys(SETTINGS)
    return CliRunner(env=unset | {"COLUMNS": "200", "TALLYSTICK_VAR": str(folder)}).invoke(app, [*arguments])


def answered(folder: Path, *arguments: str) -> Any:
    result = run(folder, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def in_the_log(folder: Path) -> int:
    async def end() -> int:
        async with open_stack(folder) as stack:
            return (await stack.billing.read_back._bus.bounds(Shard(STATEMENTS.name, 0))).end

    return asyncio.run(end())


def test_a_query_is_raised_listed_answered_and_published(folder: Path, statement: Statement) -> None:
    line = next(line for line in statement.lines if line.amount_pence > 0)
    before = in_the_log(folder)

    raised = answered(
        folder, "query", "raise", COUNCIL, str(MONTH), "--line", line.ref, "--words", "Why?", "--id", "q-1"
    )
    assert raised["held_pence"] == line.amount_pence
    assert "Why?" in run(folder, "query", "list").stdout
    refused = run(folder, "query", "answer", COUNCIL, str(MONTH), "q-1", "credited", "--words", "x")
    assert (refused.exit_code, "credited_pence: expected 1 to" in refused.stderr) == (2, True)
    done = run(folder, "query", "answer", COUNCIL, str(MONTH), "q-1", "upheld", "--words", "So it is")

    assert (done.exit_code, done.stdout) == (0, "q-1 is answered: upheld.\n")
    assert in_the_log(folder) == before + 2


def test_a_corrected_answer_names_a_decision_that_is_in_the_log(folder: Path, statement: Statement) -> None:
    about = "--stream", "ticket", "--item", "T-1", "--words", "Paused", "--id", "q-2"
    answered(folder, "query", "raise", COUNCIL, str(statement.month), *about)

    refused = run(
        folder, "query", "answer", COUNCIL, str(MONTH), "q-2", "corrected", "--words", "x", "--corrected-by", "no-run"
    )

    assert (refused.exit_code, "exclusion or correction run of this council" in refused.stderr) == (2, True)
    withdrawn = run(folder, "query", "withdraw", COUNCIL, str(MONTH), "q-2", "--yes")
    assert (withdrawn.exit_code, withdrawn.stdout) == (0, "q-2 is withdrawn.\n")


def test_payments_are_recorded_imported_and_taken_back(folder: Path, statement: Statement, tmp_path: Path) -> None:
    assert statement.issued is not None
    day = WallClock().now().date().replace(day=1).isoformat()
    paid = run(folder, "payments", "record", COUNCIL, str(MONTH), "p-1", "1.00", "--paid-on", day)
    assert (paid.exit_code, paid.stdout) == (0, f"p-1 is recorded: £1.00 of {statement.issued.number}.\n")
    file = tmp_path / "bank.csv"
    rows = f"{statement.issued.number},2.50,{day},BACS,b-1\n{statement.issued.number},0,{day},BACS,b-2\n"
    file.write_text(f"number,amount,paid_on,reference,payment\n{rows}")

    dry = run(folder, "payments", "import", str(file), "--dry-run")
    done = run(folder, "payments", "import", str(file))
    again = run(folder, "payments", "import", str(file))

    assert (dry.exit_code, done.exit_code) == (2, 2)
    assert "line 3, amount: expected pounds above 0" in done.stdout
    assert "2 rows: 1 would be recorded (£2.50), 0 known before, 1 with faults." in dry.stdout
    assert "2 rows: 0 recorded (£0.00), 1 known before, 1 with faults." in again.stdout
    assert answered(folder, "payments", "list", COUNCIL, str(MONTH))["amounts_due"]["paid_pence"] == 350
    taken = run(folder, "payments", "take-back", COUNCIL, str(MONTH), "p-1", "--reason", "Bounced", "--yes")
    assert taken.exit_code == 0
    assert "250" in run(folder, "payments", "list", COUNCIL, str(MONTH), "--json").stdout


def test_a_file_that_is_longer_than_any_csv_of_payments_is_not_read_to_its_end(folder: Path) -> None:
    refused = run(folder, "payments", "import", "/dev/zero")

    assert refused.exit_code == 2
    assert "is longer than 1,048,576 bytes. Nothing was recorded." in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("query", "raise", "nowhere", str(MONTH), "--line", "a", "--words", "x"), "Nothing was stored"),
        (("query", "raise", COUNCIL, str(MONTH), "--words", "x"), "expected a line of the statement"),
        (("payments", "record", COUNCIL, "2019-01", "p", "1", "--paid-on", "2019-02-01"), "no statement"),
        (("payments", "import", "missing.csv"), "does not exist"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    folder: Path, statement: Statement, arguments: tuple[str, ...], words: str
) -> None:
    refused = run(folder, *arguments)

    assert refused.exit_code == 2, refused.stdout
    assert words in " ".join(refused.stderr.split())
    assert statement.issued is not None
