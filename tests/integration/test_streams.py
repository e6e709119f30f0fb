"""What is printed arrives whatever standard output and standard error are: closed, full, or without these letters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.replay.mapping import read_mapping
from tests.support.replays import TICKETS, changed
from tests.support.service_process import state_folder_env

MAPPING = (
    changed(TICKETS, {"  - {event: resolved, column: resolved}\n": ""})
    + "trial:\n  title: T\n  provider: {id: p, name: P}\n"
)
ODD = "new\nline\u202e\x1b[31m[red]\udcff.csv"  # a line, a turn of direction, a colour, markup, half a letter


def shell(line: str, folder: Path, *, program: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """What the shell's line comes to; `$TALLYSTICK` is the command, `$PROGRAM` runs `program` after its preparation."""
    prepared = f"from tallystick.streams import prepare_streams; prepare_streams(); {program}"
    given = (
        {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "TEXT": prepared} | state_folder_env(folder) | environment
    )
    line = line.replace("$TALLYSTICK", '"$PYTHON" -m tallystick').replace("$PROGRAM", '"$PYTHON" -c "$TEXT"')
    return subprocess.run(
        ["/bin/sh", "-c", line], env=given, capture_output=True, encoding="utf-8", cwd=folder, check=False
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_command_whose_streams_are_closed_does_its_work(closed: str, tmp_path: Path) -> None:
    written = tmp_path / "mine.yaml"

    ended = shell(f"$TALLYSTICK map --shipped glpi --to mine.yaml {closed}", tmp_path)

    assert (ended.returncode, written.exists()) == (0, True), ended.stderr


def test_no_file_is_opened_in_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    ended = shell("$PROGRAM >&- 2>&- <&-", tmp_path, program="open('opened', 'w').write(str(open('x', 'w').fileno()))")

    assert ended.returncode == 0
    assert int((tmp_path / "opened").read_text()) > 2


def test_a_full_standard_error_stops_no_work(tmp_path: Path) -> None:
    ended = shell("$TALLYSTICK map --shipped glpi --to mine.yaml 2>/dev/full", tmp_path)

    assert (ended.returncode, (tmp_path / "mine.yaml").exists()) == (0, True)


def test_a_full_standard_output_is_named_and_no_bug(tmp_path: Path) -> None:
    ended = shell("$TALLYSTICK map --list >/dev/full", tmp_path)

    assert (ended.returncode, "No space left on device" in ended.stderr) == (2, True)
    assert "bug" not in ended.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_letters_that_an_encoding_lacks_are_written_as_json_has_them(encoding: str, tmp_path: Path) -> None:
    program = "print('\\u2192 \\U0001f600')"

    ended = shell("$PROGRAM", tmp_path, program=program, PYTHONIOENCODING=encoding)

    assert (ended.returncode, ended.stdout) == (0, "\\u2192 \\ud83d\\ude00\n"), ended.stderr
    assert json.loads(f'"{ended.stdout.strip()}"') == "→ 😀"


@pytest.mark.parametrize("columns", ["0", "1", "20", "many"])
def test_however_few_columns_a_terminal_has_the_answer_is_printed(columns: str, tmp_path: Path) -> None:
    ended = shell("$TALLYSTICK map --list", tmp_path, COLUMNS=columns)

    assert ended.stdout == shell("$TALLYSTICK map --list", tmp_path).stdout
    assert "servicenow" in ended.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_file_may_have_any_name(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / ODD).write_text("number,council,opened\n1,adur,2026-03-02T09:00:00\n2,adur,soon\n", encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    command = (sys.executable, "-m", "tallystick", "replay", ODD, "--mapping", "mapping.yaml")

    ended = subprocess.run(
        [*command, *arguments], env=state_folder_env(tmp_path / "var"), capture_output=True, cwd=tmp_path, check=False
    )

    printed = (ended.stdout + ended.stderr).decode("utf-8")
    assert (ended.returncode, "bug in Tallystick" in printed) == (1, False), printed
    assert not {"\x1b", "\u202e"} & set(printed)
    assert "new\\nline\\u202e\\x1b[31m[red]\\udcff" in printed.replace("\\\\", "\\")


def test_a_mapping_for_a_file_with_any_name_is_a_mapping(tmp_path: Path) -> None:
    (tmp_path / ODD).write_text("number,council,opened,closed\n1,adur,2026-03-02T09:00:00,\n", encoding="utf-8")
    command = (sys.executable, "-m", "tallystick", "map", ODD, "--to", "mine.yaml")

    ended = subprocess.run(
        command, env=state_folder_env(tmp_path / "var"), capture_output=True, cwd=tmp_path, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert read_mapping(str(tmp_path / "mine.yaml"), lookups={}).content.source == "/replay/new-line-31m-red"
