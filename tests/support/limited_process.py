"""Documents read in a process of its own, each within limits of processor time and memory that the system enforces.

`python -m tests.support.limited_process KIND` reads a JSON list of texts from stdin and answers how each ended: 0, or
the number of the signal or the error that ended it. The limits are of work done, whatever else the machine does.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# What a document of 10 kB may take is a second and 200 MB; a slow machine takes three times as long.
CPU_S = 3
MEMORY_BYTES = 200 * 2**20
TOO_MUCH = 99


def ends_of(kind: str, texts: Sequence[str]) -> list[int]:
    """How reading each text ended: 0 where its answer, or its faults, came within the limits."""
    command = [sys.executable, "-m", "tests.support.limited_process", kind]
    found = subprocess.run(command, input=json.dumps(list(texts)), capture_output=True, text=True, check=True)
    ends: list[int] = json.loads(found.stdout)
    return ends


def _try_target(raw: bytes) -> object:
    from shared.documents import InvalidDocument
    from sla_monitor.trial.target import try_target

    try:
        return try_target(raw, written_in="yaml")
    except InvalidDocument as refused:
        return str(refused)


def _load(raw: bytes) -> object:
    from datetime import UTC, datetime

    from catalogue.adapters.partnership_files import parse
    from catalogue.domain.validation import faults
    from shared.holidays import shipped_holidays

    return faults(parse(raw), {}, shipped_holidays(), datetime.now(UTC))


_READERS: dict[str, Callable[[bytes], object]] = {"try": _try_target, "load": _load}


def _end_of(read: Callable[[bytes], object], raw: bytes) -> int:
    child = os.fork()
    if child == 0:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        memory = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        try:
            read(raw)
        except BaseException:  # noqa: BLE001 (whatever it was, the parent is told)
            os._exit(TOO_MUCH)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    reader = _READERS[sys.argv[1]]
    reader(b"{}")  # imported once, before the limits
    sys.stdout.write(json.dumps([_end_of(reader, text.encode()) for text in json.load(sys.stdin)]))
