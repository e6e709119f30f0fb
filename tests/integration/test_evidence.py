"""Evidence of a month: it can be judged again offline to the same verdicts, and no alteration goes unnoticed."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from shared.contracts.codec import canonical_json
from sla_monitor.domain.evidence import seal_of
from sla_monitor.domain.verification import verify
from tallystick.command import app
from tests.support.histories import calendar
from tests.support.laws import law
from tests.support.monitor_client import COUNCIL, LATE, monitor_client
from tests.support.monitoring import ticket

PAUSED = [
    ("Mon 2026-03-02 09:00", "opened"),
    ("Mon 2026-03-02 11:10", "paused"),
    ("Mon 2026-03-02 14:02", "resumed"),
    ("Mon 2026-03-02 16:00", "resolved"),
]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """March of Adur: an item that an exclusion saved, one met with a pause, one ended before a late holiday."""

    async def scenario() -> bytes:
        async with monitor_client(tmp_path_factory.mktemp("evidence")) as at:
            await at.on.send(*ticket(*LATE), *ticket(*PAUSED, item="T2"), *ticket(*LATE, council="worthing"))
            await at.on.wait_until_idle()
            await at.propose()
            await at.post("/v1/exclusions/X1/approve", expect=200, by=COUNCIL)
            await at.on.publish_catalogue(calendar(closed={"2026-03-02": "Proclaimed"}), version=2)
            await at.on.wait_until_idle()
            return await at.read("/v1/evidence/adur/2026-03")

    return asyncio.run(scenario())


def test_evidence_verifies_offline_and_holds_nothing_of_other_councils(evidence: bytes) -> None:
    verified = verify(evidence)

    assert verified.faults == []
    assert (verified.items, verified.verdicts) == (2, 2)
    assert b"worthing" not in evidence
    assert [line["record"] for line in map(json.loads, evidence.splitlines())] == [
        "heading",
        "version",
        "version",
        "version",
        "exclusion",
        "item",
        "verdict",
        "item",
        "verdict",
        "seal",
    ]


@law
@given(st.data())
def test_no_altered_byte_goes_unnoticed(evidence: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(evidence) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != evidence[at]))
    altered = evidence[:at] + bytes([byte]) + evidence[at + 1 :]

    faults = verify(altered).faults

    assert faults
    if b"\n" not in (evidence[at : at + 1], bytes([byte])):  # the lines are still those that they were
        line = evidence[:at].count(b"\n") + 1
        last = evidence.count(b"\n")
        assert line == last or f"line {line} is not what was sealed" in faults


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 400))
def test_a_file_cut_anywhere_does_not_verify(evidence: bytes, kept: int) -> None:
    assert verify(evidence[: len(evidence) * kept // 401]).faults


def outcome_flipped(line: dict[str, Any]) -> None:
    if line["record"] == "verdict" and line["item"] == "T2":
        line["verdict"]["outcome"] = "breached"


def pause_forgotten(line: dict[str, Any]) -> None:
    if line["record"] == "item" and line["item"] == "T2":
        line["facts"] = [fact for fact in line["facts"] if fact["fact"] not in ("Paused", "Resumed")]


def exclusion_moved(line: dict[str, Any]) -> None:
    if line["record"] == "exclusion":
        line["exclusion"]["start"] -= 86_400
        line["exclusion"]["end"] -= 86_400


def holiday_known_earlier(line: dict[str, Any]) -> None:
    if line["record"] == "version" and line["version"] == 2:
        line["known_from"] = 1


def verdict_left_out(line: dict[str, Any]) -> None:
    if line["record"] == "verdict" and line["item"] == "T2":
        line.clear()


@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        (outcome_flipped, "ticket T2, adur-2026/resolve/1: outcome is written as breached, and follows as met"),
        (pause_forgotten, "ticket T2, adur-2026/resolve/1: counted_s is written as 7800, and follows as 14400"),
        (exclusion_moved, "ticket T1, adur-2026/resolve/1: "),
        (holiday_known_earlier, "ticket T2, adur-2026/resolve/1: "),
        (verdict_left_out, "ticket T2, adur-2026/resolve/1: is not written"),
    ],
)
def test_what_a_new_seal_would_hide_is_found_by_judging_again(
    evidence: bytes, forge: Callable[[dict[str, Any]], None], fault: str
) -> None:
    lines = [json.loads(line) for line in evidence.splitlines()[:-1]]
    for line in lines:
        forge(line)
    forged = [canonical_json(line) for line in lines if line]
    resealed = b"".join(line + b"\n" for line in (*forged, canonical_json(seal_of(forged))))

    faults = verify(resealed).faults

    assert any(each.startswith(fault) for each in faults), faults
    assert not any("sealed" in each for each in faults)


def test_the_command_says_what_holds_and_what_does_not(evidence: bytes, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(evidence)
    bad.write_bytes(evidence.replace(b'"outcome":"met"', b'"outcome":"breached"', 1))

    passed = CliRunner().invoke(app, ["verify", str(good)])
    failed = CliRunner().invoke(app, ["verify", str(bad)])

    assert passed.exit_code == 0, passed.output
    assert passed.output.splitlines() == [
        "Evaluated again: 2 verdicts on 2 items of adur in 2026-03.",
        "No difference was found.",
        f"SHA-256 of the file: {hashlib.sha256(evidence).hexdigest()}",
        f"SHA-256 in the seal: {json.loads(evidence.splitlines()[-1])['sha256']}",
    ]
    assert failed.exit_code == 1
    assert "line 7 is not what was sealed" in failed.output


def test_a_council_without_agreement_has_no_evidence(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with monitor_client(tmp_path) as at:
            return await at.status("/v1/evidence/nowhere/2026-03")

    assert asyncio.run(scenario()) == 404
