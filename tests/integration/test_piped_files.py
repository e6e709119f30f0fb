"""What a command reads may come through a pipe, and what has no end is refused."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from tallystick.command import app
from tests.support.replays import TICKETS
from tests.support.service_process import state_folder_env

HEADER = "number,council,opened,resolved\n"
EXPORT = f"{HEADER}1,adur,2026-03-02T09:00:00,2026-03-02T10:00:00\n2,adur,2026-03-02T09:00:00,\n"
MAPPING = f"{TICKETS}\ntrial:\n  title: Trial\n  provider: {{id: p, name: P}}\n"
AS_OF = ("--as-of", "2026-04-01T00:00:00Z")
LONGEST_S = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an export and its mapping."""
    (tmp_path / "export.csv").write_text(EXPORT, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def piped(path: Path) -> Path:
    """A pipe through which the file's content comes, once."""
    pipe = path.with_name(f"piped-{path.name}")
    os.mkfifo(pipe)
    Thread(target=pipe.write_bytes, args=(path.read_bytes(),), daemon=True).start()
    return pipe


def run(folder: Path, *arguments: str | Path) -> Result:
    return CliRunner(env={"TALLYSTICK_VAR": str(folder / "var")}).invoke(app, [*map(str, arguments)])


def replayed(folder: Path, export: Path, mapping: Path) -> bytes:
    """The verdict file of the replay, into a folder of its own."""
    verdicts = folder / "verdicts.csv"
    result = run(folder / f"of-{export.name}", "replay", export, "--mapping", mapping, *AS_OF, "--verdicts", verdicts)
    assert result.exit_code == 0, result.output
    return verdicts.read_bytes()


def test_a_pipe_is_read_as_a_file_is(folder: Path) -> None:
    export, mapping = folder / "export.csv", folder / "mapping.yaml"

    assert replayed(folder, piped(export), piped(mapping)) == replayed(folder, export, mapping)


def test_standard_input_is_read_as_a_file_is(folder: Path) -> None:
    command = (sys.executable, "-m", "tallystick", "replay", "/dev/stdin", "--mapping", str(folder / "mapping.yaml"))

    ended = subprocess.run(
        [*command, *AS_OF],
        input=EXPORT,
        env=state_folder_env(folder / "var"),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )

    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "2 rows = 2 translated + 0 refused"), ended.stderr
    assert "Reading /dev/stdin until it ends.\n" in ended.stderr
    assert [each.name for each in (folder / "var" / "rejects").iterdir()] == ["stdin.csv"]


def test_a_first_mapping_is_found_for_what_comes_through_a_pipe(folder: Path) -> None:
    named = run(folder, "map", folder / "export.csv").stdout

    assert run(folder, "map", piped(folder / "export.csv")).stdout.splitlines()[2:] == named.splitlines()[2:]


def test_a_lookup_may_be_a_pipe(folder: Path) -> None:
    (folder / "names.csv").write_text("who,council\nA,adur\n", encoding="utf-8")
    looked_up = MAPPING.replace(
        "council: {column: council}", "council: {column: council, lookup: names, field: council}"
    )
    (folder / "mapping.yaml").write_text(f"lookups: {{names: {{key: who}}}}\n{looked_up}", encoding="utf-8")
    (folder / "export.csv").write_text(EXPORT.replace("adur", "A"), encoding="utf-8")
    export, mapping = folder / "export.csv", folder / "mapping.yaml"

    result = run(
        folder, "replay", export, "--mapping", mapping, *AS_OF, "--lookup", f"names={piped(folder / 'names.csv')}"
    )

    assert (result.exit_code, "3 events = 3 applied" in result.stdout) == (0, True), result.output


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
@pytest.mark.parametrize("what", ["export.csv", "mapping.yaml"])
def test_a_device_is_no_file(what: str, device: str, folder: Path) -> None:
    files = {"export.csv": str(folder / "export.csv"), "mapping.yaml": str(folder / "mapping.yaml")} | {what: device}

    result = run(folder, "replay", files["export.csv"], "--mapping", files["mapping.yaml"])

    assert (result.exit_code, f"{device} is neither a file nor a pipe." in result.stderr) == (2, True)


def test_a_file_that_is_gone_is_not_found_and_no_line_of_it_is_named(folder: Path) -> None:
    export, mapping = folder / "export.csv", folder / "mapping.yaml"
    export.unlink()
    export.symlink_to(folder / "nowhere")
    (folder / "mapping.yaml").write_text(f"lookups: {{names: {{key: who, file: export.csv}}}}\n{MAPPING}", "utf-8")

    result = run(folder, "replay", mapping, "--mapping", mapping)

    assert (result.exit_code, "export.csv cannot be read: No such file or directory" in result.stderr) == (2, True)
