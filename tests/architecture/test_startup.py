"""What the command may import before it works: `--help` of any verb, and the verbs that only read a file, are quick.

Each package that is not listed here costs time at every call, and the services with theirs cost a second.
"""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from tallystick.command import VERBS
from tests.support.service_process import state_folder_env

SERVICES = frozenset({"catalogue", "sla_monitor", "billing"})
TYPER = frozenset({"typer", "annotated_doc", "shellingham"})
OWN = frozenset({"tallystick", "shared", "msgspec", "typing_extensions"})
# What typer reads arguments with.
PYDANTIC = frozenset({"pydantic", "pydantic_core", "annotated_types", "typing_inspection"})
PRINTING = frozenset({"rich"})
TRIAL = frozenset({"sla_monitor", "yaml", "tzdata"})
SIGNATURES = frozenset({"billing", "joserfc", "cryptography"})
CLAUSE = """
calendar: {weekly: {mon: ["09:00-17:00"], tue: ["09:00-17:00"]}}
targets: [{id: answer, measure: response-time, within: 2 working hours}]
events: [{at: Mon 2026-03-02 10:00, event: opened}, {at: Mon 2026-03-02 11:00, event: responded}]
as_of: Mon 2026-03-02 12:00
"""


def called(*arguments: str, folder: Path) -> tuple[set[str], str, str]:
    """The packages that the command has imported when it ends, beside Python's own, and what it wrote."""
    program = f"""
import sys
own = set(sys.modules) | sys.stdlib_module_names
sys.argv = ["tallystick", *{arguments!r}]
from tallystick.__main__ import main
try:
    main()
except SystemExit:
    pass
names = {{name.partition(".")[0] for name in sys.modules}} - own
print("\\n", *sorted(name for name in names if not name.startswith("_")), file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], env=state_folder_env(folder), capture_output=True, text=True, check=True
    )
    said, _, packages = ended.stderr.rstrip("\n").rpartition("\n")
    return set(packages.split()) - {"cython_runtime"}, ended.stdout, said


def every_verb() -> list[tuple[str, ...]]:
    """Each verb with what is under it, as people write it."""
    found: list[tuple[str, ...]] = []
    for verb in VERBS:
        found.append((verb.name,))
        if verb.is_group:
            app: typer.Typer = import_module(f"tallystick.commands.{verb.module or verb.name}").app
            names = [each.name or each.callback.__name__ for each in app.registered_commands if each.callback]
            found += [(verb.name, name.replace("_", "-")) for name in names]
    return found


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--version",)], ids=" ".join)
def test_the_command_itself_answers_with_typer_alone(arguments: tuple[str, ...], tmp_path: Path) -> None:
    packages, stdout, _ = called(*arguments, folder=tmp_path)

    assert packages <= {*TYPER, "tallystick"}
    assert "tallystick" in stdout


def test_an_unknown_verb_is_refused_without_a_service(tmp_path: Path) -> None:
    packages, _, stderr = called("nope", folder=tmp_path)

    assert "No such command 'nope'" in stderr
    assert not packages & {*SERVICES, *PYDANTIC, "shared", "msgspec", "structlog"}


@pytest.mark.parametrize("verb", every_verb(), ids=" ".join)
def test_help_of_a_verb_imports_nothing_that_the_verb_works_with(verb: tuple[str, ...], tmp_path: Path) -> None:
    packages, stdout, _ = called(*verb, "--help", folder=tmp_path)

    assert f"Usage: tallystick {' '.join(verb)}" in stdout
    assert packages <= TYPER | OWN


def test_a_target_is_tried_without_the_packages_of_servers(tmp_path: Path) -> None:
    (tmp_path / "clause.yaml").write_text(CLAUSE)

    packages, stdout, _ = called("try", "target", str(tmp_path / "clause.yaml"), folder=tmp_path)

    assert '"met"' in stdout
    assert packages <= TYPER | OWN | PYDANTIC | PRINTING | TRIAL


@pytest.mark.parametrize(
    ("content", "message"), [('{"record":"heading"}\n', "line 1"), ('{"kind":"header"}\n', "the file is no tally")]
)
def test_a_file_is_verified_without_the_packages_of_servers(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "given.jsonl").write_text(content)

    packages, _, stderr = called("verify", str(tmp_path / "given.jsonl"), folder=tmp_path)

    assert message in stderr
    assert packages <= TYPER | OWN | PYDANTIC | PRINTING | TRIAL | SIGNATURES
