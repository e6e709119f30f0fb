"""Standard output and standard error as they may be met: closed, full, gone with their terminal, or not UTF-8.

Imports nothing that takes time, as `interruption` does not.
"""

import codecs
import io
import os
import sys
from contextlib import suppress

_ESCAPED = "tallystick-escaped"


class _Spoken(io.TextIOWrapper):
    """Standard error: what cannot be said there, since its terminal is closed or its disk full, stops no work."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def prepare_streams() -> None:
    """The three streams are there, and whatever is printed can be: what an encoding lacks is written as JSON has it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets that number, which no file of ours may: it would be printed into
    codecs.register_error(_ESCAPED, _escaped)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
    elif isinstance(sys.stdout, io.TextIOWrapper) and not _is_utf_8(sys.stdout):
        sys.stdout.reconfigure(errors=_ESCAPED)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115 (as above)
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _Spoken(sys.stderr.detach(), encoding=sys.stderr.encoding, errors=_ESCAPED, line_buffering=True)


def give_up_output() -> None:
    """What standard output does not take is dropped: Python would try again as it ends, and with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_utf_8(stream: io.TextIOWrapper) -> bool:
    return codecs.lookup(stream.encoding).name == "utf-8"


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    units = fault.object[fault.start : fault.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), fault.end
