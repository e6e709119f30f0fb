"""The README's commands do what it says."""

import gzip
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest

from tests.conftest import MARKED_FOLDERS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL_BLOCKS: list[str] = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)
FIRST_EVENT = next(block for block in SHELL_BLOCKS if "tallystick.ticket.opened.v1" in block)
PROGRESS = re.compile(r"^  (Sending|Judging|Closing) .*\n", re.MULTILINE)
LONGEST_WAIT_S = 300  # a bound on waiting, and no claim about speed


def test_the_commands_are_those_that_are_tried_here() -> None:
    assert [block.splitlines()[0] for block in SHELL_BLOCKS] == ["make demo", FIRST_EVENT.splitlines()[0], "make test"]


def test_ci_runs_all_that_make_test_does_in_two_halves() -> None:
    # Running it from inside itself would not end.
    makefile, ci, in_image = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", ".ci/run", ".ci/in-image")
    )
    rules = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}

    assert {"test", "test-image"} <= rules
    assert set(re.findall(r"make (test[a-z-]*)", ci)) == {"test", "test-image"}
    assert "make test TESTS='(docker or host or unit) and not long'" in ci
    assert "-m 'not docker and not long'" in in_image
    assert folders == {
        *re.findall(r"tests/([a-z]+)", in_image),
        *(name for name, mark in MARKED_FOLDERS.items() if mark == "host"),
    }


class Demo:
    """`make demo` on a folder of its own, as a terminal runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "var"
        self._output = folder / "output.txt"
        # A make that knows it was started by another one says so on every line.
        inherited = {name: value for name, value in os.environ.items() if name not in {"MAKELEVEL", "MAKEFLAGS"}}
        environment = {**inherited, "TALLYSTICK_VAR": str(self.folder), "COLUMNS": "200"}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "demo"], cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def output(self) -> str:
        """All that it has printed."""
        return self._output.read_text(encoding="utf-8")

    def until(self, pattern: str) -> re.Match[str]:
        """The first match in what it prints."""
        give_up_at = time.monotonic() + LONGEST_WAIT_S
        while (found := re.search(pattern, self.output())) is None:
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < give_up_at, self.output()
            time.sleep(0.1)
        return found

    def interrupt(self) -> int:
        """Ctrl-C, which a terminal sends to every process of the command; returns how `make` ended."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(LONGEST_WAIT_S)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


@pytest.mark.usefixtures("as_from_a_terminal")
def test_make_demo_prints_what_the_readme_shows_and_keeps_its_data_when_stopped(demo: Demo) -> None:
    address = demo.until(r"Open (http://\S+)  ")[1]
    browser = build_opener(HTTPCookieProcessor())
    assert "Use a sign-in link" not in page(browser, demo.until(r"Provider operator +(http\S+)")[1])
    demo.until("Ready")
    home = page(browser, address)
    assert "Signed in: Provider operator" in home
    month = re.search(r"/v1/statements/adur/([\d-]+)", home)
    assert month is not None
    first_event = run_in_shell(FIRST_EVENT, demo.folder)

    ended = demo.interrupt()

    assert ended == -signal.SIGINT  # `make` ends so when its command has ended well
    assert lines_of(demo) == shown_in_readme(address=address, folder=demo.folder)
    stated = subprocess.run(
        [ROOT / ".venv/bin/tallystick", "statement", "adur", month[1]],
        env={**os.environ, "TALLYSTICK_VAR": str(demo.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Total before VAT" in stated.stdout
    assert first_event.startswith("1 new event")
    assert named_by_verify(tampered(demo.folder)) == named_by_verify(README)


def test_the_demo_has_twelve_issued_months_with_a_correction_a_credit_and_a_query(demo: Demo) -> None:
    demo.until("Ready")
    demo.interrupt()

    with closing(connect(demo.folder / "billing.db")) as database:
        kinds = Counter(kind for (kind,) in database.execute("SELECT kind FROM document WHERE council = 'worthing'"))
        steps = Counter(name for (name,) in database.execute("SELECT type FROM statement_step"))
    of = "tallystick.statement.{}.v1".format
    assert kinds == {"statement": 12, "credit-note": 1}
    assert steps[of("checked")] == steps[of("approved")] == steps[of("issued")] == 24
    assert (steps[of("query-raised")], steps[of("query-answered")]) == (2, 1)
    assert steps[of("payment-recorded")] == 22
    assert "corrections" in last_statement(demo.folder)


def tampered(folder: Path) -> str:
    """What `tallystick demo tamper` prints."""
    done = subprocess.run(
        [ROOT / ".venv/bin/tallystick", "demo", "tamper"],
        env={**os.environ, "TALLYSTICK_VAR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def named_by_verify(text: str) -> str:
    """The first thing that `tallystick verify` names, whichever line is the dearest of the month."""
    named = re.search(r"^\$ tallystick verify .*\n(.*)$", text, re.MULTILINE)
    assert named is not None, text
    return re.sub(r"£[\d,.]+", "£…", re.sub(r"'.*?' of .*?:", "'…' of …:", named[1]))


def last_statement(folder: Path) -> dict[str, object]:
    """Adur's last issued statement, as JSON."""
    with closing(connect(folder / "billing.db")) as database:
        newest = "SELECT content FROM document WHERE council = 'adur' ORDER BY issued_at_us DESC LIMIT 1"
        ((content,),) = database.execute(newest)
    read: dict[str, object] = json.loads(gzip.decompress(content))
    return read


def run_in_shell(commands: str, folder: Path) -> str:
    """What the README's commands print, on the state in `folder` and in the folder beside it."""
    script = commands.replace(".venv/bin/", f"{ROOT}/.venv/bin/")
    environment = {**os.environ, "TALLYSTICK_VAR": str(folder)}
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder.parent, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def page(browser: OpenerDirector, address: str) -> str:
    asked = Request(address, headers={"Accept": "text/html"})  # noqa: S310 (the address is our own)
    with browser.open(asked) as answer:
        return answer.read().decode()  # type: ignore[no-any-return] # untyped in the standard library


def lines_of(demo: Demo) -> list[str]:
    """What it printed, without the bars and what depends on the port being free."""
    lines = re.sub(r"key=\S+", "key=…", PROGRESS.sub("", demo.output())).splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("Port ", "A new link for "))]


def shown_in_readme(*, address: str, folder: Path) -> list[str]:
    """The README's output, as it should be at `address` and on `folder`."""
    blocks = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    text = PROGRESS.sub("", next(block for block in blocks if block.startswith("Open")))
    return text.replace("http://127.0.0.1:8080/", address).replace("is in var;", f"is in {folder};").splitlines()
