"""What is written down is bounded: each bound says what is allowed, and no document of 10 kB costs much."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from catalogue.adapters.partnership_files import parse
from catalogue.domain.submission import InvalidSubmission
from shared.contracts.calendar_rules import is_time_zone
from shared.documents import InvalidDocument
from shared.faults import Fault, LocatedFault
from sla_monitor.trial.target import try_target
from tests.support.limited_process import ends_of
from tests.support.trials import EVERY_DAY, hours, tried

ITEM: dict[str, Any] = {
    "targets": [{"measure": "resolution-time", "within": "8 working hours"}],
    "events": [{"at": "2026-03-02 09:00", "event": "opened"}],
    "as_of": "2026-03-03 09:00",
}


def _intervals(count: int) -> list[str]:
    """Apart from each other, from midnight on."""
    return [
        f"{minute // 60:02}:{minute % 60:02}-{minute // 60:02}:{minute % 60 + 1:02}"
        for minute in range(0, count * 2, 2)
    ]


def _faults(document: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidDocument) as refused:
        try_target(msgspec.json.encode(document), written_in="json")
    return [str(located.fault) for located in refused.value.faults]


@pytest.mark.parametrize("days", [{"mon": 24}, {"mon": 24, "sun": 24}])
def test_a_day_may_have_24_intervals(days: dict[str, int]) -> None:
    calendar = {"weekly": {day: _intervals(count) for day, count in days.items()}}

    assert tried(calendar=calendar, **ITEM)["verdicts"][0]["verdict"] == "running"


@pytest.mark.parametrize("section", ["weekly", "breaks", "dates"])
def test_25_intervals_a_day_are_refused(section: str) -> None:
    day = "2026-03-02" if section == "dates" else "mon"
    calendar = hours() | {section: {day: _intervals(25)}}

    assert _faults({"calendar": calendar, **ITEM}) == [
        f"#/calendar/{section}/{day}: expected at most 24 intervals a day"
    ]


def test_4000_dates_are_accepted_and_one_more_is_refused() -> None:
    dates = [f"{2000 + n // 336}-{n % 336 // 28 + 1:02}-{n % 28 + 1:02}" for n in range(4001)]
    accepted = hours(closed=dict.fromkeys(dates[:4000], "Closed"))

    assert tried(calendar=accepted, **ITEM)["verdicts"]
    assert _faults({"calendar": hours(closed=dict.fromkeys(dates, "Closed")), **ITEM}) == [
        "#/calendar/closed: expected at most 4000 dates"
    ]


@pytest.mark.parametrize(
    "zone", ["localtime", "Factory", "posix/Europe/London", "right/Europe/London", "europe/london", "", "Mars/Olympus"]
)
def test_what_is_no_zone_of_iana_is_refused(zone: str) -> None:
    assert not is_time_zone(zone)
    assert _faults({"calendar": hours(zone=zone), **ITEM}) == [
        "#/calendar/zone: expected a time zone like Europe/London"
    ]


@pytest.mark.parametrize("zone", ["Europe/London", "UTC", "Etc/GMT+1", "GB", "America/Argentina/Buenos_Aires"])
def test_every_zone_of_iana_is_one(zone: str) -> None:
    assert is_time_zone(zone)


@pytest.mark.parametrize(
    "within", ["999999999 hours", "999999999 working days", "999999999 seconds", "87841 hours", "3661 days"]
)
def test_an_allowance_of_more_than_ten_years_is_refused(within: str) -> None:
    targets = [{"measure": "resolution-time", "within": within}]

    assert _faults({"calendar": hours(), **ITEM, "targets": targets}) == [
        "#/targets/0/within: expected at most 3660 days: what is due later is in no month that is reported"
    ]


@pytest.mark.parametrize(
    "within", ["1_0 hours", "+5 hours", "٥ hours", "1e3 hours", " 5 hours", "5  hours", "05 hours"]
)
def test_a_number_is_written_in_plain_digits(within: str) -> None:
    (fault,) = _faults({"calendar": hours(), **ITEM, "targets": [{"measure": "resolution-time", "within": within}]})

    assert fault.startswith("#/targets/0/within: expected a duration")


def test_of_many_faults_the_first_hundred_are_listed_and_the_others_counted() -> None:
    fault = LocatedFault(Fault(("x",), "is wrong"), None)

    assert str(InvalidSubmission([fault] * 412)).splitlines()[-1] == "and 312 more"
    assert len(str(InvalidSubmission([fault] * 412)).splitlines()) == 101
    assert str(InvalidSubmission([fault] * 100)).splitlines()[-1] == "#/x: is wrong"


def test_a_set_named_again_and_again_is_not_expanded_beyond_what_an_agreement_may_have() -> None:
    targets = "".join(f"    - {{id: t{n}, service: s, measure: response-time, within: 4 hours}}\n" for n in range(50))
    names = ", ".join(["many"] * 1000)
    agreement_text = f"  - {{id: a, council: c, provider: p, title: T, targets: [{names}]}}\n"
    file = f"target_sets:\n  many:\n{targets}agreements:\n{agreement_text}"

    (agreement,) = parse(file.encode()).entries

    assert len(agreement.definition.targets) == 201  # type: ignore[union-attr]  # an agreement, one more than is accepted


def _costly() -> Iterator[dict[str, Any]]:
    """Documents of about 10 kB that ask for as much work as the bounds let through, or more."""

    def calendar(name: str, count: int, **fields: Any) -> dict[str, Any]:
        return {"id": name, "weekly": dict.fromkeys(EVERY_DAY, _intervals(count)), **fields}

    def targets(count: int, within: str = "8 working hours", **fields: Any) -> list[dict[str, Any]]:
        base = {"measure": "resolution-time", "within": within, "calendar": "a"}
        return [{"id": f"t{number}", **base, **fields} for number in range(count)]

    yield {**ITEM, "calendar": calendar("a", 24), "targets": targets(1)}
    yield {**ITEM, "calendar": calendar("a", 50), "targets": targets(1)}
    yield {**ITEM, "calendar": {"weekly": {"mon": _intervals(600)}}}
    yield {**ITEM, "calendars": [calendar(name, 24, closed={f"2020-01-0{n}": "x"}) for n, name in enumerate("abcd", 1)]}
    yield {
        **ITEM,
        "calendars": [
            calendar(name, 1, closed={f"2020-01-{n}": "x"}) for n, name in enumerate("abcdefghijklmnopqrst", 10)
        ],
        "targets": targets(1),
    }
    yield {**ITEM, "calendar": calendar("a", 1), "targets": targets(27), "as_of": "2031-03-01 09:00"}
    yield {**ITEM, "calendar": calendar("a", 24), "targets": targets(50), "as_of": "2035-12-01 09:00"}
    paused = [*ITEM["events"], {"at": "2026-03-02 09:00", "event": "paused"}]
    yield {
        **ITEM,
        "calendar": calendar("a", 1),
        "targets": targets(40, "3660 working days", pause_counts="whole-days"),
        "events": paused,
    }
    yield {"calendar": calendar("a", 24), "questions": [{"between": ["2001-01-01 00:00", "2049-12-31 00:00"]}] * 110}
    yield {
        "calendar": calendar("a", 24),
        "questions": [{"add": {"to": "2001-01-01 00:00", "working_days": 10000}}] * 110,
    }
    asked = [
        {"at": f"2026-03-{3 + n // 24:02} {n % 24:02}:00", "event": ("asked", "responded")[n % 2]} for n in range(150)
    ]
    yield {
        **ITEM,
        "calendar": calendar("a", 2),
        "targets": targets(20, measure="update-interval"),
        "events": [*ITEM["events"], *asked],
        "as_of": "2026-06-01 09:00",
    }


def _any_document(chance: Random) -> str:
    """Random pieces, nested and repeated, in the shapes that readers expand."""
    leaf = ["09:00-17:00", "2026-03-02 09:00", "8 working hours", "*a", "&a b", "{", "[", "- ", ": ", "1" * 50, "\n  "]
    names = ["calendar", "calendars", "targets", "events", "questions", "weekly", "mon", "within", "at", "as_of", "x"]
    text = ""
    while len(text) < 9_000:
        value = chance.choice(leaf) * chance.choice((1, 1, 3, 200))
        text += f"{chance.choice(names)}: {value}\n{' ' * chance.randint(0, 3)}"
    return text


def test_no_document_of_10_kb_costs_more_than_its_limit_of_time_and_memory() -> None:
    documents = [json.dumps(document) for document in _costly()]
    documents += ["a: " + "[" * 5_000, "{a: " * 2_500, "a: &a [1, 1]\nb: [*a, *a]\n", "- " * 5_000]
    documents += [_any_document(Random(seed)) for seed in range(20)]  # noqa: S311 (nothing is kept secret by it)

    assert ends_of("try", documents) == [0] * len(documents)


def test_no_partnership_file_of_10_kb_costs_more_than_its_limit_of_time_and_memory() -> None:
    targets = "".join(
        f"    - {{id: t{n}, service: s{n}, measure: response-time, within: 4 hours}}\n" for n in range(80)
    )
    sets = f"target_sets:\n  s:\n{targets}"
    councils = ", ".join(f"c{number}" for number in range(700))
    agreement = "  - {id: a, provider: p, title: T, targets: [s], "
    files = [
        f"{sets}agreements:\n{agreement}councils: [{councils}]}}\n",
        f"{sets}agreements:\n" + "".join(f"{agreement.replace(': a,', f': a{n},')}council: c}}\n" for n in range(70)),
        f"{sets}agreements:\n  - {{id: a, provider: p, title: T, council: c, targets: [{', '.join(['s'] * 1500)}]}}\n",
        f"partnership: {{id: p, name: P, provider: p, councils: [{councils}, {councils}]}}\n",
        "calendars:\n" + "".join(f"  - {{id: c{n}, name: n, weekly: {{mon: ['09:00-09:00']}}}}\n" for n in range(170)),
        f"calendars:\n  - {{id: c, name: n, weekly: {{mon: {json.dumps(_intervals(600))}}}}}\n",
        "".join(f"k{number}: 1\n" for number in range(1200)),
        *(_any_document(Random(seed)) for seed in range(20)),  # noqa: S311 (nothing is kept secret by it)
    ]

    assert ends_of("load", files) == [0] * len(files)
