"""Ctrl-C ends the command with 130 and one true line, whatever it was doing."""

import asyncio
import inspect
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from typer.testing import CliRunner

import tallystick
from tallystick.command import VERBS, app
from tallystick.interruption import Interruption, run_to_end
from tests.support.service_process import state_folder_env

pytestmark = pytest.mark.usefixtures("as_from_a_terminal")
# Ctrl-C comes when the command's imports reach the module that is named.
PROGRAM = """
import importlib.abc, os, signal, sys
class CtrlC(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
sys.argv = ["tallystick", *{arguments!r}]
from tallystick.__main__ import main
main()
"""


def interrupted_at(module: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(module=module, arguments=arguments)
    environment = state_folder_env(folder)
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "module", ["tallystick.command", "typer", "shellingham", "tallystick.console", "tallystick.commands.at_risk"]
)
def test_it_ends_in_a_line_while_the_command_is_still_being_imported(module: str, tmp_path: Path) -> None:
    ended = interrupted_at(module, "at-risk", "--watch", folder=tmp_path)

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("module", ["sla_monitor.domain.open_targets", "sqlalchemy", "pydantic_core", "msgspec._core"])
def test_it_ends_in_a_line_while_a_verb_imports_what_it_works_with(module: str, tmp_path: Path) -> None:
    ended = interrupted_at(module, "at-risk", "--watch", folder=tmp_path)

    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr.startswith("Interrupted.")
    assert ended.stderr.count("\n") == 1


def sentence_after(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What is said of the verb, whose work is interrupted as it begins."""

    def interrupt(*given: Any, **_: Any) -> Any:
        for each in filter(inspect.iscoroutine, given):
            each.close()
        raise KeyboardInterrupt

    # A module that is imported while they are patched would keep what stands for them.
    for module in walk_packages(tallystick.__path__, "tallystick."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    # Where verbs open what they read; those that open nothing read a file.
    for opened in ("asyncio.run", "tallystick.stack.exclusive_use", "pathlib.Path.read_bytes", "pathlib.Path.open"):
        monkeypatch.setattr(opened, interrupt)
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 130, result.output
    return result.stderr.strip()


DECISION = ("--reason", "x", "--actor", "ada", "--yes")


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("at-risk", "--watch"), Interruption.READS),
        (("attainment",), Interruption.READS),
        (("explain", "T1"), Interruption.WRITES_FILES),
        (("statement", "adur", "2026-03"), Interruption.WRITES_FILES),
        (("export", "openslo"), Interruption.WRITES_FILES),
        (("load", "adur-worthing"), Interruption.RESUMES),
        (("illustrate", "--months", "1"), Interruption.SENDS),
        (("quarantine", "list"), Interruption.READS),
        (("quarantine", "redrive", "--all", *DECISION), Interruption.DECIDES),
        (("people", "list"), Interruption.READS),
        (("people", "remove", "ada", "--yes"), Interruption.GRANTS),
        (("audit", "verify"), Interruption.READS),
        (("demo", "incident"), Interruption.STAYS),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else each.name,
)
def test_it_says_what_is_true_of_the_verb(
    arguments: tuple[str, ...], left: Interruption, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TALLYSTICK_VAR", str(tmp_path))

    assert sentence_after(monkeypatch, *arguments) == left.sentence


def test_a_dry_run_of_a_replay_has_changed_nothing() -> None:
    replay = next(verb for verb in VERBS if verb.name == "replay")

    assert replay.interruption(["june.csv", "--mapping", "mine.yaml"]) is Interruption.RESUMES
    assert replay.interruption(["june.csv", "--mapping", "mine.yaml", "--dry-run"]) is Interruption.READS


def test_a_backfill_has_changed_nothing_unless_it_was_approved() -> None:
    backfill = next(verb for verb in VERBS if verb.name == "backfill")

    assert backfill.interruption(["events.jsonl"]) is Interruption.READS
    assert backfill.interruption(["events.jsonl", "--approve=0a1b"]) is Interruption.BACKFILLS


def test_a_program_that_calls_the_command_keeps_its_signals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TALLYSTICK_VAR", str(tmp_path))
    before = signal.getsignal(signal.SIGINT)

    assert sentence_after(monkeypatch, "attainment") == Interruption.READS.sentence
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_of_another_program_may_call_the_command() -> None:
    async def work() -> int:
        return 7

    async def program() -> int:
        return await asyncio.to_thread(lambda: run_to_end(work()))

    assert asyncio.run(program()) == 7
