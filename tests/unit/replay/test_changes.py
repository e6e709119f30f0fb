"""Re-exports are changes: what is sent of a later export, and the laws that its sending keeps."""

from pathlib import Path

import pytest

from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from tallystick.replay.export_register import open_register
from tests.support.export_log import HEADER, JUNE, ExportLog, tickets
from tests.support.replays import NAMED_READINGS, READINGS, TICKETS, changed, replay

OPEN_1, DONE_1 = "1,adur,2026-06-02T09:00:00,", "1,adur,2026-06-02T09:00:00,2026-06-02T10:00:00"
LATE_1, OPEN_2 = "1,adur,2026-06-02T09:00:00,2026-06-05T10:00:00", "2,adur,2026-06-03T09:00:00,"


@pytest.mark.parametrize(
    ("earlier", "later", "new", "withdrawn"),
    [
        ([OPEN_1], [OPEN_1], 0, 0),
        ([OPEN_1], [DONE_1], 1, 0),
        ([DONE_1], [LATE_1], 1, 1),
        ([DONE_1], [OPEN_1], 0, 1),
        ([DONE_1], [OPEN_2], 1, 0),  # nothing says that an item is gone
        ([DONE_1], [DONE_1.replace("09:00", "08:00"), OPEN_2], 2, 1),
        ([DONE_1], [DONE_1.replace("adur", "worthing")], 2, 0),  # another council's item
    ],
)
def test_a_later_export_sends_only_differences(
    earlier: list[str], later: list[str], new: int, withdrawn: int, tmp_path: Path
) -> None:
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        log.export(tickets(tmp_path, *earlier), as_of_us=1)

        changes = log.export(tickets(tmp_path, *later), as_of_us=2)

    assert (changes.new, changes.withdrawn) == (new, withdrawn)


@pytest.mark.parametrize("mapping", ["the same mapping", "a mapping with a column more"])
def test_a_fact_that_was_not_said_before_renumbers_none_that_was(mapping: str, tmp_path: Path) -> None:
    paused = "  - {event: paused, column: waited, data: {reason: asked, awaiting: council}}\n"
    waiting = changed(TICKETS, {"column: opened}\n": f"column: opened}}\n{paused}"})
    before = TICKETS if mapping == "a mapping with a column more" else waiting
    header = HEADER.replace("resolved", "resolved,waited")
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        log.export(replay(tmp_path, before, f"{header}{DONE_1},\n").timed, as_of_us=1)

        changes = log.export(replay(tmp_path, waiting, f"{header}{DONE_1},2026-06-02T09:30:00\n").timed, as_of_us=2)

    assert (changes.new, changes.withdrawn) == (1, 0)


def test_a_fact_that_returns_after_its_withdrawal_has_a_new_id(tmp_path: Path) -> None:
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        for number, row in enumerate([DONE_1, OPEN_1] * 3):
            log.export(tickets(tmp_path, row), as_of_us=number)  # no id is used twice: `export` asserts it
        log.export(tickets(tmp_path, DONE_1), as_of_us=9)
        alone = {timed.content for timed in tickets(tmp_path, DONE_1)}

    assert log.facts == alone


@pytest.mark.parametrize(
    ("opened", "goes"),
    [("2026-05-31T23:59:59", 0), ("2026-06-01T00:00:00", 1), ("2026-06-30T23:59:59", 1), ("2026-07-01T00:00:00", 0)],
)
def test_an_item_that_is_not_in_a_complete_export_goes_if_it_was_opened_in_its_span(
    opened: str, goes: int, tmp_path: Path
) -> None:
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        log.export(tickets(tmp_path, f"1,adur,{opened},", OPEN_2), as_of_us=1)

        changes = log.export(tickets(tmp_path, OPEN_2), as_of_us=2, complete=JUNE)

    assert (changes.gone, changes.span) == (goes, 1 + goes)


@pytest.mark.parametrize(("gone", "asks"), [(0, False), (1, False), (2, False), (3, True)])
def test_more_than_two_percent_of_a_span_go_only_when_that_is_approved(gone: int, asks: bool, tmp_path: Path) -> None:
    rows = [f"{number},adur,2026-06-02T09:00:00," for number in range(1, 101)]
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        log.export(tickets(tmp_path, *rows), as_of_us=1)

        changes = log.export(tickets(tmp_path, *rows[gone:]), as_of_us=2, complete=JUNE)

    assert (changes.gone, changes.span, changes.too_many_gone) == (gone, 100, asks)


def test_an_item_of_which_a_row_was_refused_stays_as_it_was(tmp_path: Path) -> None:
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        log.export(tickets(tmp_path, DONE_1, OPEN_2), as_of_us=1)
        before = log.facts

        for name in (("adur", "1"), ("", "1")):
            changes = log.export(tickets(tmp_path, OPEN_2), as_of_us=2, complete=JUNE, refused=[name])
            assert (changes.held, changes.withdrawn, changes.gone) == (1, 0, 0)

    assert log.facts == before


def test_another_source_is_never_touched(tmp_path: Path) -> None:
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        log.export(tickets(tmp_path, DONE_1), as_of_us=1)
        other = ExportLog("/replay/other", register, log.events)

        changes = other.export([], as_of_us=2, complete=JUNE)

    assert changes == changes._replace(withdrawn=0, gone=0, span=0)


def test_a_reading_that_changes_is_reversed_and_its_adjustments_follow_it(tmp_path: Path) -> None:
    header = "number,of,council,paid,lines\n"
    adjusted = "C1,A1,leeds,2026-06-05,-2\n"
    exports = [f"A1,,leeds,2026-06-02,5\n{adjusted}", f"A1,,leeds,2026-06-02,7\n{adjusted}", "A1,,leeds,2026-06-02,7\n"]
    with open_register(None) as register:
        log = ExportLog("/replay/payments", register)
        for number, text in enumerate([*exports, *exports]):
            log.export(replay(tmp_path, NAMED_READINGS, header + text).timed, as_of_us=number)

    events = [event for event, _ in log.events]
    reversed_ids = {event.data.reversed_id for event in events if isinstance(event, UsageReversed)}
    (holds,) = [each for each in events if isinstance(each, UsageRecorded) and each.id not in reversed_ids]
    adjustments = [
        each.data for each in events if isinstance(each, UsageAdjusted) and each.data.adjusted_id == holds.id
    ]
    assert holds.data.quantity == "7"
    assert sum(int(each.quantity) for each in adjustments) == 0  # the last export adjusts nothing


def test_a_reading_without_an_id_goes_only_from_a_complete_export(tmp_path: Path) -> None:
    header = "council,paid,lines\n"
    first, second = "leeds,2026-06-02,5\n", "leeds,2026-06-02,7\n"
    with open_register(None) as register:
        log = ExportLog("/replay/payments", register)
        log.export(replay(tmp_path, READINGS, header + first).timed, as_of_us=1)
        assert log.export(replay(tmp_path, READINGS, header + second).timed, as_of_us=2).withdrawn == 0
        assert log.export(replay(tmp_path, READINGS, header + second).timed, as_of_us=3, complete=JUNE).gone == 1
