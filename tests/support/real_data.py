"""Public data sets, where they lie beside the repository; docs/real-data.md says where they come from."""

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.replay_command import ReplayRun

_ROOT = Path(__file__).parents[2]
_DATA = _ROOT.parent / "shared/data"
_PAGE = _ROOT / "docs/real-data.md"

BOSTON = _DATA / "boston_311/boston_311_2015.csv.gz"
BOSTON_RULES = _DATA / "boston_311/derived_sla_rules_2015.csv"
REQUESTS_FOR_PAYMENT = _DATA / "bpic2020_request_for_payment/rfp_events.csv.gz"
HELP_DESK = _DATA / "helpdesk_italy/helpdesk_events.csv.gz"
PAYMENTS = _DATA / "uk_council_payments_2018_19/payment_lines_2018_19.csv.gz"

COUNCILS = _DATA / "uk_local_authorities/uk_local_authorities_past_current.csv.gz"
LOCAL_SERVICES = _DATA / "uk_local_services/govuk_lgsl_services.csv.gz"

NEEDS_REAL_DATA = [
    pytest.mark.real_data,
    pytest.mark.skipif(not _DATA.is_dir(), reason="../shared/data is not here"),
]
# What another machine or another folder changes.
_VOLATILE = re.compile(r"^(Judged and metered in|Verdicts:) ")


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV, plain or gzipped, by the names of its columns."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else path.open(newline="") as text:
        yield from csv.DictReader(text)


def every_table() -> list[Path]:
    """Every CSV of every public data set."""
    return sorted(_DATA.glob("*/*.csv*"))


def verdicts(ran: ReplayRun) -> dict[str, dict[str, str]]:
    """The lines of the file of verdicts, by item; fails where an item has two."""
    lines = list(rows(ran.verdicts))
    by_item = {line["item"]: line for line in lines}
    assert len(by_item) == len(lines)
    return by_item


def shown(mapping: str) -> list[str]:
    """What docs/real-data.md shows as the output of the replay with `mapping`, but for what varies."""
    block = re.search(rf"```text\n\$ tallystick replay [^$]*--mapping {mapping}\b(.*?)```", _page(), re.DOTALL)
    assert block is not None, f"docs/real-data.md shows no replay with {mapping}"
    command, _, output = block[1].partition("\n")
    while command.endswith("\\"):
        command, _, output = output.partition("\n")
    return steady(output)


def steady(output: str) -> list[str]:
    """The lines of an output that every machine prints alike."""
    return [line.rstrip() for line in output.splitlines() if not _VOLATILE.search(line)]


def _page() -> str:
    return _PAGE.read_text(encoding="utf-8")
