"""A tally verifies as it was made; whatever is changed in it is found, and the first difference is named."""

import gzip
import hashlib
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from billing.tally.checking import Verification, verify
from billing.tally.records import (
    TallyEvent,
    TallyHeader,
    TallyRecord,
    TallySeal,
    TallyVerdict,
    decoder,
    encoded,
)
from billing.tally.writing import compressed
from shared.auth.sealing import SealingKey
from tests.support.tallies import ISSUED, PROVIDERS, STRANGERS, lines, resealed, with_statement, written

ISSUED_LINES, DRAFT_LINES = lines(), lines(is_issued=False)
EDITS = int(os.environ.get("TALLY_EDITS", "100"))
# What this tally must be on every Python, byte for byte: what is sealed on one is verified on another.
PINNED = "d39d53897dad177a6424a06a6f5b3dbe8215f04255e62e6810144b07bbf691c4"


def found_of(made: Sequence[bytes], folder: Path, *, keys: Sequence[SealingKey] = ()) -> Verification:
    return verify(written(made, folder), keys=keys)


def test_the_same_tally_has_the_same_bytes_on_every_python() -> None:
    assert hashlib.sha256(b"".join(ISSUED_LINES)).hexdigest() == PINNED


def test_a_tally_as_it_was_made_verifies(tmp_path: Path) -> None:
    found = found_of(ISSUED_LINES, tmp_path, keys=[PROVIDERS])

    assert found.faults == []
    assert (found.number, found.council, found.month) == (ISSUED.number, "ashby", "2026-05")
    assert (found.events, found.verdicts) == (161, 30)
    assert found.is_key_given


def test_a_compressed_tally_verifies_as_a_plain_one_does(tmp_path: Path) -> None:
    path = tmp_path / "tally.jsonl.gz"
    path.write_bytes(b"".join(compressed(ISSUED_LINES)))

    assert verify(path).faults == []


def test_without_the_providers_key_the_seals_own_is_used_and_that_is_said(tmp_path: Path) -> None:
    found = found_of(ISSUED_LINES, tmp_path)

    assert (found.faults, found.signed_by, found.is_key_given) == ([], PROVIDERS.kid, False)


def test_a_draft_says_that_nobody_has_signed_it(tmp_path: Path) -> None:
    found = found_of(DRAFT_LINES, tmp_path)

    assert (found.faults, found.number, found.signed_by) == ([], None, None)
    assert found.notes == ["This is a draft, which nobody has signed: it can change until it is issued."]


def dearer(read: dict[str, Any]) -> None:
    read["services"][2]["lines"][0]["amount_pence"] += 100


def counted_more(read: dict[str, Any]) -> None:
    read["services"][2]["lines"][0]["quantity"] = "3566.5"


def other_total(read: dict[str, Any]) -> None:
    read["total_pence"] += 1


def credit_forgotten(read: dict[str, Any]) -> None:
    read["service_credits"][0]["good"] = 30


