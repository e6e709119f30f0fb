"""Whatever is done to an entry of the audit log afterwards, `first_broken` names it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit import AuditEntry, AuditRecord, entry_after, first_broken, first_difference

TEXT = st.text(max_size=12)
RECORDS = st.builds(
    AuditRecord,
    at_us=st.integers(0, 2**53),
    actor=TEXT,
    action=TEXT,
    subject=TEXT,
    council=st.none() | TEXT,
    details=st.dictionaries(TEXT, TEXT, max_size=2),
)
CHAINS = st.lists(RECORDS, min_size=2, max_size=8).map(lambda records: chain(*records))


def chain(*records: AuditRecord) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for record in records:
        entries.append(entry_after(entries[-1] if entries else None, record))
    return entries


def number_of(entries: list[AuditEntry]) -> int:
    broken = first_broken(entries)
    assert broken is not None
    return broken.number


@given(CHAINS)
def test_what_nobody_touched_is_whole(entries: list[AuditEntry]) -> None:
    assert first_broken(entries) is None
    assert first_broken([]) is None
    assert first_difference(entries, entries[:-1]) is None


@given(CHAINS, st.data())
def test_a_changed_record_is_named(entries: list[AuditEntry], data: Any) -> None:
    at = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(RECORDS.filter(lambda record: record != entries[at].record))

    changed = [*entries[:at], msgspec.structs.replace(entries[at], record=other), *entries[at + 1 :]]

    assert first_broken(changed) == (at + 1, "its content was changed")
    assert first_difference(changed, entries) == (at + 1, "it was published with another content")


@given(CHAINS, st.data())
def test_a_record_changed_with_its_digest_betrays_itself_in_the_next(entries: list[AuditEntry], data: Any) -> None:
    at = data.draw(st.integers(0, len(entries) - 2))
    other = data.draw(RECORDS.filter(lambda record: record != entries[at].record))

    forged = entry_after(entries[at - 1] if at else None, other)

    assert number_of([*entries[:at], forged, *entries[at + 1 :]]) == at + 2


@given(CHAINS, st.data())
def test_a_missing_entry_is_named_unless_it_is_the_newest(entries: list[AuditEntry], data: Any) -> None:
    at = data.draw(st.integers(0, len(entries) - 2))

    assert number_of([*entries[:at], *entries[at + 1 :]]) == at + 1
    assert first_difference(entries[:-1], entries) == (len(entries), "it was published and is no longer stored")


@given(CHAINS, st.data())
def test_an_entry_put_in_between_is_named(entries: list[AuditEntry], data: Any) -> None:
    at = data.draw(st.integers(1, len(entries) - 1))
    added = entry_after(entries[at - 1], data.draw(RECORDS.filter(lambda record: record != entries[at].record)))

    assert number_of([*entries[:at], added, *entries[at:]]) == at + 2


@given(CHAINS, st.data())
def test_entries_in_another_order_are_named(entries: list[AuditEntry], data: Any) -> None:
    at = data.draw(st.integers(0, len(entries) - 2))

    assert number_of([*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]]) == at + 1


@pytest.mark.parametrize("changed", [{"previous": "0" * 64}, {"digest": "f" * 64}, {"number": 7}])
def test_each_field_of_an_entry_counts(changed: dict[str, Any]) -> None:
    record = AuditRecord(at_us=1, actor="ada", action="approve", subject="exclusion:1", details={"side": "council"})
    entries = chain(record, record)

    assert number_of([entries[0], msgspec.structs.replace(entries[1], **changed)]) == 2
