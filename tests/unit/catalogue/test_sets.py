"""A set of definitions over what is recorded: references, overlaps, versions."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from catalogue.domain import validation
from catalogue.domain.submission import SourcePath, Submission, SubmittedDefinition
from catalogue.domain.versions import CatalogueVersion, DefinitionKey
from shared.contracts.definitions import AnyDefinition
from shared.holidays import shipped_holidays
from tests.support.definitions import (
    agreement,
    calendar,
    council,
    partnership,
    provider,
    service,
    target,
    tariff,
    whole,
)

AT = datetime(2026, 4, 1, 9, tzinfo=UTC)


def submission_of(definitions: Sequence[AnyDefinition]) -> Submission:
    return Submission(
        [SubmittedDefinition(definition, SourcePath((index,))) for index, definition in enumerate(definitions)]
    )


def recorded(definitions: Sequence[AnyDefinition]) -> dict[DefinitionKey, Sequence[CatalogueVersion]]:
    return validation.with_recorded({}, validation.added(submission_of(definitions), {}, shipped_holidays(), AT))


def messages(definitions: Sequence[AnyDefinition], stored: Sequence[AnyDefinition] = ()) -> dict[str, str]:
    found = validation.faults(submission_of(definitions), recorded(stored), shipped_holidays(), AT)
    return {fault.pointer: fault.message for fault in found}


def test_a_whole_set_has_no_faults() -> None:
    assert messages(whole()) == {}


def test_what_is_recorded_may_be_referred_to() -> None:
    assert messages([tariff("second"), partnership(id="p2")], stored=whole()) == {}


def test_a_reference_to_nothing_is_a_fault_with_a_suggestion() -> None:
    misspelt = agreement(
        "a2", council="addur", provider="x", targets=(target(service="pay-roll", calendar="offices"),), tariffs=("y",)
    )

    assert messages([misspelt], stored=whole()) == {
        "#/0/council": "is no known council: did you mean adur?",
        "#/0/provider": "is no known provider",
        "#/0/targets/0/service": "is no known service: did you mean payroll?",
        "#/0/targets/0/calendar": "is no known calendar: did you mean office?",
        "#/0/tariffs/0": "is no known tariff",
    }


@pytest.mark.parametrize(
    ("definition", "faulty"),
    [
        (tariff(service="x"), "#/0/service"),
        (partnership(provider="x"), "#/0/provider"),
        (partnership(councils=("adur", "x")), "#/0/councils/1"),
        (council("worthing", effective_to=date(2027, 4, 1), successors=("x",)), "#/0/successors/0"),
    ],
)
def test_every_kind_of_reference_is_checked(definition: AnyDefinition, faulty: str) -> None:
    assert list(messages([definition], stored=whole())) == [faulty]


def test_a_target_of_every_service_refers_to_none() -> None:
    assert messages([agreement(targets=(target(service="*"),))], stored=whole()) == {}


def test_what_could_not_be_read_is_not_unknown() -> None:
    half_read = Submission(
        [SubmittedDefinition(tariff(service="ict"))], unreadable=frozenset([DefinitionKey("service", "ict")])
    )

    assert validation.faults(half_read, {}, shipped_holidays(), AT) == []


def test_an_id_is_defined_once_in_a_set_but_may_be_of_two_kinds() -> None:
    found = messages([*whole(), calendar(), service("office")])

    assert found == {"#/8/id": "another calendar of this input has the same id"}


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({"effective_from": date(2026, 4, 1), "effective_to": date(2026, 4, 2)}, []),
        ({"effective_from": date(2026, 4, 1), "effective_to": date(2026, 4, 1)}, ["#/0/effective_to"]),
        ({"effective_from": date(2026, 4, 1), "effective_to": date(2026, 3, 31)}, ["#/0/effective_to"]),
        ({"effective_from": date(1999, 12, 31)}, ["#/0/effective_from"]),
        ({"effective_from": date(2100, 1, 1)}, ["#/0/effective_from"]),
    ],
)
def test_a_period_begins_before_it_ends_and_in_this_century(changes: dict[str, Any], faulty: list[str]) -> None:
    assert list(messages([council("worthing", **changes)])) == faulty


APRIL_2026 = date(2026, 4, 1)


@pytest.mark.parametrize(
    ("first", "second", "services"),
    [
        ({}, {}, "payroll"),
        ({"effective_to": APRIL_2026}, {"effective_from": APRIL_2026}, None),
        ({"effective_to": date(2026, 4, 2)}, {"effective_from": APRIL_2026}, "payroll"),
        ({}, {"council": "worthing"}, None),
        ({}, {"targets": (target(service="ict"),)}, None),
        ({}, {"targets": (target(service="*"),)}, "payroll"),
        ({"targets": ()}, {"targets": (target(service="*"),)}, None),
        ({"targets": (), "tariffs": ("payroll",)}, {}, "payroll"),
        ({"targets": (), "tariffs": ("ict",)}, {}, None),
    ],
)
def test_two_agreements_of_one_council_never_meet_in_a_service(
    first: dict[str, Any], second: dict[str, Any], services: str | None
) -> None:
    known: list[AnyDefinition] = [
        provider(),
        council(),
        council("worthing"),
        service(),
        service("ict"),
        calendar(),
        tariff(),
    ]
    one, other = agreement("a1", **first), agreement("a2", **second)

    found = messages([*known, tariff("ict", service="ict"), one, other])

    assert found == (
        {}
        if services is None
        else {
            "#/8": f"overlaps agreement a2 of the same council for {services}",
            "#/9": f"overlaps agreement a1 of the same council for {services}",
        }
    )


def test_a_later_version_makes_room_for_another_agreement_from_its_day_on() -> None:
    ends = agreement("a1", effective_from=APRIL_2026, targets=(target(service="ict"),))
    stored = recorded([*whole(), service("ict")])
    stored = validation.with_recorded(stored, validation.added(submission_of([ends]), stored, shipped_holidays(), AT))

    fits = agreement("a2", effective_from=APRIL_2026)
    too_early = agreement("a2", effective_from=date(2026, 3, 31))

    assert validation.faults(submission_of([fits]), stored, shipped_holidays(), AT) == []
    assert len(validation.faults(submission_of([too_early]), stored, shipped_holidays(), AT)) == 1


def test_recording_the_same_set_again_adds_nothing() -> None:
    stored = recorded([*whole(), calendar(id="bank", holidays=("scotland",))])

    again = submission_of([*whole(), calendar(id="bank", holidays=("scotland",))])

    assert validation.added(again, stored, shipped_holidays(), AT) == []


def test_a_change_becomes_the_next_version() -> None:
    stored = recorded(whole())

    added = validation.added(submission_of([council(), service(name="Pay")]), stored, shipped_holidays(), AT)

    assert [(version.key, version.number) for version in added] == [(DefinitionKey("service", "payroll"), 2)]


def test_what_is_referred_to_is_announced_before_what_refers_to_it() -> None:
    added = validation.added(submission_of(whole()[::-1]), {}, shipped_holidays(), AT)

    assert [version.key.kind for version in added] == [
        "provider",
        "council",
        "service",
        "calendar",
        "index",
        "tariff",
        "agreement",
        "partnership",
    ]


def test_a_later_version_of_an_agreement_keeps_its_council() -> None:
    moved: list[AnyDefinition] = [council("worthing", gss="E07000229"), agreement(council="worthing")]

    assert messages(moved, stored=whole()) == {
        "#/1/council": "is adur in the version before: give this agreement another id"
    }
    assert messages([agreement(title="Payroll, again")], stored=whole()) == {}


def test_a_later_version_of_a_calendar_keeps_its_zone() -> None:
    assert messages([calendar(zone="Europe/Dublin")], stored=whole()) == {
        "#/0/zone": "is Europe/London in the version before: give this calendar another id"
    }
    assert messages([calendar(name="Office, again")], stored=whole()) == {}


@pytest.mark.parametrize(
    ("lgsl", "faulty"), [(None, []), (1, []), (9999, []), (0, ["#/0/lgsl"]), (10_000, ["#/0/lgsl"])]
)
def test_the_number_of_a_service_is_one_of_the_services_list(lgsl: int | None, faulty: list[str]) -> None:
    assert list(messages([service("other", lgsl=lgsl)])) == faulty


@pytest.mark.parametrize(("count", "faulty"), [(200, []), (201, ["#/0/targets"])])
def test_an_agreement_has_at_most_200_targets(count: int, faulty: list[str]) -> None:
    targets = tuple(target(id=f"t{number}") for number in range(count))

    assert list(messages([agreement(targets=targets)], stored=whole())) == faulty
