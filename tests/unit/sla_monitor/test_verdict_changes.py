"""What announcements would change, in words: added, removed, changed, council by council."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.verdicts import (
    CorrectedData,
    RetractedData,
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictData,
    VerdictEvent,
    VerdictRetracted,
    WarningData,
    WarningReached,
)
from sla_monitor.domain.verdict_changes import VerdictChanges, verdict_changes

ABOUT: dict[str, Any] = {
    "service": "ict",
    "target": "resolve",
    "stream": "ticket",
    "measure": "resolution-time",
    "agreement": "adur-2026",
    "agreement_version": 1,
}
PUBLISHED = {**ABOUT, "month": "2026-03"}


def event(kind: type[Any], data: Any, *, item: str = "T1", council: str = "adur") -> Any:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return kind(id=f"{item}:{kind.__name__}", source="/sla-monitor", time=at, subject=item, council=council, data=data)


MET = event(TargetMet, VerdictData(**PUBLISHED, outcome="met"))
BREACHED = event(TargetBreached, VerdictData(**PUBLISHED, outcome="breached"), item="T2")
WAS_MISSED: dict[str, Any] = {"was": "breached", "was_month": "2026-02", "cause": "e1"}
CORRECTED = event(VerdictCorrected, CorrectedData(**PUBLISHED, outcome="met", **WAS_MISSED), item="T3")
MOVED = event(VerdictCorrected, CorrectedData(**PUBLISHED, outcome="breached", **WAS_MISSED), item="T4")
RETRACTED = event(VerdictRetracted, RetractedData(**ABOUT, **WAS_MISSED), item="T5")
WARNED = event(WarningReached, WarningData(**ABOUT, percent=75))


@pytest.mark.parametrize(
    ("announced", "kind", "words"),
    [
        (MET, "added", "adur-2026, resolve: 1 met added"),
        (BREACHED, "added", "adur-2026, resolve: 1 breached added"),
        (CORRECTED, "changed", "adur-2026, resolve: 1 breached → met"),
        (MOVED, "changed", "adur-2026, resolve: 1 breached with other figures"),
        (RETRACTED, "removed", "adur-2026, resolve: 1 breached removed"),
    ],
    ids=["met", "breached", "corrected", "other month", "retracted"],
)
def test_an_announcement_is_a_verdict_added_changed_or_removed(announced: VerdictEvent, kind: str, words: str) -> None:
    found = verdict_changes([announced])

    assert ([each.kind for each in found.verdicts], list(found.of("adur"))) == ([kind], [words])


def test_warnings_are_counted_separately() -> None:
    assert verdict_changes([WARNED, WARNED]) == VerdictChanges((), warnings=2)


def test_the_sums_are_of_all_councils() -> None:
    elsewhere = event(TargetMet, VerdictData(**PUBLISHED, outcome="met"), council="worthing")
    found = verdict_changes([RETRACTED, elsewhere, WARNED, MOVED, MET])

    assert found.councils == ["adur", "worthing"]
    assert found.sums == "verdicts: 2 added, 1 removed, 1 changed; warnings: 1"


def test_the_order_of_announcing_is_no_part_of_the_digest_and_every_verdict_is() -> None:
    assert verdict_changes([MET, RETRACTED]).digest == verdict_changes([RETRACTED, MET]).digest
    assert verdict_changes([MET]).digest != verdict_changes([BREACHED]).digest