def event_forgotten(read: dict[str, Any]) -> None:
    read["evidence"]["received"] -= 1


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (dearer, "line 'Each' of Payroll: £15,290.99 by the events in the file, the statement says £15,291.99"),
        (counted_more, "line 'Each' of Payroll: 3,459.5 payslips counted, the statement says 3,566.5"),
        (other_total, "total: £15,483.44 by the events in the file, the statement says £15,483.45"),
        (credit_forgotten, "service credit for ict-response of ict: 28 of 30 met it by the verdicts in the file, the"),
        (event_forgotten, "evidence, received: 160 by the events in the file, the statement says 159"),
    ],
)
def test_the_first_difference_is_named_even_where_everything_was_sealed_again(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    forged = resealed(ISSUED_LINES, lambda record: with_statement(record, edit), PROVIDERS)

    assert found_of(forged, tmp_path).faults[0].startswith(words)


def test_an_event_that_was_left_out_shows_in_the_line_that_it_was_counted_by(tmp_path: Path) -> None:
    def without(record: TallyRecord) -> TallyRecord | None:
        return None if isinstance(record, TallyEvent) and record.id == "r-9-recorded" else record

    found = found_of(resealed(ISSUED_LINES, without, PROVIDERS), tmp_path)

    assert found.faults[0] == "line 'Each' of Payroll: 3,350.5 payslips counted, the statement says 3,459.5"


def test_a_verdict_that_was_turned_round_shows_in_the_credit(tmp_path: Path) -> None:
    def turned(record: TallyRecord) -> TallyRecord:
        is_late = isinstance(record, TallyVerdict) and record.item == "t-04"
        return replace(record, outcome="met") if is_late else record

    found = found_of(resealed(ISSUED_LINES, turned, PROVIDERS), tmp_path)

    assert "29 of 30 met it by the verdicts in the file, the statement says 28 of 30" in found.faults[0]


def test_what_was_changed_and_counts_nowhere_is_found_by_the_signature(tmp_path: Path) -> None:
    def moved(record: TallyRecord) -> TallyRecord:
        return replace(record, offset=9) if isinstance(record, TallyEvent) and record.id == "r-9-recorded" else record

    found = found_of(resealed(ISSUED_LINES, moved, None), tmp_path)

    assert found.faults == [
        f"the seal is not the provider's: the signature by the key {PROVIDERS.kid} does not fit what it is said to sign"
    ]


def test_what_a_stranger_has_signed_is_found_where_the_providers_key_is_given(tmp_path: Path) -> None:
    forged = resealed(ISSUED_LINES, lambda record: record, STRANGERS)

    assert found_of(forged, tmp_path).faults == []
    assert found_of(forged, tmp_path, keys=[PROVIDERS]).faults == [
        f"the seal is not the provider's: it is signed by the key {STRANGERS.kid!r}, which is none of those given"
    ]


def test_an_issued_statement_is_no_draft_because_its_signature_was_taken_off(tmp_path: Path) -> None:
    def unsigned(record: TallyRecord) -> TallyRecord:
        match record:
            case TallySeal():
                return replace(record, key=None, signature=None)
            case TallyHeader():
                return replace(record, number=None)
        return record

    assert found_of(resealed(ISSUED_LINES, unsigned, None), tmp_path).faults != []


def test_an_event_that_had_not_been_read_when_the_statement_was_issued_is_named(tmp_path: Path) -> None:
    def late(record: TallyRecord) -> TallyRecord:
        is_one = isinstance(record, TallyEvent) and record.id == "r-9-recorded"
        return replace(record, offset=100_000) if is_one else record

    found = found_of(resealed(ISSUED_LINES, late, PROVIDERS), tmp_path)

    assert found.faults[0].startswith("the event r-9-recorded at provider.usage.v1/0 offset 100,000 had not been read")


def newer(record: TallyRecord) -> TallyRecord:
    """As a release with other rules of rating would seal it."""

    def rules(read: dict[str, Any]) -> None:
        of_lines = [line for service in read["services"] for line in service["lines"]]
        for each in (read, *of_lines, *read["service_credits"]):
            each["rules_version"] = 2

    return replace(record, rules_version=2) if isinstance(record, TallyHeader) else with_statement(record, rules)


def test_what_newer_rules_sealed_is_compared_as_far_as_they_are_known(tmp_path: Path) -> None:
    found = found_of(resealed(ISSUED_LINES, newer, PROVIDERS), tmp_path, keys=[PROVIDERS])

    assert (found.faults, found.rules_version) == ([], 2)
    (note,) = found.notes
    assert note.startswith("It was sealed by the rules of rating 2, and this release has 1: 5 lines may be rated")


def test_what_newer_rules_sealed_counts_the_same_events(tmp_path: Path) -> None:
    def without(record: TallyRecord) -> TallyRecord | None:
        return None if isinstance(record, TallyEvent) and record.id == "r-9-recorded" else newer(record)

    found = found_of(resealed(ISSUED_LINES, without, PROVIDERS), tmp_path)

    assert found.faults[0] == "events counted of Payroll: 30 by the events in the file, the statement says 31"


@pytest.mark.parametrize("seed", range(EDITS))
def test_any_random_edit_is_found(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (edits that are the same in every run)
    original = ISSUED_LINES if chance.randrange(4) else DRAFT_LINES
    edited = RANDOM_EDITS[seed % len(RANDOM_EDITS)](list(original), chance)

    assert edited != original
    assert found_of(edited, tmp_path).faults != []


def a_byte(made: list[bytes], chance: random.Random) -> list[bytes]:
    whole = bytearray(b"".join(made))
    place = chance.randrange(len(whole))
    whole[place] ^= 1 << chance.randrange(8)
    return [bytes(whole)]


def a_pound(made: list[bytes], chance: random.Random) -> list[bytes]:
    read = decoder().decode(made[1])
    content = bytes(read.content)  # type: ignore[union-attr]  # the second line is the statement
    places = [place for place in range(len(content)) if content[place : place + 8] == b'_pence":']
    place = chance.choice(places) + 8
    digit = content[place : place + 1]
    if not digit.isdigit() or digit == b"9":
        return [*made[:1], made[1].replace(b'"total_pence":', b'"total_pence":1', 1), *made[2:]]
    other = content[:place] + bytes([digit[0] + 1]) + content[place + 1 :]
    return [*made[:1], encoded(replace(read, content=msgspec.Raw(other))) + b"\n", *made[2:]]


def an_order(made: list[bytes], chance: random.Random) -> list[bytes]:
    first, second = sorted(chance.sample(range(len(made)), 2))
    made[first], made[second] = made[second], made[first]
    return made


def one_dropped(made: list[bytes], chance: random.Random) -> list[bytes]:
    del made[chance.randrange(len(made))]
    return made


def one_doubled(made: list[bytes], chance: random.Random) -> list[bytes]:
    place = chance.randrange(len(made))
    return [*made[:place], made[place], *made[place:]]


RANDOM_EDITS = (a_byte, a_pound, an_order, one_dropped, one_doubled)

WHOLE = b"".join(ISSUED_LINES)
PACKED = gzip.compress(WHOLE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n", "the file is no tally"),
        (b"{}", "the file ends in the middle of a line"),
        (b"{}\n", "the file is no tally"),
        (b"PK\x03\x04\n", "the file is no tally"),
        (b"[" * 100_000 + b"\n", "the file is no tally"),
        (b'{"kind":"header","format":"tallystick-tally/9"}\n', "the file has the format 'tallystick-tally/9'"),
        (WHOLE.decode().encode("utf-16"), "the file is not plain UTF-8"),
        (b"\xef\xbb\xbf" + WHOLE, "the file is not plain UTF-8"),
        (WHOLE[:-1], "the file ends in the middle of a line"),
        (WHOLE[: -len(ISSUED_LINES[-1])], "the file ends after line"),
        (WHOLE + b"{}\n", "comes after the seal"),
        (WHOLE.replace(b'"kind":"event"', b'"kind":"event","kind":"event"', 1), "is not written as a tally writes it"),
        (WHOLE.replace(b'"partition":0', b'"partition":NaN', 1), "is no record of a tally"),
        (WHOLE.replace(b'"partition":0', b'"partition":' + b"[" * 50_000, 1), "is no record of a tally"),
        (WHOLE.replace(b'"partition":0,"quantity"', b'"partition":1.5,"quantity"', 1), "is no record of a tally"),
        (WHOLE.replace(b"r-9-recorded", b"r-9-rec\xffrded", 1), "is no record of a tally"),
        (PACKED[: len(PACKED) // 2], "ends in the middle"),
        (PACKED[:-1], "ends in the middle"),
        (PACKED + b"more", "something follows the compressed file"),
        (PACKED[:100] + b"\x00" * 50 + PACKED[150:], "is damaged"),
        (gzip.compress(b"\x00" * 40_000_000), "a line is longer than 16 MiB"),
    ],
)
def test_a_hostile_file_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)

    assert words in verify(path).faults[0]


def test_a_folder_is_no_tally(tmp_path: Path) -> None:
    assert verify(tmp_path).faults == ["that is a folder: name the file"]
