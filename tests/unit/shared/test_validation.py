"""Plain values against contract types: all faults, and exactly where msgspec would refuse."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.definitions import Agreement, Calendar, Tariff
from shared.contracts.items import NewItemData, TicketReclassified
from shared.faults import Fault, path_of
from shared.validation import InvalidValue, validated, value_faults
from tests.support.laws import law

AGREEMENT: dict[str, Any] = {
    "id": "a1",
    "council": "adur",
    "provider": "joint",
    "title": "Payroll",
    "targets": [{"id": "t1", "service": "payroll", "measure": "processing-time", "within": "5 days"}],
}
CALENDAR: dict[str, Any] = {
    "id": "c",
    "name": "Office",
    "weekly": {"mon": ["09:00-17:00"]},
    "closed": {"2026-12-24": "Christmas Eve"},
}
TARIFF: dict[str, Any] = {
    "id": "t",
    "service": "s",
    "name": "T",
    "charges": [{"kind": "graduated", "name": "g", "tiers": [{"price_gbp": "1.20"}]}],
}


@pytest.mark.parametrize(("kind", "value"), [(Agreement, AGREEMENT), (Calendar, CALENDAR), (Tariff, TARIFF)])
def test_a_right_value_is_read_as_msgspec_reads_its_json(kind: type, value: dict[str, Any]) -> None:
    assert validated(value, kind) == msgspec.json.decode(msgspec.json.encode(value), type=kind)


@pytest.mark.parametrize(
    ("kind", "value", "faults"),
    [
        (
            Agreement,
            {
                "id": "a 1",
                "council": 5,
                "title": "",
                "effective_to": "soon",
                "targets": [{"id": "t", "measure": "speed", "service": "", "within": "soon"}],
            },
            {
                "#/id": "expected 1 to 64 of A-Z a-z 0-9 _ . - and no personal data",
                "#/council": "expected 1 to 64 of A-Z a-z 0-9 _ . - and no personal data (text: put it in quotes)",
                "#/provider": "is missing",
                "#/title": "expected 1 to 200 printable characters",
                "#/effective_to": "expected a date like 2026-04-01",
                "#/targets/0/service": "expected the id of a service, or * for every one",
                "#/targets/0/within": "expected a duration like '8 working hours', '10 working days', '30 days' "
                "or '1 month', or 'recorded due date'",
                "#/targets/0/measure": "expected one of response-time, resolution-time, update-interval, "
                "periodic-update, processing-time, availability",
            },
        ),
        (
            Calendar,
            {"id": "c", "name": "n", "weekly": {"mo": [], "tue": ["9-5"]}, "closed": {"24 Dec": "x"}, "holiday": []},
            {
                "#/weekly/mo": "the key: expected one of mon, tue, wed, thu, fri, sat, sun",
                "#/weekly/tue/0": "expected local wall time, end excluded: 09:00-17:00",
                "#/closed/24%20Dec": "the key: expected a date like 2026-04-01",
                "#/holiday": "is not a known field: did you mean holidays?",
            },
        ),
        (
            Tariff,
            {
                "id": "t",
                "service": "s",
                "name": "n",
                "charges": [{"kind": "auction"}, {"kind": "unit", "name": "u", "price_gbp": 4.42}],
            },
            {
                "#/charges/0/kind": "expected one of standing, annual, unit, package, graduated, volume, capacity,"
                " commitment, percentage, matrix, cost-plus",
                "#/charges/1/price_gbp": "expected pounds as a decimal string: '0.0375' (text: put it in quotes)",
            },
        ),
        (Tariff, {**TARIFF, "charges": []}, {"#/charges": "expected at least 1"}),
        *(
            (Tariff, {**TARIFF, "name": f"Payroll{sign}"}, {"#/name": "expected 1 to 200 printable characters"})
            for sign in ("\x1b[2J", "\n", "\x85", "\u202e", "\u200b")
        ),
        (
            NewItemData,
            {"service": "s", "attributes": {f"a{n}": "v" for n in range(17)}},
            {"#/attributes": "expected at most 16"},
        ),
        (Tariff, [], {"#": "expected an object with named fields"}),
    ],
)
def test_every_fault_is_named_where_it_lies(kind: type, value: object, faults: dict[str, str]) -> None:
    assert {fault.pointer: fault.message for fault in value_faults(value, kind)} == faults


texts = st.text(max_size=3) | st.sampled_from(["mon", "unit", "2026-04-01", "09:00-17:00"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[type, object]:
    """A right definition in which some field, at any depth, was replaced by something else."""
    kind, value = draw(st.sampled_from([(Agreement, AGREEMENT), (Calendar, CALENDAR), (Tariff, TARIFF)]))
    whole = msgspec.json.decode(msgspec.json.encode(value))
    place: Any = whole
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
            place[key] = draw(values)
            return kind, whole
        place = place[key]


@law
@given(damaged())
def test_a_value_has_faults_exactly_when_msgspec_refuses_it(case: tuple[type, object]) -> None:
    kind, value = case
    try:
        msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError:
        with pytest.raises(InvalidValue):
            validated(value, kind)
    else:
        # Text that no database stores is the one thing that is refused beyond msgspec.
        assert all("NUL" in fault.message for fault in value_faults(value, kind))


def test_a_pointer_escapes_what_a_key_may_hold() -> None:
    path = ("a/b", 0, "c~d", "é")

    assert Fault(path, "").pointer == "#/a~1b/0/c~0d/%C3%A9"
    assert (path_of("#/a~1b/0/c~0d/%C3%A9"), path_of("#")) == (path, ())


RECLASSIFIED: dict[str, Any] = {
    "type": "tallystick.ticket.reclassified.v1",
    "id": "1",
    "source": "/desk",
    "time": "2026-03-02T09:00:00Z",
    "subject": "T-1",
    "council": "adur",
}


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ({}, ["#/data: expected at least one of service, priority and attributes"]),
        ({"team": "b"}, ["#/data: expected at least one of service, priority and attributes"]),
        ({"attributes": {}}, ["#/data/attributes: expected at least 1"]),
        ({"service": None}, ["#/data/service: expected 1 to 64 of A-Z a-z 0-9 _ . - and no personal data"]),
        ({"attributes": {"floor": None}}, []),
        ({"priority": "high"}, []),
    ],
)
def test_a_reclassification_changes_at_least_one_thing(data: dict[str, Any], faults: list[str]) -> None:
    assert [str(fault) for fault in value_faults(RECLASSIFIED | {"data": data}, TicketReclassified)] == faults
