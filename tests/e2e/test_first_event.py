"""docs/first-event.md: an integrator's first five minutes, run from top to bottom, with the answers that it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.examples import definitions_of
from tests.support.served import served
from tests.support.service_process import clean_environment, eventually

PAGE = (Path(__file__).parents[2] / "docs/first-event.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
# What differs from run to run, and what stands for it.
CHANGING = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "INSTANT"),
    (r"urn:uuid:[0-9a-f-]{36}", "INSTANCE"),
    (r"tsc_[0-9a-zA-Z_-]+", "CLIENT"),
    (r"is \d+ s (ahead|behind)", "is N s ahead"),
    (r"/\d+@\d+", "/PARTITION@OFFSET"),
    (r"/\d{4}-\d\d$", "/MONTH"),
)


def steps() -> list[tuple[str, str]]:
    """Each command of the page, and what it shows below it."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    blocks = "\n".join(content for language, content in fenced if not language)
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", blocks, re.MULTILINE)
    return [(command, shown.strip()) for command, shown in found]


def steady(text: str) -> list[str]:
    for pattern, name in CHANGING:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return [line.rstrip() for line in text.strip().splitlines()]


class Shell:
    """A shell that keeps its variables from one command to the next."""

    def __init__(self, folder: Path) -> None:
        binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**clean_environment(), "PATH": binaries, "TALLYSTICK_VAR": str(folder / "var"), "COLUMNS": "300"}
        self._folder, self._env, self._before = folder, env, list[str]()

    def run(self, command: str) -> str:
        program = "\n".join([*self._before, command])
        if re.match(r"set -a|[A-Z]+=", command):
            self._before.append(command)
        ended = subprocess.run(
            ["bash", "-c", program],
            cwd=self._folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.stdout


def answer_of(shell: Shell, command: str) -> str:
    """What the command answers; of `status`, once the services have read the event."""
    answers: list[str] = []

    def is_settled() -> bool:
        answers.append(shell.run(command))
        return " status " not in command or not re.search("waiting|not yet", answers[-1])

    eventually(is_settled)
    return answers[-1]


def test_the_page_shows_what_its_commands_answer(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    with served(tmp_path / "var", definitions=definitions_of("adur-worthing")) as address:
        for command, shown in steps():
            found = answer_of(shell, command.replace(ADDRESS, address))
            assert steady(found.replace(address, ADDRESS)) == steady(shown), command
