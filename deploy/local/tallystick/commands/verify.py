"""`tallystick verify`: a file proves itself, without any state."""

from pathlib import Path

from sla_monitor.domain.verification import verify
from tallystick.console import err, out

EXIT_FAULTS = 1
_SHOWN = 50


def verify_verdicts(file: Path) -> None:
    """Every verdict of an evidence file was judged again; ends with 1 where anything is not as it was written."""
    found = verify(file.read_bytes())
    if found.faults:
        for fault in found.faults[:_SHOWN]:
            err.print(fault, highlight=False, markup=False, soft_wrap=True)
        if len(found.faults) > _SHOWN:
            err.print(f"… and {len(found.faults) - _SHOWN:,} more", highlight=False, markup=False)
        raise SystemExit(EXIT_FAULTS)
    if found.heading is not None:
        of = f"{found.heading.council} in {found.heading.month}"
        out.print(f"{found.verdicts:,} verdicts on {found.items:,} items of {of}", highlight=False, soft_wrap=True)
    out.print(f"were judged again: each is as it is written. SHA-256 {found.sha256}", highlight=False, soft_wrap=True)
