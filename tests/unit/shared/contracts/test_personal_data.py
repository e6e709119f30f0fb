"""What looks like personal data is found wherever it stands in an event, and ids are not taken for it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.items import FactWithdrawn, WorkCompleted
from shared.contracts.personal_data import kind_of, personal_data_faults, redacted
from shared.contracts.schema import examples
from shared.log.flood import counts
from shared.log.port import Record
from shared.log.validation import PERSONAL_DATA_FROM, InvalidRecord, as_quarantined, read_event
from shared.units import EpochMillis, Offset
from tests.support.laws import law
from tests.support.poison import GOOD, KEY, SHARD

# Ofcom keeps 07700 900000 to 900999, 020 7946 0xxx and 0161 496 0xxx for use in drama; example.org is nobody's.
PERSONAL = {
    "an e-mail address": ["jo.bloggs@example.org", "JO+council@mail.example.co.uk", "from jo@example.org today"],
    "a National Insurance number": ["AB123456C", "ab 12 34 56 c", "ref AB123456C."],
    "a postcode": ["SW1A 1AA", "sw1a1aa", "M1 1AE", "near BN11 1HA", "EC1A 1BB", "CR0 2EE", "E1W 1AA", "bn11 1st"],
    "a phone number": [
        "07700 900123",
        "020 7946 0018",
        "(0161) 496 0000",
        "0161-496-0000",
        "+447700900123",
        "+44 20 7946 0018",
        "+44 (0)20 7946 0018",
        "+4402079460018",
        "0044 7700 900123",
        "0044 20 7946 0018",
        "07700 900123 07700 900124",
    ],
}
IDS = [
    "T-1042",
    "20260507123",  # eleven digits
    "07700900123",  # eleven digits as well: a ticket's number may begin with a nought
    "00123456789",
    "2026-05-07T12:00:00.000Z",
    "2026-05-07",
    "INC0012345",
    "E08000032",
    "AB12CDE",  # a vehicle's registration
    "123e4567-e89b-12d3-a456-426614174000",
    "GB123456C",  # no prefix of the numbers
    "QQ123456C",  # the example of forms, which is nobody's
    "/councils/ashby/systems/finance",
    "town-hall@",
    "1234567890123",
    "0.0375",
    "row 00000000012001",
    "0001-000234",  # a batch and a number in it: no area's code begins so
    "0445 123456",
    "02110-1301",  # nine digits: an American postcode
    "da4c5ad",  # the beginning of a hash: only districts of London have a letter at their end
    "M3M0RY",
    "BD01 9BD",  # districts have no nought before them
    "Block B2 1st floor",
    "Depot N4 2nd shift",
    "A27 2ND",  # a road, of no area
    "0800 to 1700",
    "01-04-2026 00:30",
    "cost centre 0120-4410",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PERSONAL.items() for text in texts])
def test_each_kind_is_known_by_its_form(kind: str, text: str) -> None:
    assert kind_of(text) == kind
    assert personal_data_faults(json.dumps({"note": text}).encode())


@pytest.mark.parametrize("text", IDS)
def test_an_id_a_number_or_an_instant_is_none(text: str) -> None:
    assert kind_of(text) is None


def test_no_example_of_the_contract_is_refused() -> None:
    found = {
        name: personal_data_faults(json.dumps(each).encode())
        for name, each in examples().items()
        if "catalogue" not in name
    }

    assert [name for name, faults in found.items() if faults] == []


def test_it_is_found_in_any_place_and_its_place_is_named_but_not_itself() -> None:
    event: dict[str, Any] = json.loads(GOOD)
    event["data"]["attributes"] = {"site": "town-hall", "jo@example.org": "x", "by": ["AB123456C"]}
    event["tenant"] = "07700 900123"

    found = personal_data_faults(json.dumps(event).encode())

    assert sorted(fault.pointer for fault in found) == ["#/data/attributes", "#/data/attributes/by/0", "#/tenant"]
    assert not any(text in str(found) for text in ("jo@", "AB12", "07700"))


@law
@given(
    st.sampled_from([text for texts in PERSONAL.values() for text in texts] + IDS) | st.text(max_size=12),
    st.text(alphabet=" .-_aA0é/", max_size=3),
    st.text(alphabet=" .-_aA0é/", max_size=3),
    st.booleans(),
)
def test_the_quick_look_misses_nothing_that_the_forms_find(text: str, before: str, after: str, escaped: bool) -> None:
    whole = f"{before}{text}{after}"

    found = personal_data_faults(json.dumps({"note": whole}, ensure_ascii=escaped).encode())

    assert bool(found) == (kind_of(whole) is not None)


# On topics


def record(value: bytes, *, days: int) -> Record:
    """A record that was appended so many days after the look began, about an event of then."""
    at_ms = int(PERSONAL_DATA_FROM.timestamp() + days * 86_400) * 1000
    time = "2026-12-02T00:00:00Z" if days > 0 else "2026-11-30T00:00:00Z"
    return Record(Offset(0), KEY, value.replace(b"2026-05-07T12:00:00Z", time.encode()), (), EpochMillis(at_ms))


CARRIED: frozenset[type[WorkCompleted | FactWithdrawn]] = frozenset({WorkCompleted, FactWithdrawn})
NOTED = GOOD[:-1] + b',"note":"ring 07700 900123, or jo\\u0040example.org"}'


def test_on_topics_it_is_quarantined_from_a_day_on_and_what_was_accepted_before_stays() -> None:
    now, before = read_event(SHARD, record(NOTED, days=1), CARRIED), read_event(SHARD, record(NOTED, days=-1), CARRIED)

    assert isinstance(now, InvalidRecord)
    assert now.reason == "PERSONAL_DATA"
    assert isinstance(before, WorkCompleted)


def test_quarantine_keeps_it_redacted_and_it_counts_towards_no_flood() -> None:
    sent = record(NOTED, days=1)
    refused = read_event(SHARD, sent, CARRIED)
    assert isinstance(refused, InvalidRecord)

    kept = as_quarantined(sent, refused)

    assert not counts(kept)
    assert json.loads(kept.value or b"")["note"] == "ring [redacted], or [redacted]"
    assert kept.key == KEY


@pytest.mark.parametrize("value", [b"", b"\xff", b"{", b'{"a":"\\u00"}', b'"AB123456C'])
def test_redacting_takes_any_bytes(value: bytes) -> None:
    assert b"AB123456C" not in redacted(value)


LONG = {
    "labels before an @": ("a." * 120_000 + "@", None),
    "letters after an @": ("@" + "a" * 250_000, None),
    "digits after a country": ("+44" + "1" * 250_000, None),
    "many @": ("a@a" * 80_000, None),
    "a long local part": ("a" * 250_000 + "@example.org", "an e-mail address"),
    "groups of digits": ("0123 " * 50_000, None),
    "brackets": ("(0" * 120_000, None),
    "beginnings of postcodes": ("SW1A " * 50_000, None),
    "beginnings of NI numbers": ("AB 12 34 56 " * 20_000, None),
}


@pytest.mark.parametrize("name", LONG)
def test_a_text_as_long_as_an_event_may_be_is_looked_through(name: str) -> None:
    """In milliseconds: where the time grows with the square of the length, one event stops a service for minutes."""
    text, kind = LONG[name]
    value = json.dumps({"note": text}).encode()

    found, is_kept = kind_of(text), redacted(value) == value  # beside the assertions, which would print it all

    assert found == kind
    assert len(personal_data_faults(value)) == (kind is not None)
    assert not (is_kept and kind)


def test_redacting_takes_the_whole_of_an_address_and_nothing_beside_it() -> None:
    assert redacted(b"from jo.b+x@mail.example.org, or al@example.org") == b"from [redacted], or [redacted]"
    assert redacted(b"jo@example.org@example.com") == b"[redacted][redacted]"
    assert redacted(b"at @example.org") == b"at @example.org"
